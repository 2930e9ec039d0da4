//! The preparation of a combined image: bytes must be equal, floats to the last bits.

use crate::case::{GoldenCase, Tensor};
use crate::checks::Checks;
use crate::problem::Problem;
use image::RgbImage;
use pix2pix::data::{Jitter, preprocess_pair, to_unit};

/// Two roundings of a value in -1..1.
const UNIT_BOUND: f64 = 2.0 * f32::EPSILON as f64;

/// Cuts, resizes, crops, mirrors and normalises the image of a case.
pub fn run(case: &GoldenCase) -> Result<Checks, Problem> {
    let pixels = |key: &str| {
        case.count(key)
            .and_then(|count| u32::try_from(count).map_err(Problem::fail))
    };
    let jitter = Jitter {
        crop_x: pixels("crop_x")?,
        crop_y: pixels("crop_y")?,
        flip: case.switch("flip"),
    };
    let combined = image_of(&case.tensor("ab_u8")?)?;
    let (a, b) = preprocess_pair(
        &combined,
        pixels("load_size")?,
        pixels("crop_size")?,
        jitter,
    )?;
    let mut checks = Checks::default();
    for (name, image) in [("A", a), ("B", b)] {
        let bytes = format!("{name}_u8");
        if case.has(&bytes) {
            let got: Vec<f32> = image.as_raw().iter().map(|&byte| byte.into()).collect();
            checks.within(&bytes, &got, &case.tensor(&bytes)?, 0.0)?;
        }
        if case.has(name) {
            let channel =
                |channel: usize| image.pixels().map(move |pixel| to_unit(pixel.0[channel]));
            let got: Vec<f32> = (0..3).flat_map(channel).collect();
            checks.within(name, &got, &case.reference(name)?, UNIT_BOUND)?;
        }
    }
    Ok(checks)
}

/// A `[height, width, 3]` tensor as an image.
fn image_of(tensor: &Tensor) -> Result<RgbImage, Problem> {
    let bytes = tensor.values.iter().map(|&value| value as u8).collect();
    let image = match tensor.shape[..] {
        [height, width, 3] => RgbImage::from_raw(width as u32, height as u32, bytes),
        _ => None,
    };
    image.ok_or_else(|| {
        Problem::Fail(format!(
            "ab_u8 has the shape {:?}, not [height, width, 3]",
            tensor.shape
        ))
    })
}
