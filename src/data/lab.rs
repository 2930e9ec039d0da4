//! CIE L*a*b* (CIE 15:2004, section 8.2.1) of sRGB colours (IEC 61966-2-1), for the white point D65
//! and the observer of 2 degrees.

/// Rows give X, Y and Z of linear red, green and blue.
const XYZ_OF_RGB: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];
/// The inverse.
const RGB_OF_XYZ: [[f64; 3]; 3] = [
    [3.240_454_2, -1.537_138_5, -0.498_531_4],
    [-0.969_266_0, 1.876_010_8, 0.041_556_0],
    [0.055_643_4, -0.204_025_9, 1.057_225_2],
];
/// X, Y and Z of white: the sums of the rows.
const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
/// Where the cube root of [`compress`] becomes a line.
const KNEE: f64 = 6.0 / 29.0;

/// Lightness 0..100, a (green to red) and b (blue to yellow) of a colour in 0..1.
pub fn lab_of_srgb(rgb: [f64; 3]) -> [f64; 3] {
    let xyz = multiply(&XYZ_OF_RGB, rgb.map(linear));
    let [x, y, z] = [0, 1, 2].map(|axis| compress(xyz[axis] / WHITE[axis]));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The colour in 0..1 that has this lightness, a and b. Colours that a screen cannot show are
/// clamped.
pub fn srgb_of_lab([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (lightness + 16.0) / 116.0;
    let [x, y, z] = [y + a / 500.0, y, y - b / 200.0].map(expand);
    multiply(&RGB_OF_XYZ, [x * WHITE[0], y * WHITE[1], z * WHITE[2]])
        .map(|linear| encode(linear.clamp(0.0, 1.0)))
}

fn multiply(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| {
        row.iter()
            .zip(vector)
            .map(|(factor, value)| factor * value)
            .sum()
    })
}

/// sRGB's transfer function, from what is stored to light.
fn linear(stored: f64) -> f64 {
    if stored <= 0.040_45 {
        stored / 12.92
    } else {
        ((stored + 0.055) / 1.055).powf(2.4)
    }
}

/// From light to what is stored.
fn encode(linear: f64) -> f64 {
    if linear <= 0.003_130_8 {
        12.92 * linear
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}

/// The cube root, and a line near black.
fn compress(ratio: f64) -> f64 {
    if ratio > KNEE.powi(3) {
        ratio.cbrt()
    } else {
        ratio / (3.0 * KNEE * KNEE) + 4.0 / 29.0
    }
}

fn expand(root: f64) -> f64 {
    if root > KNEE {
        root.powi(3)
    } else {
        3.0 * KNEE * KNEE * (root - 4.0 / 29.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The corners of the sRGB cube and its middle grey as published for D65, to their two
    /// decimals.
    #[test]
    fn known_colours_have_their_published_values() {
        for (rgb, expected) in [
            ([255, 0, 0], [53.24, 80.09, 67.20]),
            ([0, 255, 0], [87.73, -86.18, 83.18]),
            ([0, 0, 255], [32.30, 79.19, -107.86]),
            ([0, 255, 255], [91.11, -48.09, -14.13]),
            ([255, 0, 255], [60.32, 98.23, -60.82]),
            ([255, 255, 0], [97.14, -21.55, 94.48]),
            ([255, 255, 255], [100.0, 0.0, 0.0]),
            ([128, 128, 128], [53.59, 0.0, 0.0]),
            ([0, 0, 0], [0.0, 0.0, 0.0]),
        ] {
            let lab = lab_of_srgb(rgb.map(|byte| f64::from(byte) / 255.0));
            // Half a unit of the last decimal, and the last decimals of the matrix.
            assert!(
                lab.iter()
                    .zip(expected)
                    .all(|(got, known)| (got - known).abs() < 0.012),
                "{rgb:?}: {lab:?}"
            );
        }
    }

    #[test]
    fn there_and_back_is_the_same_colour() {
        for step in 0..1000u32 {
            let word = crate::data::random::philox4x32_10([1, 2], [step, 0, 0, 0]);
            let rgb = [0, 1, 2].map(|channel| f64::from(word[channel]) / f64::from(u32::MAX));
            let back = srgb_of_lab(lab_of_srgb(rgb));
            // The two matrices are each other's inverse to seven decimals; a 16-bit step is 1.5e-5.
            assert!(
                back.iter()
                    .zip(rgb)
                    .all(|(back, rgb)| (back - rgb).abs() < 7e-6),
                "{rgb:?}: {back:?}"
            );
        }
        assert!(
            srgb_of_lab([50.0, 300.0, -300.0])
                .iter()
                .all(|value| (0.0..=1.0).contains(value))
        );
    }
}
