//! Twin of `shaders/image_pool/`: the reference's `ImagePool`, with draws that are counted.

use pix2pix::gpu::Gpu;
use pix2pix::ops::image_pool::ImagePool;
use pix2pix::tape::{Op, StepState};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::twins::image_pool::ImagePool as Twin;
use pix2pix_harness::{Surroundings, Tensor, gpu, precisions, run};

const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Steps of `parts` batches each through a pool; how many images were older ones.
fn check(
    gpu: &Gpu,
    dtype: DType,
    capacity: usize,
    [batch, parts, steps]: [usize; 3],
    image: Shape,
) -> usize {
    let shape = image.with_batch(batch);
    let mut pool = vec![0.0; image.with_batch(capacity).len()];
    let mut twin = Twin::new(capacity, [SEED as u32, (SEED >> 32) as u32]);
    let mut older = 0;
    for step in 1..=steps as u32 {
        for part in 0..parts {
            let op = ImagePool {
                first: part * batch,
                images_per_step: parts * batch,
            };
            let fresh = Tensor::random(shape, 100 * step + part as u32).stored(dtype);
            let around = Surroundings {
                step: StepState::new(SEED, step.into(), 0.0, [0.0; 2]),
                ..Surroundings::of(dtype)
            };
            let inputs = [fresh.clone(), Tensor::new(image.with_batch(capacity), pool)];
            // A state lies densely, whatever its images do.
            let outcome = run(gpu, "image_pool", &op, &inputs, false, &around);
            let mut expected = Vec::new();
            for (i, one) in fresh.values.chunks(image.len()).enumerate() {
                let chosen = twin.query(one, op.first + i, step);
                older += usize::from(chosen != one);
                expected.extend(chosen);
            }
            assert_eq!(
                outcome.output, expected,
                "step {step}, part {part}: {capacity} of {shape}"
            );
            pool = outcome.inputs[1].clone();
            let stored: Vec<f32> = twin.stored().concat();
            assert!(
                pool[..stored.len()] == stored && pool[stored.len()..].iter().all(|&v| v == 0.0),
                "the pool after step {step}"
            );
        }
    }
    older
}

#[test]
fn the_image_pool_is_the_references() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "image_pool") {
        // A batch larger than the pool, pools that fill within a batch, ragged channels, several
        // batches a step.
        for (capacity, batch, parts, image) in [
            (2, 3, 1, Shape::nhwc(1, 5, 3, 3)),
            (5, 2, 1, Shape::nhwc(1, 4, 4, 8)),
            (4, 1, 3, Shape::nhwc(1, 7, 9, 1)),
            (1, 1, 1, Shape::nhwc(1, 1, 2, 6)),
        ] {
            let steps = 20;
            let older = check(&gpu, dtype, capacity, [batch, parts, steps], image);
            let asked = steps * batch * parts - capacity;
            assert!(
                (asked / 5..=asked * 4 / 5).contains(&older),
                "{older} of {asked} were older"
            );
        }
    }
}

#[test]
fn the_image_pool_stays_as_it_is_once_the_flag_is_up() {
    let gpu = gpu();
    let image = Shape::nhwc(1, 3, 3, 3);
    let inputs = [
        Tensor::random(image, 1),
        Tensor::random(image.with_batch(2), 2),
    ];
    for step in [1, 9] {
        let around = Surroundings {
            step: StepState::new(SEED, step, 0.0, [0.0; 2]),
            monitor: vec![1],
            ..Default::default()
        };
        let outcome = run(
            &gpu,
            "image_pool",
            &ImagePool {
                first: 0,
                images_per_step: 1,
            },
            &inputs,
            false,
            &around,
        );
        assert!(outcome.output == inputs[0].values && outcome.inputs[1] == inputs[1].values);
    }
}

#[test]
fn an_image_pool_of_other_images_is_refused() {
    let op = ImagePool {
        first: 1,
        images_per_step: 2,
    };
    let shape = |batch, side| Shape::nhwc(batch, side, 4, 3);
    assert!(op.output_shape(&[shape(1, 4), shape(9, 4)]).is_ok());
    assert!(op.output_shape(&[shape(1, 4), shape(9, 5)]).is_err());
    assert!(op.output_shape(&[shape(2, 4), shape(9, 4)]).is_err());
}
