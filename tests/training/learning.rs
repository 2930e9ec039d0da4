//! Runs learn, and take no more memory the longer they are.

use crate::runs::{bundled, session_after};
use pix2pix::train::run::RunDir;
use pix2pix::train::{Config, Length, Session, Trainer};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;
use std::sync::atomic::AtomicBool;

#[test]
fn sixty_steps_on_one_pair_learn_it() {
    let gpu = gpu();
    let config = Config {
        learning_rate: 2e-3,
        ..small_config(32, 4)
    };
    let batch = bundled(&config)
        .require(pix2pix::data::Split::Train)
        .unwrap()
        .plain(&[3])
        .unwrap();
    let distance = |session: &Session| {
        let fake = block_on(session.program().read(&gpu, session.vars().fake)).unwrap();
        fake.iter()
            .zip(&batch.target)
            .map(|(a, b)| (a - b).abs())
            .sum::<f32>()
            / fake.len() as f32
    };
    let mut session = session_after(&gpu, &config, 1, &batch);
    let first = distance(&session);
    for step in 2..=60 {
        session
            .submit(&gpu, step, config.learning_rate, &batch)
            .unwrap();
    }
    let last = distance(&session);
    assert!(
        last < 0.35 * first,
        "L1 {first} at step 1, {last} at step 60"
    );
}

#[test]
#[ignore = "second tier: 200 steps"]
fn memory_stays_flat_over_200_steps() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(200),
        sample_every: 50,
        checkpoint_every: 50,
        ..small_config(32, 2)
    };
    let run = RunDir::create(root.path(), "flat").unwrap();
    let mut trainer =
        block_on(Trainer::start(&gpu, config.clone(), &bundled(&config), run)).unwrap();
    let before = gpu.memory_bytes();
    let mut during = Vec::new();
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| {
        during.push(gpu.memory_bytes())
    }))
    .unwrap();
    assert_eq!(gpu.memory_bytes(), before, "after the run");
    // Readings of the losses under way hold a copy of the monitor each.
    let readings = 4 * trainer.session().store.monitor().size();
    let most = during.iter().max().unwrap();
    assert!(
        *most <= before + readings,
        "{before} bytes before, {most} at most during the run"
    );
}
