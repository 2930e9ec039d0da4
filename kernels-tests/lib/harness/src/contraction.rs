//! What the tests of the three contraction families share: every rung, the shapes, and the twins.
//! All twins come from one loop over the pairs of pixels that a convolution connects.

use crate::{Surroundings, Tensor, Tolerance, check, check_in, precisions, run};
use pix2pix::contraction::{Activated, Contraction, Geometry, Rung};
use pix2pix::contraction::{Candidate, ContractionKey, candidates, choose};
use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops;
use pix2pix::tape::{LowerContext, Lowered, Op, Operand, ShapeError};
use pix2pix::tensor::{DType, Shape};
use pix2pix_twins::contraction::{self as twins, CASES};
use std::collections::HashSet;
use std::sync::Arc;

/// Geometry, batch, large map, channels of the large and of the small map.
pub type Case = (Geometry, usize, [usize; 2], [usize; 2]);

/// How much of a contraction a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every rung once, on few shapes: what `make test` has time for.
    Rungs,
    /// Every candidate on every shape.
    Candidates,
}

/// Every case in every type that activations and weights can be stored as.
pub fn cases(gpu: &Gpu, family: &str) -> Vec<(Case, DType)> {
    precisions(gpu, family)
        .into_iter()
        .flat_map(|dtype| CASES.map(|case| (own(case), dtype)))
        .collect()
}

/// Cases of every geometry, for what the device picks: every third one.
pub fn default_cases(gpu: &Gpu, family: &str) -> Vec<(Case, DType)> {
    cases(gpu, family).into_iter().step_by(3).collect()
}

/// The cases in which a test of this reach runs every rung: all of them, or one of few channels and
/// one of stride 1 whose channels are multiples of eight. Each shape costs a compilation for each
/// rung.
pub fn rung_cases(gpu: &Gpu, family: &str, reach: Reach) -> Vec<(Case, DType)> {
    let is_first = |((_, _, size, channels), _): &(Case, DType)| {
        matches!((size, channels), ([14, 22], [68, 2]) | ([7, 10], [72, 16]))
    };
    let mut cases = cases(gpu, family);
    cases.retain(|case| reach == Reach::Candidates || is_first(case));
    cases
}

/// Large and small map and weight `[kernel, kernel, large channels, small channels]` of a case.
pub fn shapes((geometry, batch, [height, width], [large, small]): Case) -> (Shape, Shape, Shape) {
    let large_shape = Shape::nhwc(batch, height, width, large);
    let small_shape = geometry.small_shape(large_shape, small).unwrap();
    (
        large_shape,
        small_shape,
        Shape::hwio(geometry.kernel, geometry.kernel, large, small),
    )
}

/// Runs `op` as a program without tuning would, alone in its buffers and sliced.
pub fn check_default(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[f64],
    terms: usize,
) {
    let candidate = choose(&key_of(op, inputs), gpu.profile());
    let tolerance = tolerance(candidate.rung, inputs[0].dtype, terms);
    check(gpu, name, op, inputs, expected, tolerance);
}

/// Runs `op` with each rung, alone in its buffers and sliced, against `expected`.
pub fn check_rungs(
    gpu: &Gpu,
    family: &str,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[f64],
    terms: usize,
) {
    for rung in Rung::ALL {
        // Rounds its operands to f16 where it is asked for.
        if rung == Rung::Matrix && gpu.profile().matrix.is_none() {
            continue;
        }
        let profile = gpu.profile().clone().force(family, rung.name());
        // Where the rung cannot run, the default's own tolerance holds.
        let candidate = choose(&key_of(op, inputs), &profile);
        for sliced in [false, true] {
            let around = Surroundings {
                profile: Some(profile.clone()),
                ..Surroundings::of(inputs[0].dtype)
            };
            let name = format!("{name} {rung}");
            check_in(
                gpu,
                &name,
                op,
                inputs,
                sliced,
                &around,
                expected,
                tolerance(candidate.rung, inputs[0].dtype, terms),
            );
        }
    }
}

/// The matrix rung rounds operands that are not stored as f16 anyway; Winograd's adds and subtracts
/// more than the terms.
fn tolerance(rung: Rung, dtype: DType, terms: usize) -> Tolerance {
    match (rung, dtype) {
        (Rung::Matrix, DType::F32) => Tolerance::sum_of_f16(terms),
        (Rung::Winograd, DType::F32) => Tolerance::sum_of_winograd(terms),
        _ => Tolerance::sum_of(terms, 1.0),
    }
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

/// Runs `op`, which reads its maps through leaky ReLUs of these slopes, with the candidates of its
/// key within reach; and again with each map in turn of nothing but NaN, which must come through.
#[allow(clippy::too_many_arguments, reason = "a table of what a check needs")]
pub fn check_activated(
    gpu: &Gpu,
    reach: Reach,
    name: &str,
    contraction: impl Contraction,
    slopes: [f32; 2],
    inputs: &[Tensor],
    expected: &[f64],
    terms: usize,
) {
    let op = Activated {
        contraction: Arc::new(contraction),
        slopes,
    };
    check_candidates(
        gpu,
        reach,
        &format!("{name} through slopes {slopes:?}"),
        &op,
        inputs,
        expected,
        terms,
    );
    let poison = |map: &Tensor| Tensor {
        values: vec![f32::NAN; map.values.len()],
        ..map.clone()
    };
    let around = Surroundings::of(inputs[0].dtype);
    let family = key_of(&op, inputs).family;
    for (candidate, op) in named(gpu, reach, &op, inputs) {
        for map in 0..Activated::maps(family) {
            let mut poisoned = inputs.to_vec();
            poisoned[map] = poison(&inputs[map]);
            let output = run(gpu, name, &op, &poisoned, true, &around).output;
            assert!(
                output.iter().all(|value| value.is_nan()),
                "{name} {candidate}: a NaN of map {map} is lost"
            );
        }
    }
}

/// Runs `op` with the named candidates of its key that are within reach; with all of them no tile
/// goes untested.
pub fn check_candidates(
    gpu: &Gpu,
    reach: Reach,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[f64],
    terms: usize,
) {
    let around = Surroundings::of(inputs[0].dtype);
    for (candidate, op) in named(gpu, reach, op, inputs) {
        let rung = op.candidate.rung;
        check_in(
            gpu,
            &format!("{name} {candidate}"),
            &op,
            inputs,
            false,
            &around,
            expected,
            tolerance(rung, inputs[0].dtype, terms),
        );
    }
}

/// A contraction by one of its candidates.
#[derive(Debug)]
struct ByCandidate {
    contraction: Activated,
    candidate: Candidate,
}

impl Op for ByCandidate {
    fn name(&self) -> &'static str {
        self.contraction.name()
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.contraction.output_shape(inputs)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.contraction.lower_with(self.candidate.clone(), context)
    }

    fn is_gradient(&self) -> bool {
        self.contraction.is_gradient()
    }
}

/// A contraction by each of its candidates, with their names; those that count few channels also as
/// a GPU launches them: with several subgroups a workgroup, and sums in parts.
fn named(gpu: &Gpu, reach: Reach, op: &dyn Op, inputs: &[Tensor]) -> Vec<(String, ByCandidate)> {
    let key = key_of(op, inputs);
    let by = |candidate: Candidate| ByCandidate {
        contraction: ops::contraction(op).expect("a contraction"),
        candidate,
    };
    // Also the rung that must be asked for, since it rounds its operands to f16.
    let with_matrix = (gpu.profile().clone()).force(key.family.name(), Rung::Matrix.name());
    let own = candidates(&key, &with_matrix)
        .into_iter()
        .map(|candidate| (candidate.name.clone(), by(candidate)));
    let as_gpu = Profile {
        class: DeviceClass::Gpu,
        ..gpu.profile().clone()
    };
    let launched = candidates(&key, &as_gpu)
        .into_iter()
        .filter(|candidate| {
            gpu.profile().class != DeviceClass::Gpu
                && matches!(candidate.rung, Rung::Thin | Rung::Dot)
        })
        .map(|candidate| (format!("{} on a GPU", candidate.name), by(candidate)));
    let mut all: Vec<_> = own.chain(launched).collect();
    if reach == Reach::Rungs {
        let mut seen = HashSet::new();
        all.retain(|(_, op)| seen.insert(op.candidate.rung.name()));
    }
    all
}

fn key_of(op: &dyn Op, inputs: &[Tensor]) -> ContractionKey {
    let operands: Vec<Operand> = inputs
        .iter()
        .map(|input| Operand::stored(input.shape, input.dtype))
        .collect();
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape).collect();
    let output = Operand::stored(op.output_shape(&shapes).unwrap(), inputs[0].dtype);
    let contraction = ops::contraction(op).expect("a contraction").contraction;
    contraction.key(&operands, output)
}

/// The cases in which every candidate runs: a large map of many channels, a small one, one that no
/// tile divides, three of few channels on a side, and two of stride 1, one of them with more tiles
/// of Winograd's than are multiplied at once.
pub fn candidate_cases(
    gpu: &Gpu,
    family: &str,
    reach: Reach,
) -> impl Iterator<Item = (Case, DType)> {
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
fn own((geometry, batch, size, channels): twins::Case) -> Case {
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
