//! `src/tape/vector_width.rs`: a kernel that takes eight numbers at a time makes the bits that it
//! makes by four.

use pix2pix::gpu::Profile;
use pix2pix::ops::activation::{ActivateBackward, Activation};
use pix2pix::ops::batch_norm::{GradInput, GradSums, Groups, Statistics, StatisticsOf};
use pix2pix::ops::elementwise::Binary;
use pix2pix::tape::Op;
use pix2pix::tensor::Shape;
use pix2pix_harness::{Surroundings, Tensor, gpu, run};

#[test]
fn eight_numbers_at_a_time_have_the_bits_of_four() {
    let gpu = gpu();
    if !gpu.profile().int64 {
        eprintln!("SKIPPED: {} has no 64-bit integers", gpu.info().name);
        return;
    }
    let (map, stats, weight) = (
        Shape::nhwc(2, 33, 35, 24),
        Shape::nhwc(1, 1, 2, 24),
        Shape::vector(24),
    );
    let statistics = Statistics {
        groups: Groups::Batch,
        eps: 1e-5,
    };
    let ops: [(&dyn Op, &[Shape]); 6] = [
        (
            &ActivateBackward {
                activation: Activation::LeakyRelu { slope: 0.2 },
            },
            &[map, map],
        ),
        (
            &ActivateBackward {
                activation: Activation::Tanh,
            },
            &[map, map],
        ),
        (
            &Binary {
                product: false,
                scale: 0.7,
            },
            &[map, map],
        ),
        (&statistics, &[map]),
        (
            &GradSums {
                from: StatisticsOf::Input,
            },
            &[map, map, stats],
        ),
        (
            &GradInput {
                from: StatisticsOf::Input,
                affine: true,
            },
            &[map, stats, map, stats, weight],
        ),
    ];
    for (op, shapes) in ops {
        let inputs: Vec<Tensor> = shapes
            .iter()
            .zip(1..)
            .map(|(&shape, seed)| Tensor::random(shape, seed))
            .collect();
        let bits = |int64: bool, sliced: bool| -> Vec<u32> {
            let profile = Some(Profile {
                int64,
                ..gpu.profile().clone()
            });
            let output = run(
                &gpu,
                op.name(),
                op,
                &inputs,
                sliced,
                &Surroundings {
                    profile,
                    ..Default::default()
                },
            )
            .output;
            output.into_iter().map(f32::to_bits).collect()
        };
        let fours = bits(false, false);
        for sliced in [false, true] {
            assert!(
                bits(true, sliced) == fours,
                "{}, sliced {sliced}",
                op.name()
            );
        }
    }
}
