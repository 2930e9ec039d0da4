//! What the tests of the three contraction families share: every rung, the shapes, and the twins.
//! All twins come from one loop over the pairs of pixels that a convolution connects.

mod rungs;

pub use rungs::{Rungs, Tested, check_activated, check_candidates, check_default, check_rungs};

use crate::{Tensor, precisions};
use pix2pix::contraction::{Family, Geometry};
use pix2pix::gpu::Gpu;
use pix2pix::tensor::{DType, Shape};
use pix2pix_twins::contraction::{self as twins, CASES};

/// Geometry, batch, large map, channels of the large and of the small map.
pub type ContractionCase = (Geometry, usize, [usize; 2], [usize; 2]);

/// How much of a contraction a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every rung once, on the first shape that it takes: what `make test` has time for.
    Rungs,
    /// Every rung, or every candidate, on every shape.
    All,
}

/// Shapes on which every rung runs once, as large map and channels: one that no tile divides, one
/// of few channels on either side, one of stride 1 whose channels are multiples of eight, and one
/// of few pixels and many channels.
const FIRST: [([usize; 2], [usize; 2]); 5] = [
    ([8, 8], [17, 33]),
    ([18, 38], [1, 20]),
    ([14, 22], [68, 2]),
    ([7, 10], [72, 16]),
    ([8, 8], [64, 40]),
];

/// Every case in every type that activations and weights can be stored as.
pub fn cases(gpu: &Gpu, family: Family) -> Vec<(ContractionCase, DType)> {
    precisions(gpu, family.name())
        .into_iter()
        .flat_map(|dtype| CASES.map(|case| (own(case), dtype)))
        .collect()
}

/// Cases of every geometry, for what the device picks: every sixth one.
pub fn default_cases(gpu: &Gpu, family: Family) -> Vec<(ContractionCase, DType)> {
    cases(gpu, family).into_iter().step_by(6).collect()
}

/// The cases in which a test of this reach runs its rungs: all of them, or the first ones.
pub fn rung_cases(gpu: &Gpu, family: Family, reach: Reach) -> Vec<(ContractionCase, DType)> {
    let mut cases = cases(gpu, family);
    if reach == Reach::Rungs {
        let place = |((_, _, size, channels), _): &(ContractionCase, DType)| {
            FIRST.iter().position(|first| *first == (*size, *channels))
        };
        cases.retain(|case| place(case).is_some());
        cases.sort_by_key(place);
    }
    cases
}

/// The cases in which every candidate runs: a large map of many channels, a small one, one that no
/// tile divides, three of few channels on a side, and two of stride 1, one of them with more tiles
/// of Winograd's than are multiplied at once.
pub fn candidate_cases(
    gpu: &Gpu,
    family: Family,
    reach: Reach,
) -> impl Iterator<Item = (ContractionCase, DType)> {
    rung_cases(gpu, family, reach)
        .into_iter()
        .filter(|((_, batch, size, channels), _)| {
            matches!(
                (batch, size, channels),
                (2, [8, 8], [17, 33]) | (1, [8, 8], [64, 40]) | (1, [4, 4], _)
            ) || matches!((size, channels), ([7, 10], [72, 16]) | ([16, 15], _))
                || matches!(
                    (size, channels),
                    ([18, 38], _) | ([14, 22], _) | ([9, 12], [36, 1])
                )
        })
}

/// A case of the twins with our own geometry.
fn own((geometry, batch, size, channels): twins::ContractionCase) -> ContractionCase {
    let twins::Geometry {
        kernel,
        stride,
        padding,
    } = geometry;
    (
        Geometry::new(kernel, stride, padding),
        batch,
        size,
        channels,
    )
}

/// Large and small map and weight `[kernel, kernel, large channels, small channels]` of a case.
pub fn shapes(
    (geometry, batch, [height, width], [large, small]): ContractionCase,
) -> (Shape, Shape, Shape) {
    let large_shape = Shape::nhwc(batch, height, width, large);
    let small_shape = geometry.small_shape(large_shape, small).unwrap();
    (
        large_shape,
        small_shape,
        Shape::hwio(geometry.kernel, geometry.kernel, large, small),
    )
}

/// Slopes by which activated values stay numbers of f16, to which the matrix rung rounds them.
pub const SLOPES: [f32; 2] = [0.0, 0.25];

/// A map as a contraction takes it through a leaky ReLU.
pub fn activated(map: &Tensor, slope: f32) -> Tensor {
    let values = map
        .values
        .iter()
        .map(|&x| if x > 0.0 { x } else { slope * x })
        .collect();
    Tensor {
        values,
        ..map.clone()
    }
}

fn twin_of(geometry: Geometry) -> twins::Geometry {
    twins::Geometry::new(geometry.kernel, geometry.stride, geometry.padding)
}

/// Calls `f(large pixel, small pixel, tap)` for every connected pair, as indices into rows and
/// taps.
pub fn for_each_connection(
    geometry: Geometry,
    large: Shape,
    small: Shape,
    f: impl FnMut(usize, usize, usize),
) {
    twin_of(geometry).for_each_connection(large.dims(), small.dims(), f);
}

/// Large to small: a convolution, and the input gradient of a transposed one.
pub fn gather(
    geometry: Geometry,
    large: &Tensor,
    small: Shape,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Vec<f64> {
    let bias = bias.map(Tensor::f64);
    let large = (large.shape.dims(), large.f64());
    twin_of(geometry).gather(
        (large.0, &large.1),
        small.dims(),
        &weight.f64(),
        bias.as_deref(),
    )
}

/// Small to large: a transposed convolution, and the input gradient of a convolution.
pub fn scatter(
    geometry: Geometry,
    small: &Tensor,
    large: Shape,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Vec<f64> {
    let bias = bias.map(Tensor::f64);
    let small = (small.shape.dims(), small.f64());
    twin_of(geometry).scatter(
        (small.0, &small.1),
        large.dims(),
        &weight.f64(),
        bias.as_deref(),
    )
}

/// The gradient of the weight of a convolution from the large to the small map.
pub fn grad_weight(geometry: Geometry, large: &Tensor, small: &Tensor) -> Vec<f64> {
    let (large_values, small_values) = (large.f64(), small.f64());
    twin_of(geometry).grad_weight(
        (large.shape.dims(), &large_values),
        (small.shape.dims(), &small_values),
    )
}

/// A weight with its two channel axes swapped.
pub fn swapped(weight: &Tensor) -> Tensor {
    let [kernel_h, kernel_w, a, b] = weight.shape.dims();
    Tensor {
        shape: Shape::hwio(kernel_h, kernel_w, b, a),
        values: twins::swapped(weight.shape.dims(), &weight.values),
        dtype: weight.dtype,
    }
}
