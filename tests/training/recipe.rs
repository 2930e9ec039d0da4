//! What a recipe adds to the step: the moving average of the weights, and the image pool.

use crate::runs::{session_after, values, wave};
use pix2pix::tape::ArenaPart;
use pix2pix::train::{Config, Objective, Recipe};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::gpu;
use pollster::block_on;

#[test]
fn the_average_is_that_of_the_weights_after_every_step() {
    let gpu = gpu();
    let recipe = Recipe {
        ema: Some(0.6),
        ..Recipe::default()
    };
    let config = Config {
        learning_rate: 1e-2,
        recipe,
        ..small_config(32, 4)
    };
    let batch = wave(&config);
    let mut session = session_after(&gpu, &config, 0, &batch);
    let arena = session.generator.parameters();
    let mut expected: Vec<f64> = values(&gpu, &session, arena, ArenaPart::Value)
        .iter()
        .map(|&v| v.into())
        .collect();
    for step in 1..=20 {
        session
            .submit(&gpu, step, config.learning_rate, &batch)
            .unwrap();
        let kept = f64::min(0.6, step as f64 / (step as f64 + 9.0));
        let now = values(&gpu, &session, arena, ArenaPart::Value);
        expected.iter_mut().zip(&now).for_each(|(average, &value)| {
            *average = kept * *average + (1.0 - kept) * f64::from(value)
        });
    }
    let average = values(&gpu, &session, arena, ArenaPart::Average);
    assert!(
        average
            .iter()
            .zip(&expected)
            .all(|(&got, expected)| (f64::from(got) - expected).abs() < 1e-6)
    );
    let value = values(&gpu, &session, arena, ArenaPart::Value);
    assert_ne!(average, value);
    let within = block_on(session.with_used_weights(&gpu, async || {
        Ok(values(&gpu, &session, arena, ArenaPart::Value))
    }))
    .unwrap();
    assert!(
        within == average && values(&gpu, &session, arena, ArenaPart::Value) == value,
        "used, and put back"
    );
}

/// A discriminator with a pool that is never full is the one without; with a full one it sees older
/// fakes, and the generator's loss does not know of either.
#[test]
fn an_image_pool_changes_what_the_discriminator_learns_from() {
    let gpu = gpu();
    let after = |objective: Objective, pool: usize, steps: u64| {
        let recipe = Recipe {
            pool,
            ..Recipe::default()
        };
        let config = Config {
            recipe,
            objective,
            learning_rate: 1e-3,
            ..small_config(32, 4)
        };
        let session = session_after(&gpu, &config, steps, &wave(&config));
        let discriminator = session.discriminator.as_ref().unwrap().parameters();
        [
            values(&gpu, &session, discriminator, ArenaPart::Value),
            values(
                &gpu,
                &session,
                session.generator.parameters(),
                ArenaPart::Value,
            ),
        ]
    };
    for objective in [
        Objective::default(),
        penalised(small_config(32, 4)).objective,
    ] {
        let without = after(objective, 0, 5);
        assert!(
            without == after(objective, 9, 5),
            "{objective:?}: a pool that is not full"
        );
        assert!(
            without != after(objective, 1, 5),
            "{objective:?}: one that is"
        );
    }
}
