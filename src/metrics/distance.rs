//! Distances of samples: MAE, RMSE, PSNR.

use super::MetricError;
use super::planes::plane_pairs;
use crate::data::Picture;

/// The largest sample of 8 bits.
pub(super) const RANGE: f64 = 255.0;

/// The mean absolute error of two pictures, over all samples, in steps of 255. Over
/// 127.5 it is a little more than the L1 of training, which sees no rounding to 8 bits.
///
/// # Errors
/// [`MetricError`] for pictures of different sizes or of 16 bits.
pub fn mae(output: &Picture, target: &Picture) -> Result<f64, MetricError> {
    mean("MAE", [output, target], f64::abs)
}

/// The root of the mean squared error of two pictures, over all samples, in steps of 255.
///
/// # Errors
/// As [`mae`].
pub fn rmse(output: &Picture, target: &Picture) -> Result<f64, MetricError> {
    mean("RMSE", [output, target], |error| error * error).map(f64::sqrt)
}

/// The peak signal-to-noise ratio of two pictures in decibels, `20 log10(255 / RMSE)`. Infinite
/// where the pictures are equal.
///
/// # Errors
/// As [`mae`].
pub fn psnr(output: &Picture, target: &Picture) -> Result<f64, MetricError> {
    let mean = mean("PSNR", [output, target], |error| error * error)?;
    Ok(10.0 * (RANGE * RANGE / mean).log10())
}

/// The mean of `of` over the differences of all samples.
fn mean(
    metric: &'static str,
    pictures: [&Picture; 2],
    of: impl Fn(f64) -> f64,
) -> Result<f64, MetricError> {
    let pairs = plane_pairs(metric, pictures, 1)?;
    let means = pairs.iter().map(|[a, b]| a.zip(b, |a, b| of(a - b)).mean());
    Ok(means.sum::<f64>() / pairs.len() as f64)
}
