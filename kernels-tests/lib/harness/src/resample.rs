//! The twin of each kind of resampling.

use pix2pix::ops::resample::Resample;
use pix2pix::tensor::Shape;
use pix2pix_twins::resample::Resample as Twin;
pub use pix2pix_twins::resample::for_each_pooled;

/// The kind as its twin knows it.
pub fn twin_of(kind: Resample) -> Twin {
    match kind {
        Resample::ReflectPad { pad } => Twin::ReflectPad { pad },
        Resample::Nearest => Twin::Nearest,
        Resample::Bilinear => Twin::Bilinear,
    }
}

/// The twin of a whole map.
pub fn enlarged(kind: Resample, small: Shape, input: &[f64]) -> Vec<f64> {
    twin_of(kind).enlarged(small.dims(), input)
}

/// The twin of a map of means.
pub fn pooled(large: Shape, input: &[f64]) -> Vec<f64> {
    pix2pix_twins::resample::pooled(large.dims(), input)
}
