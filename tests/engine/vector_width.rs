//! `src/tape/vector_width.rs`: a kernel that takes eight numbers at a time makes the bits that it
//! makes by four.

use pix2pix::gpu::{Gpu, Profile};
use pix2pix::ops::activation::{ActivateBackward, Activation};
use pix2pix::ops::batch_norm::{GradInput, GradSums, Groups, Statistics, StatisticsOf};
use pix2pix::ops::elementwise::Binary;
use pix2pix::tape::Op;
use pix2pix::tensor::Shape;
use pix2pix_harness::{Surroundings, Tensor, gpu, run};

const MAP: Shape = Shape::nhwc(2, 33, 35, 24);
const STATS: Shape = Shape::nhwc(1, 1, 2, 24);
const WEIGHT: Shape = Shape::vector(24);

fn operations() -> Vec<(Box<dyn Op>, Vec<Shape>)> {
    let activate = |activation| ActivateBackward { activation };
    let add = Binary {
        product: false,
        scale: 0.7,
    };
    let statistics = Statistics {
        groups: Groups::Batch,
        eps: 1e-5,
    };
    let from = StatisticsOf::Input;
    let grad_input = GradInput { from, affine: true };
    let leaky = activate(Activation::LeakyRelu { slope: 0.2 });
    vec![
        (Box::new(leaky), vec![MAP, MAP]),
        (Box::new(activate(Activation::Tanh)), vec![MAP, MAP]),
        (Box::new(add), vec![MAP, MAP]),
        (Box::new(statistics), vec![MAP]),
        (Box::new(GradSums { from }), vec![MAP, MAP, STATS]),
        (Box::new(grad_input), vec![MAP, STATS, MAP, STATS, WEIGHT]),
    ]
}

fn bits(gpu: &Gpu, op: &dyn Op, inputs: &[Tensor], int64: bool, sliced: bool) -> Vec<u32> {
    let around = Surroundings {
        profile: Some(Profile {
            int64,
            ..gpu.profile().clone()
        }),
        ..Default::default()
    };
    let output = run(gpu, op.name(), op, inputs, sliced, &around).output;
    output.into_iter().map(f32::to_bits).collect()
}

#[test]
fn eight_numbers_at_a_time_have_the_bits_of_four() {
    let gpu = gpu();
    if !gpu.profile().int64 {
        eprintln!("SKIPPED: {} has no 64-bit integers", gpu.info().name);
        return;
    }
    for (op, shapes) in operations() {
        let inputs: Vec<Tensor> = shapes
            .iter()
            .zip(1..)
            .map(|(&shape, seed)| Tensor::random(shape, seed))
            .collect();
        let by_four = bits(&gpu, &*op, &inputs, false, false);
        for sliced in [false, true] {
            assert!(
                bits(&gpu, &*op, &inputs, true, sliced) == by_four,
                "{}, sliced {sliced}",
                op.name()
            );
        }
    }
}
