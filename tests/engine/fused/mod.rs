//! The operations that fusion makes, against the twins of what they are made of.

mod gradients;
mod loss;
mod normalisation;
mod shapes;

use pix2pix::gpu::{DeviceClass, Gpu};
use pix2pix::ops::batch_norm::Groups;
use pix2pix::tape::Op;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::batch_norm::{GROUPS, shapes};
use pix2pix_harness::{Surroundings, Tensor, Tolerance, compare, precisions, run_beside};

fn leaky_relu(y: f64, slope: f32) -> f64 {
    if y > 0.0 { y } else { y * f64::from(slope) }
}

/// Runs `op` as it is split for CPU adapters and for GPUs, dense and sliced, and compares what it
/// writes: `expected` is the output, unless it is left unwritten, and then the byproducts.
fn check_beside(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[(Shape, Option<Vec<f64>>)],
    tolerance: Tolerance,
) {
    let shapes: Vec<Shape> = expected[1..].iter().map(|(shape, _)| *shape).collect();
    for class in [DeviceClass::Cpu, DeviceClass::Gpu] {
        let around = Surroundings::of_class(gpu, class);
        for sliced in [false, true] {
            let got = run_beside(gpu, name, op, inputs, &shapes, sliced, &around);
            let values = [got.output].into_iter().chain(got.byproducts);
            for (i, (values, (_, expected))) in values.zip(expected).enumerate() {
                if let Some(expected) = expected {
                    let dtype = if i > 0 { inputs[0].dtype } else { DType::F32 };
                    let name = format!(
                        "{name}: value {i} in {dtype}, split for {class:?}, sliced {sliced}"
                    );
                    compare(&name, &values, expected, tolerance.stored(dtype));
                }
            }
        }
    }
}

/// The operations round statistics and sums before they use them, besides the roundings that
/// `scaled` grants.
fn twice(tolerance: Tolerance) -> Tolerance {
    Tolerance {
        absolute: 2.0 * tolerance.absolute,
        relative: 2.0 * tolerance.relative,
    }
}

/// Shapes and groups in every type that activations can be stored as.
fn cases(gpu: &Gpu, what: &str) -> Vec<(Shape, Groups, DType)> {
    let shapes = || {
        shapes()
            .into_iter()
            .flat_map(|shape| GROUPS.map(|kind| (shape, kind)))
    };
    precisions(gpu, what)
        .into_iter()
        .flat_map(|dtype| shapes().map(move |(shape, kind)| (shape, kind, dtype)))
        .collect()
}
