//! Pixels as the bytes of a PNG file.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use std::io;

/// A PNG of RGB pixels, `[height, width, 3]`, 8 bits a sample.
///
/// # Errors
/// A side that the format cannot hold: none, or more than 2³¹ - 1 pixels.
///
/// # Panics
/// If the number of bytes does not fit the sides, as the encoder of the crate `image` does.
pub fn encode_png((width, height): (u32, u32), pixels: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| match error {
            ImageError::IoError(error) => error,
            error => io::Error::other(error),
        })?;
    Ok(bytes)
}
