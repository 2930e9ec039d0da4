//! Gradients that are accumulated over several batches before a step.

use crate::runs::{session_after, values, wave};
use pix2pix::gpu::Gpu;
use pix2pix::nn::Norm;
use pix2pix::tape::{ArenaPart, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS};
use pix2pix::train::{Config, Objective, Optimizer, Recipe, UpdateOrder, plan_training};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::gpu;
use pollster::block_on;

/// Gradients of both networks as one step of gradient descent leaves them in the velocity, the
/// losses, and the fakes.
fn accumulated(gpu: &Gpu, config: &Config) -> ([Vec<f32>; 2], Vec<f32>) {
    let session = session_after(gpu, config, 1, &wave(config));
    let discriminator = session
        .discriminator
        .as_ref()
        .map(|d| values(gpu, &session, d.parameters(), ArenaPart::Moment1));
    let monitor: Vec<f32> = bytemuck::pod_collect_to_vec(
        &block_on(gpu.read(session.store.monitor(), 0, session.store.monitor().size())).unwrap(),
    );
    let first = (MONITOR_HEAD + 1 % MONITOR_ROWS * MONITOR_COLUMNS) as usize;
    let generator = values(
        gpu,
        &session,
        session.generator.parameters(),
        ArenaPart::Moment1,
    );
    (
        [generator, discriminator.unwrap_or_default()],
        monitor[first..first + 6].to_vec(),
    )
}

/// Without statistics and dropout a batch is the mean of its images, whatever makes the mean; each
/// image has its own share of the gradient penalty's mixture.
#[test]
#[ignore = "second tier: steps in parts and as a whole"]
fn accumulated_gradients_are_those_of_one_large_batch() {
    let gpu = gpu();
    let torch = Objective {
        order: UpdateOrder::Torch,
        ..Objective::default()
    };
    let distance_only = Objective {
        lambda_gan: 0.0,
        ..Objective::default()
    };
    let features = Objective {
        lambda_feat: 10.0,
        ..Objective::default()
    };
    for objective in [
        Objective::default(),
        torch,
        features,
        distance_only,
        penalised(small_config(32, 4)).objective,
    ] {
        let (whole, losses) = accumulated(&gpu, &six_images(objective, 1, 6));
        for (accumulate, batch_size) in [(2, 3), (3, 2), (6, 1)] {
            let config = six_images(objective, accumulate, batch_size);
            let (gradients, shown) = accumulated(&gpu, &config);
            let name = format!("{accumulate} times {batch_size}, {objective:?}");
            for (got, expected) in gradients.iter().zip(&whole) {
                assert_close(got, expected, &name);
            }
            let close = shown
                .iter()
                .zip(&losses)
                .all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
            assert!(close, "{name}: {shown:?} for {losses:?}");
        }
    }
}

/// A step over six images, in batches of `batch_size`.
fn six_images(objective: Objective, accumulate: usize, batch_size: usize) -> Config {
    let recipe = Recipe {
        accumulate,
        optimizer: Optimizer::Sgd { momentum: 0.9 },
        init_gain: 0.2,
        ..Recipe::default()
    };
    let base = Config {
        objective,
        recipe,
        batch_size,
        ..small_config(32, 4)
    };
    Config {
        norm: Norm::None,
        dropout: false,
        learning_rate: 0.1,
        ..base
    }
}

/// Equal but for sums in another order.
fn assert_close(got: &[f32], expected: &[f32], name: &str) {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let off = norm(
        &mut got
            .iter()
            .zip(expected)
            .map(|(&a, &b)| f64::from(a) - f64::from(b)),
    );
    let size = norm(&mut expected.iter().map(|&v| v.into()));
    assert!(off <= 1e-5 * size, "{name}: off by {off} of {size}");
}

/// With statistics and dropout each batch has its own: they are those of the same batches one after
/// the other.
#[test]
#[ignore = "second tier: steps in parts and as a whole"]
fn accumulated_batches_have_statistics_of_their_own_and_move_them_once_each() {
    let gpu = gpu();
    let statistics = |accumulate, steps| {
        let recipe = Recipe {
            accumulate,
            ..Recipe::default()
        };
        // Without learning and without dropout a second step sees what a second batch sees.
        let config = Config {
            learning_rate: 0.0,
            dropout: false,
            recipe,
            ..small_config(32, 4)
        };
        let mut batch = wave(&Config {
            recipe: Recipe::default(),
            ..config.clone()
        });
        if accumulate == 2 {
            batch.input.extend(batch.input.clone());
            batch.target.extend(batch.target.clone());
        }
        let session = session_after(&gpu, &config, steps, &batch);
        let discriminator = session.discriminator.as_ref().unwrap().statistics();
        [session.generator.statistics(), discriminator]
            .map(|arena| values(&gpu, &session, arena, ArenaPart::Value))
    };
    let [together, apart] = [statistics(2, 1), statistics(1, 2)];
    // The discriminator sees fake, real, fake, real, fake, fake instead of fake, real, fake twice.
    assert_eq!(together[0], apart[0], "the generator's");
    assert!(together[1] != apart[1] && together[1].iter().all(|v| v.is_finite()));
}

#[test]
fn accumulation_takes_the_memory_of_one_batch() {
    let memory = |accumulate, batch_size| {
        let recipe = Recipe {
            accumulate,
            ..Recipe::default()
        };
        let config = Config {
            recipe,
            batch_size,
            ..small_config(64, 8)
        };
        plan_training(&config, gpu().profile()).unwrap()
    };
    let [one, eight, accumulated] = [memory(1, 1), memory(1, 8), memory(8, 1)];
    // Beside the values of one batch there are all images, and one more set of gradients.
    let beside = accumulated.activations.saturating_sub(one.activations);
    assert!(
        eight.activations > 5 * one.activations,
        "{} of {}",
        eight.activations,
        one.activations
    );
    assert!(
        beside < 2 * one.weights + 2 * 8 * 64 * 64 * 16,
        "{} above {}",
        accumulated.activations,
        one.activations
    );
}
