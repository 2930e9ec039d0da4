//! Twins of `shaders/random/`: the words of Philox, and what is made of them.

use std::f64::consts::TAU;

/// Philox4x32-10 (Salmon et al., SC 2011), by 64-bit products.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let product = [
            0xD251_1F53 * u64::from(counter[0]),
            0xCD9E_8D57 * u64::from(counter[2]),
        ];
        let high = product.map(|p| (p >> 32) as u32);
        counter = [
            high[1] ^ counter[1] ^ key[0],
            product[1] as u32,
            high[0] ^ counter[3] ^ key[1],
            product[0] as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

/// The upper 24 bits as a fraction.
pub fn fraction(word: u32) -> f64 {
    f64::from(word >> 8) / f64::from(1 << 24)
}

/// `count` draws of a normal distribution (Box and Muller). `key` is the state's.
pub fn normal(mean: f64, std: f64, key: u32, count: usize, seed: [u32; 2]) -> Vec<f64> {
    let draw = |i: usize| {
        let words = philox([i as u32 / 4, 1, 0, key], seed);
        let [a, b] = if i % 4 < 2 {
            [words[0], words[1]]
        } else {
            [words[2], words[3]]
        };
        let radius = (-2.0 * (fraction(a) + 1.0 / f64::from(1 << 24)).ln()).sqrt();
        let angle = fraction(b) * TAU;
        let side = if i.is_multiple_of(2) {
            angle.cos()
        } else {
            angle.sin()
        };
        mean + std * radius * side
    };
    (0..count).map(draw).collect()
}

/// `count` draws of a uniform distribution over 0..1.
pub fn uniform(key: u32, count: usize, step: u32, seed: [u32; 2]) -> Vec<f64> {
    let draw = |i: usize| fraction(philox([i as u32 / 4, 2, step, key], seed)[i % 4]);
    (0..count).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::philox;

    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(
            philox(counter, [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }
}
