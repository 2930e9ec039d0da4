//! The twin of `shaders/random/`: the words of Philox.

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
