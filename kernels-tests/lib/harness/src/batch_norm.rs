//! Inputs for the tests of normalisations, and their twins.

use crate::{Tensor, Tolerance, maps};
use pix2pix::ops::batch_norm::Groups;
use pix2pix::tensor::Shape;
pub use pix2pix_twins::batch_norm::*;

/// f32 sums of a few thousand terms around 1, divided by their number; a device's sqrt and division
/// add some ulp.
pub const CLOSE: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 4e-6,
};

/// What statistics are taken over.
pub const GROUPS: [Groups; 2] = [Groups::Batch, Groups::Instance];

/// The number of groups.
pub fn count(groups: Groups, shape: Shape) -> usize {
    match groups {
        Groups::Batch => 1,
        Groups::Parts(parts) => parts,
        Groups::Instance => shape.batch(),
    }
}

/// Shapes that are tried.
pub fn shapes() -> [Shape; 10] {
    maps(SHAPES)
}

/// Images whose channels differ in mean and deviation.
pub fn image(shape: Shape, seed: u32) -> Tensor {
    let mut image = Tensor::random(shape, seed);
    for (i, value) in image.values.iter_mut().enumerate() {
        let c = (i % shape.channels()) as f32;
        *value = *value * (0.5 + 0.1 * (c % 7.0)) + c % 3.0 - 1.0;
    }
    image
}

/// A tensor of rounded values.
pub fn tensor(shape: Shape, values: &[f64]) -> Tensor {
    Tensor::new(shape, values.iter().map(|&v| v as f32).collect())
}

/// Statistics as the kernels take them.
pub fn stats_tensor(shape: Shape, groups: usize, values: &[f64]) -> Tensor {
    tensor(Shape::nhwc(groups, 1, 2, shape.channels()), values)
}

/// A group of two values that happen to be near has a large inv_std, which scales the roundings of
/// everything behind it.
pub fn scaled(stats: &[f64]) -> Tolerance {
    let largest = stats.iter().fold(1.0, |a: f64, &b| a.max(b.abs()));
    Tolerance {
        absolute: 2e-6 * largest,
        ..CLOSE
    }
}
