//! Twins of `shaders/random/`.

use pix2pix::gpu::Gpu;
use pix2pix::ops::random::{RandomNormal, RandomUniform};
use pix2pix::tape::{Op, StepState};
use pix2pix::tensor::Shape;
use pix2pix_harness::twins::random::{normal, uniform};
use pix2pix_harness::{Surroundings, Tolerance, check, check_in, gpu, run};
use std::collections::HashSet;

fn draw(gpu: &Gpu, op: &RandomNormal, seed: u64, step: u64) -> Vec<f32> {
    let around = Surroundings {
        step: StepState::new(seed, step, 0.0, [0.5, 0.999]),
        ..Default::default()
    };
    run(gpu, "random_normal", op, &[], false, &around).output
}

#[test]
fn random_normal_matches_its_twin() {
    let gpu = gpu();
    let shapes = [
        Shape::scalar(),
        Shape::vector(6),
        Shape::vector(64),
        Shape::nhwc(2, 3, 5, 3),
        Shape::hwio(4, 4, 3, 16),
        Shape::hwio(4, 4, 6, 3),
        Shape::hwio(1, 1, 5, 1),
        Shape::hwio(3, 3, 8, 13),
        Shape::hwio(4, 4, 64, 64),
    ];
    for shape in shapes {
        let op = RandomNormal::new(0.25, 1.0, &format!("state {shape}"), shape);
        let expected = normal(
            op.mean.into(),
            op.std.into(),
            op.key,
            shape.len(),
            Surroundings::default().step.seed,
        );
        // Logarithm, root, cosine and product each round at up to 5.8.
        check(
            &gpu,
            &format!("random_normal {shape}"),
            &op,
            &[],
            &expected,
            Tolerance {
                absolute: 2e-6,
                relative: 2e-7,
            },
        );
    }
}

fn in_step(step: u64) -> Surroundings {
    Surroundings {
        step: StepState::new(1 << 40 | 3, step, 0.0, [0.5, 0.999]),
        ..Default::default()
    }
}

#[test]
fn uniform_draws_match_their_twin() {
    let gpu = gpu();
    let around = in_step(9);
    for shape in [
        Shape::scalar(),
        Shape::vector(6),
        Shape::nhwc(5, 1, 1, 1),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(1, 16, 16, 8),
    ] {
        let op = RandomUniform::new("name", shape);
        let expected = uniform(op.key, shape.len(), 9, around.step.seed);
        let name = format!("random_uniform {shape}");
        for sliced in [false, true] {
            let exact = Tolerance::EXACT;
            check_in(&gpu, &name, &op, &[], sliced, &around, &expected, exact);
        }
    }
}

#[test]
fn uniform_draws_change_with_step_and_name_only() {
    let gpu = gpu();
    let shape = Shape::vector(4096);
    let values = |name, step| {
        let op = RandomUniform::new(name, shape);
        run(&gpu, "random_uniform", &op, &[], false, &in_step(step)).output
    };
    let first = values("a", 1);
    // Five standard errors of the mean.
    let mean = first.iter().map(|&v| f64::from(v)).sum::<f64>() / 4096.0;
    assert!(
        (mean - 0.5).abs() < 5.0 / (12.0f64 * 4096.0).sqrt()
            && first.iter().all(|v| (0.0..1.0).contains(v)),
        "mean {mean}"
    );
    assert_eq!(first, values("a", 1), "the same bits again");
    for other in [values("a", 2), values("b", 1)] {
        assert!(first.iter().zip(&other).filter(|(a, b)| a == b).count() < 4);
    }
}

#[test]
fn draws_for_a_weight_that_is_no_map_are_refused() {
    let op = RandomUniform::new("name", Shape::hwio(1, 1, 2, 2));
    assert!(op.output_shape(&[]).is_err());
}

#[test]
fn random_normal_is_normal() {
    let gpu = gpu();
    let values = draw(
        &gpu,
        &RandomNormal::new(0.5, 2.0, "weight", Shape::hwio(4, 4, 64, 64)),
        1 << 40 | 3,
        0,
    );
    let count = values.len() as f64;
    let z: Vec<f64> = values.iter().map(|&v| (f64::from(v) - 0.5) / 2.0).collect();
    let moment = |power: i32| z.iter().map(|z| z.powi(power)).sum::<f64>() / count;
    // Five standard errors of each moment of 65 536 draws.
    for (power, expected, error) in [
        (1, 0.0, 1.0f64),
        (2, 1.0, 2.0),
        (3, 0.0, 15.0),
        (4, 3.0, 96.0),
    ] {
        let bound = 5.0 * (error / count).sqrt();
        assert!(
            (moment(power) - expected).abs() < bound,
            "moment {power} is {}, expected {expected} ± {bound}",
            moment(power)
        );
    }
    let neighbours = z.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / count;
    assert!(
        neighbours.abs() < 5.0 / count.sqrt(),
        "neighbours correlate: {neighbours}"
    );
    let tail = z.iter().filter(|z| z.abs() > 3.0).count() as f64 / count;
    assert!(
        (tail - 0.0027).abs() < 0.001,
        "beyond 3 standard deviations: {tail}"
    );
}

#[test]
fn draws_depend_on_seed_and_name_and_on_nothing_else() {
    let gpu = gpu();
    let op = |name| RandomNormal::new(0.0, 1.0, name, Shape::vector(512));
    let first = draw(&gpu, &op("a"), 1, 0);
    assert_eq!(first, draw(&gpu, &op("a"), 1, 9), "the step matters");
    let others = [
        draw(&gpu, &op("b"), 1, 0),
        draw(&gpu, &op("a"), 2, 0),
        draw(&gpu, &op("a"), 1 << 32 | 1, 0),
    ];
    for (i, other) in others.iter().enumerate() {
        let seen: HashSet<u32> = other.iter().map(|v| v.to_bits()).collect();
        let shared = first.iter().filter(|v| seen.contains(&v.to_bits())).count();
        assert!(
            shared < 4,
            "{shared} of 512 values of draw {i} occur in another"
        );
    }
}
