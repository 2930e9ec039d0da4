//! Pictures that tests make.

use crate::data::random::philox4x32_10;
use image::{Rgb, RgbImage};

/// A combined picture of noise, which no other `seed` gives.
pub fn noise_pair(seed: [u32; 2], (width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let word = philox4x32_10(seed, [x, y, 0, 0]);
        Rgb([word[0] as u8, word[1] as u8, word[2] as u8])
    })
}
