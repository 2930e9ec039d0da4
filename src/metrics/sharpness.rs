//! How sharp a picture is by itself, and how much of it is a texture of period two.
//!
//! Neither compares two pictures: an output is as sharp as its target if both have one number. The
//! paper's "Analysis of the objective function" (section 4.2) is about this: L1 alone blurs.

use super::MetricError;
use super::planes::{Plane, planes};
use crate::data::Picture;

/// The root mean square of the differences of neighbouring samples, along both axes and over
/// channels, in steps of 255. A blurred picture has less.
///
/// # Errors
/// [`MetricError`] for a picture of 16 bits, or with a side of less than 2 pixels.
pub fn sharpness(picture: &Picture) -> Result<f64, MetricError> {
    energy("sharpness", picture, &[-1.0, 1.0]).map(f64::sqrt)
}

/// The mean energy at the highest frequency, in squared steps of 255: what the filter
/// `(1, -2, 1) / 4` leaves, along both axes and over channels. At the frequency of two pixels the
/// filter's factor is 1, at twice that period 1/2, and a flat colour gives 0. A checkerboard, as a
/// transposed convolution makes it, has much of it.
///
/// # Errors
/// [`MetricError`] for a picture of 16 bits, or with a side of less than 3 pixels.
pub fn highest_frequency(picture: &Picture) -> Result<f64, MetricError> {
    energy(
        "the energy at the highest frequency",
        picture,
        &[0.25, -0.5, 0.25],
    )
}

/// The mean square of what a filter along each axis leaves.
fn energy(metric: &'static str, picture: &Picture, taps: &[f64]) -> Result<f64, MetricError> {
    let planes = planes(metric, picture, taps.len() as u32)?;
    let of_axis = |plane: &Plane, step: [usize; 2]| {
        let (width, height) = (
            plane.width - step[0] * (taps.len() - 1),
            plane.height - step[1] * (taps.len() - 1),
        );
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let squares = places.map(|(x, y)| {
            let tap = |k: usize| plane.values[(y + k * step[1]) * plane.width + x + k * step[0]];
            let left: f64 = taps
                .iter()
                .enumerate()
                .map(|(k, weight)| weight * tap(k))
                .sum();
            left * left
        });
        squares.sum::<f64>() / (width * height) as f64
    };
    let means = planes
        .iter()
        .map(|plane| (of_axis(plane, [1, 0]) + of_axis(plane, [0, 1])) / 2.0);
    Ok(means.sum::<f64>() / planes.len() as f64)
}
