//! Whole runs can be repeated, stopped and resumed: the bits are those of a run that never stopped.

use crate::in_memory::checkpoint_in_memory;
use crate::runs::{
    assert_same_tensors, bundled, copy_of, resume, session_after, states, tensors, train, wave,
};
use image::RgbImage;
use pix2pix::data::Dataset;
use pix2pix::gpu::Gpu;
use pix2pix::interop::TensorFile;
use pix2pix::tape::ArenaPart;
use pix2pix::tensor::DType;
use pix2pix::train::checkpoint::TrainingProgress;
use pix2pix::train::run::{MetricsRow, RunDir};
use pix2pix::train::{
    Config, Length, Objective, Optimizer, Policy, Recipe, StepReport, Trainer, checkpoint,
};
use pix2pix_harness::config::{penalised, small_config, two_scales};
use pix2pix_harness::gpu;
use pollster::block_on;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const PARTS: [ArenaPart; 3] = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];

#[test]
#[ignore = "second tier: runs with a gradient of a gradient and with six downs"]
fn a_resumed_run_has_the_bits_of_one_that_never_stopped() {
    let gpu = gpu();
    // 64 pixels have six downs, so that there is dropout to repeat; the penalty draws where it
    // looks.
    let config = Config {
        batch_size: 2,
        checkpoint_every: 3,
        seed: 11,
        ..small_config(64, 4)
    };
    for config in [
        penalised(Config {
            size: 32,
            load_size: 36,
            num_downs: 5,
            ..config.clone()
        }),
        two_scales(config.clone()),
        config,
    ] {
        resuming_changes_no_bit(&gpu, &config);
    }
}

fn resuming_changes_no_bit(gpu: &Gpu, config: &Config) {
    let root = tempfile::tempdir().unwrap();
    let whole = train(gpu, config, root.path(), "whole");
    let resumed = copy_of(&whole.checkpoint_path(3), root.path(), "resumed");
    let mut trainer = resume(gpu, &resumed);
    assert_eq!((trainer.step(), trainer.notes()), (3, &[][..]));
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    assert_same_tensors(&whole.checkpoint_path(6), &resumed.checkpoint_path(6));
    for file in ["generator.safetensors", "discriminator.safetensors"] {
        assert_same_tensors(&whole.path().join(file), &resumed.path().join(file));
    }
    let different = tensors(&whole.checkpoint_path(3))
        .iter()
        .filter(|(key, value)| tensors(&whole.checkpoint_path(6))[*key] != **value)
        .count();
    assert!(
        different > 100,
        "only {different} tensors moved in three steps"
    );
}

#[test]
fn a_stopped_run_goes_on_with_the_same_bits_and_a_whole_metrics_file() {
    stops_and_goes_on(5, 1);
}

/// The stop finds a score, which is dropped and comes first when the run goes on.
#[test]
fn a_run_stopped_in_a_score_goes_on_with_this_score() {
    stops_and_goes_on(5, 5);
}

/// A run that becomes longer has the same best score and the same rows, whether the score of its
/// earlier end was made then or stopped.
#[test]
fn a_stopped_last_score_counts_as_one_that_was_made() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(4),
        sample_every: 3,
        ..small_config(32, 4)
    };
    let ended = |name: &str, stop_at: u64| {
        let run = RunDir::create(root.path(), name).unwrap();
        let stop = AtomicBool::new(false);
        let mut trainer = block_on(Trainer::start(
            &gpu,
            config.clone(),
            &bundled(&config),
            run.clone(),
        ))
        .unwrap();
        let stops = |report: &StepReport| {
            stop.fetch_or(report.losses.step == stop_at, Ordering::Relaxed);
        };
        block_on(trainer.train(&stop, &mut |report| stops(report))).unwrap();
        drop(trainer);
        let is_unscored = newest_progress(&run).unscored.is_some();
        assert_eq!(is_unscored, stop_at == 4);
        let newest = run.checkpoints().unwrap().pop().unwrap();
        let file = TensorFile::open(&newest.path).unwrap();
        let mut progress = checkpoint::read_progress(&file).unwrap();
        progress.config.length = Length::Steps(8);
        let mut longer =
            Trainer::resume(&gpu, progress, &file, &bundled(&config), run.clone()).unwrap();
        block_on(longer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
        drop(longer);
        let progress = newest_progress(&run);
        (rows(&run), progress.best, progress.step)
    };
    let made = ended("made", 0);
    assert_eq!(made.2, 8);
    assert_eq!(made, ended("stopped", 4));
}

/// The held-out pairs of a score that was stopped are gone when the run goes on.
#[test]
fn a_run_without_the_pairs_of_its_stopped_score_goes_on() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    for name in ["train/0.png", "train/1.png", "val/0.png"] {
        let path = root.path().join("data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::new(64, 32).save(path).unwrap();
    }
    let config = Config {
        length: Length::Steps(3),
        sample_every: 1,
        dataset: Some(root.path().join("data")),
        ..small_config(32, 4)
    };
    let dataset = || Dataset::open(&root.path().join("data"), &config.data_options()).unwrap();
    let run = RunDir::create(root.path(), "run").unwrap();
    let mut trainer = block_on(Trainer::start(
        &gpu,
        config.clone(),
        &dataset(),
        run.clone(),
    ))
    .unwrap();
    let stop = AtomicBool::new(false);
    let mut report = |_: &StepReport| stop.store(true, Ordering::Relaxed);
    let outcome = block_on(trainer.train(&stop, &mut report)).unwrap();
    let in_memory = checkpoint_in_memory(&gpu, &trainer, &run);
    drop(trainer);
    let progress = newest_progress(&run);
    assert!(outcome.interrupted && progress.unscored.is_some());

    fs::remove_dir_all(root.path().join("data/val")).unwrap();
    // A run goes on from bytes as it does from the file.
    let mut trainer = Trainer::resume(&gpu, progress, &in_memory, &dataset(), run.clone()).unwrap();
    let ended = block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    assert!(!ended.interrupted && ended.step == 3);
    let steps: Vec<u64> = rows(&run).iter().map(|row| row.step).collect();
    assert_eq!(steps, [1, 2, 3]);
}

#[test]
#[ignore = "second tier: three runs"]
fn a_run_stopped_in_its_last_score_goes_on_with_this_score() {
    stops_and_goes_on(5, 12);
}

#[test]
#[ignore = "second tier: three runs"]
fn a_run_stopped_at_the_step_of_a_sample_goes_on_with_the_same_bits() {
    stops_and_goes_on(1, 1);
}

/// The rows of a run, but for the time that they took.
fn rows(run: &RunDir) -> Vec<MetricsRow> {
    let rows = run.metrics().unwrap().into_iter();
    let seconds = 0.0;
    rows.map(|row| MetricsRow { seconds, ..row }).collect()
}

fn newest_progress(run: &RunDir) -> TrainingProgress {
    let newest = run.checkpoints().unwrap().pop().unwrap();
    checkpoint::read_progress(&TensorFile::open(&newest.path).unwrap()).unwrap()
}

/// Stops a run at its first report of step `stop_at` or a later one, and compares it with one that
/// never stopped.
fn stops_and_goes_on(sample_every: u64, stop_at: u64) {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(12),
        sample_every,
        ..small_config(32, 4)
    };
    let whole = train(&gpu, &config, root.path(), "whole");
    let stopped = RunDir::create(root.path(), "stopped").unwrap();
    let mut trainer = block_on(Trainer::start(
        &gpu,
        config.clone(),
        &bundled(&config),
        stopped.clone(),
    ))
    .unwrap();
    let stop = AtomicBool::new(false);
    let outcome = block_on(trainer.train(&stop, &mut |report| {
        stop.fetch_or(report.losses.step >= stop_at, Ordering::Relaxed);
    }))
    .unwrap();
    assert!(
        outcome.interrupted && (stop_at..=12).contains(&outcome.step),
        "stopped at step {}",
        outcome.step
    );
    drop(trainer);
    // Nothing is shown once it is stopped: a row of this step would have no score.
    let is_due = outcome.step.is_multiple_of(sample_every) || outcome.step == 12;
    let unscored = newest_progress(&stopped)
        .unscored
        .map(|step| step.losses.step);
    assert_eq!(unscored, is_due.then_some(outcome.step));
    let has_row = rows(&stopped).iter().any(|row| row.step == outcome.step);
    assert_ne!(has_row, is_due);
    assert!(!stopped.sample_path(outcome.step).exists());

    // It may be stopped again in this very score.
    let again =
        block_on(resume(&gpu, &stopped).train(&AtomicBool::new(true), &mut |_| {})).unwrap();
    assert!(again.interrupted && again.step == outcome.step);
    let after = newest_progress(&stopped)
        .unscored
        .map(|step| step.losses.step);
    assert_eq!(after, unscored);

    let outcome =
        block_on(resume(&gpu, &stopped).train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    assert!(!outcome.interrupted);
    assert_same_tensors(&whole.checkpoint_path(12), &stopped.checkpoint_path(12));
    let [of_whole, of_stopped] = [&whole, &stopped].map(newest_progress);
    assert_eq!(of_whole.best, of_stopped.best);
    assert_eq!(of_stopped.unscored, None);
    let steps: Vec<u64> = rows(&whole).iter().map(|row| row.step).collect();
    assert_eq!(steps, (1..=12).collect::<Vec<_>>());
    assert_eq!(
        rows(&whole),
        rows(&stopped),
        "a sample every {sample_every} steps"
    );
    for step in steps {
        let [whole, stopped] = [&whole, &stopped].map(|run| fs::read(run.sample_path(step)).ok());
        assert!(whole == stopped, "the samples of step {step}");
    }
}

#[test]
#[ignore = "second tier: three runs"]
fn a_resumed_plateau_goes_on_with_the_scores_it_has_seen() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    // So low a rate that no score is better than the one before by the threshold.
    let recipe = Recipe {
        schedule: Policy::Plateau,
        ..Recipe::default()
    };
    let base = Config {
        length: Length::Steps(20),
        sample_every: 1,
        checkpoint_every: 12,
        ..small_config(32, 4)
    };
    let config = Config {
        recipe,
        learning_rate: 1e-5,
        ..base
    };
    let whole = train(&gpu, &config, root.path(), "whole");
    let resumed = copy_of(&whole.checkpoint_path(12), root.path(), "resumed");
    let mut trainer = resume(&gpu, &resumed);
    let plateau = trainer.schedule().plateau;
    assert!(plateau.best.is_some() && plateau.drops == 1, "{plateau:?}");
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    assert_same_tensors(&whole.checkpoint_path(20), &resumed.checkpoint_path(20));
    let progress = |run: &RunDir| {
        checkpoint::read_progress(&TensorFile::open(&run.checkpoint_path(20)).unwrap())
            .unwrap()
            .plateau
    };
    assert_eq!(progress(&whole), progress(&resumed));
    assert!(progress(&whole).drops > plateau.drops);
}

#[test]
fn one_seed_gives_one_run_and_another_seed_another() {
    let gpu = gpu();
    let config = small_config(64, 4);
    let batch = wave(&config);
    let run = |seed| {
        states(
            &gpu,
            &session_after(
                &gpu,
                &Config {
                    seed,
                    ..config.clone()
                },
                2,
                &batch,
            ),
            &PARTS,
        )
    };
    let first = run(1);
    assert!(first == run(1), "the same seed");
    let other = run(2);
    let same: Vec<&String> = first
        .keys()
        .filter(|key| key.ends_with("weight Value") && first[*key] == other[*key])
        .collect();
    assert!(same.is_empty(), "weights that no seed changes: {same:?}");
}

/// The tensors under a prefix, as bytes.
fn bytes_under(path: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .filter_map(|(key, view)| {
            Some((key.strip_prefix(prefix)?.to_owned(), view.data().to_vec()))
        })
        .collect()
}

/// What runs differ in: every kind of state that a checkpoint holds is in one of them.
fn recipes(gpu: &Gpu) -> Vec<(&'static str, Recipe, Objective, DType)> {
    let pooled = Recipe {
        pool: 3,
        ema: Some(0.9),
        accumulate: 2,
        ..Recipe::default()
    };
    let momentum = Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.9 },
        ..Recipe::default()
    };
    let plain = Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        pool: 2,
        ..Recipe::default()
    };
    let half = Recipe {
        pool: 2,
        ema: Some(0.9),
        ..momentum.clone()
    };
    let distance_only = Objective {
        lambda_gan: 0.0,
        ..Objective::default()
    };
    let unconditional = Objective {
        conditional: false,
        ..Objective::default()
    };
    let mut runs = vec![
        ("pool and average", pooled, Objective::default(), DType::F32),
        ("momentum", momentum, distance_only, DType::F32),
        ("plain", plain, unconditional, DType::F32),
    ];
    if gpu.profile().f16 {
        runs.push(("half", half, Objective::default(), DType::F16));
    }
    runs
}

#[test]
#[ignore = "second tier: two runs of every recipe"]
fn every_recipe_resumes_with_the_bits_of_a_run_that_never_stopped() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    for (name, recipe, objective, precision) in recipes(&gpu) {
        let base = Config {
            checkpoint_every: 4,
            recipe,
            objective,
            precision,
            ..small_config(32, 4)
        };
        let config = Config {
            batch_size: 2,
            learning_rate: 1e-3,
            ..base
        };
        let whole = train(&gpu, &config, root.path(), name);
        let again = format!("{name} again");
        let resumed = copy_of(&whole.checkpoint_path(4), root.path(), &again);
        block_on(resume(&gpu, &resumed).train(&AtomicBool::new(false), &mut |_| {})).unwrap();
        assert_same_tensors(&whole.checkpoint_path(6), &resumed.checkpoint_path(6));
        assert_same_tensors(
            &whole.path().join("generator.safetensors"),
            &resumed.path().join("generator.safetensors"),
        );
        assert_eq!(
            whole.path().join("discriminator.safetensors").exists(),
            objective.lambda_gan != 0.0,
            "{name}"
        );
    }
    let run = RunDir::open(root.path(), "pool and average").unwrap();
    assert_average_is_exported(&run);
}

/// What is exported is the average, and the weights behind it are something else.
fn assert_average_is_exported(run: &RunDir) {
    let exported = bytes_under(&run.path().join("generator.safetensors"), "");
    let checkpoint = run.checkpoint_path(6);
    let [used, trained] = ["", "training_G."].map(|prefix| bytes_under(&checkpoint, prefix));
    let weights = || trained.keys().filter(|key| key.ends_with("weight"));
    assert!(weights().count() > 10 && exported.iter().all(|(key, value)| used[key] == *value));
    assert!(weights().all(|key| used[key] != trained[key]));
    assert_eq!(
        bytes_under(&checkpoint, "image_pool.")
            .into_keys()
            .collect::<Vec<_>>(),
        ["fake", "input"]
    );
}
