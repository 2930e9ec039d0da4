//! The run directory as a trainer uses it.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::train::score::EvalMetric;

pub(super) fn config() -> Config {
    Config {
        dataset: Some("<script>&".into()),
        ..Config::default()
    }
}

pub(super) fn row(step: u64) -> MetricsRow {
    MetricsRow {
        step,
        epoch: 1,
        g_gan: Some(1.0),
        g_l1: 0.5,
        d_real: Some(0.7),
        d_fake: Some(0.6),
        d_gp: None,
        g_feat: None,
        learning_rate: 2e-4,
        seconds: step as f64,
        val_l1: Some(0.25),
        val_ssim: Some(0.5),
        val_psnr: Some(20.0),
    }
}

/// A run of `length` steps that has done 20 and goes on.
pub(super) fn standing(length: u64) -> Standing {
    Standing {
        stage: Stage::Training,
        step: 20,
        length,
        metric: EvalMetric::L1,
        best: None,
    }
}

pub(super) fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn bad_names_are_refused_before_anything_is_made() {
    let root = tempfile::tempdir().unwrap();
    for name in ["", ".", "..", "a/b", "a\\b", "/etc", "C:x", "a\nb", "a\0"] {
        for result in [
            RunDir::create(root.path(), name),
            RunDir::open(root.path(), name),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(error, RunError::Name { .. }), "{name:?}: {error}");
            assert!(!error.to_string().contains('\n') && error.to_string().contains("`name`"));
        }
        assert!(RunDir::unused_name(root.path(), name).is_err());
    }
    assert_eq!(entries(root.path()), [""; 0]);
}

#[test]
fn an_existing_run_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut run = RunDir::create(root.path(), "cats").unwrap();
    run.write_config(&config()).unwrap();
    let refuse = |words: &[&str]| {
        let error = RunDir::create(root.path(), "cats").unwrap_err();
        assert!(
            words.iter().all(|word| error.to_string().contains(word)),
            "{error}"
        );
        let kept = RunDir::at(root.path(), "cats").unwrap();
        assert_eq!(kept.read_config().unwrap(), config());
        error
    };
    // While its process goes on, the folder must not be moved away.
    for checkpoint in [false, true] {
        if checkpoint {
            fs::write(run.checkpoint_path(1), "weights").unwrap();
        }
        assert!(matches!(
            refuse(&["cats", "in use by process"]),
            RunError::InUse { .. }
        ));
    }
    fs::remove_file(run.checkpoint_path(1)).unwrap();
    drop(run.lock.take());
    // Nothing to go on from: `resume` would not help.
    assert!(matches!(
        refuse(&["cats", "move it away", "`name`"]),
        RunError::Unsaved { .. }
    ));
    fs::write(run.checkpoint_path(1), "weights").unwrap();
    assert!(matches!(
        refuse(&["cats", "`resume`", "`name`"]),
        RunError::Exists { .. }
    ));
    run.remove_unsaved();
    assert!(run.path().is_dir(), "a run that has saved stays");
    fs::remove_file(run.checkpoint_path(1)).unwrap();
    run.remove_unsaved();
    assert!(!run.path().exists());
}

#[test]
fn a_root_that_is_no_folder_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("runs");
    fs::write(&file, "not a folder").unwrap();
    let error = RunDir::create(&file, "cats").unwrap_err();
    assert!(matches!(error, RunError::Write { .. }), "{error}");
    assert!(error.to_string().contains("runs"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a folder");
}

#[test]
fn a_run_that_cannot_be_opened_says_why() {
    let root = tempfile::tempdir().unwrap();
    let error = RunDir::open(root.path(), "dogs").unwrap_err();
    assert!(matches!(error, RunError::Missing { .. }));
    assert!(error.to_string().contains("dogs"));
    let mut run = RunDir::create(root.path(), "cats").unwrap();
    run.write_config(&config()).unwrap();
    drop(run.lock.take());
    fs::remove_dir(run.path().join(SAMPLES)).unwrap();
    fs::write(run.path().join(SAMPLES), "in the way").unwrap();
    let error = RunDir::open(root.path(), "cats").unwrap_err();
    assert!(matches!(error, RunError::Write { .. }));
    assert!(error.to_string().contains(SAMPLES));
}

#[test]
fn opening_sweeps_what_a_killed_process_left() {
    let root = tempfile::tempdir().unwrap();
    let mut run = RunDir::create(root.path(), "cats").unwrap();
    fs::write(run.path().join("checkpoints/.pix2pix-7-1.tmp"), "half").unwrap();
    fs::write(run.checkpoint_path(9), "whole").unwrap();
    drop(run.lock.take());
    RunDir::open(root.path(), "cats").unwrap();
    assert_eq!(
        entries(&run.path().join(CHECKPOINTS)),
        ["step-000009.safetensors"]
    );
}

#[test]
fn unused_names_count_up() {
    let root = tempfile::tempdir().unwrap();
    for expected in ["cats", "cats-2", "cats-3"] {
        let name = RunDir::unused_name(root.path(), "cats").unwrap();
        assert_eq!(name, expected);
        RunDir::create(root.path(), &name).unwrap();
    }
    assert_eq!(
        RunDir::unused_name(&root.path().join("no"), "cats").unwrap(),
        "cats"
    );
}

#[test]
fn checkpoints_come_by_step_and_foreign_files_do_not() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "cats").unwrap();
    for step in [1_000_000, 250, 999_999] {
        fs::write(run.checkpoint_path(step), [0; 5]).unwrap();
    }
    for foreign in [
        "step-1.safetensors",
        "step-+00250.safetensors",
        "notes.txt",
        "step-000250.png",
    ] {
        fs::write(run.path().join(CHECKPOINTS).join(foreign), "").unwrap();
    }
    let found = run.checkpoints().unwrap();
    let steps: Vec<u64> = found.iter().map(|checkpoint| checkpoint.step).collect();
    assert_eq!(steps, [250, 999_999, 1_000_000]);
    assert!(found.iter().all(|checkpoint| checkpoint.bytes == 5));
    fs::remove_dir_all(run.path().join(CHECKPOINTS)).unwrap();
    assert!(matches!(run.checkpoints(), Err(RunError::Read { .. })));
}

#[test]
fn broken_json_is_named() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "cats").unwrap();
    assert!(matches!(run.read_config(), Err(RunError::Read { .. })));
    fs::write(run.config_path(), "{\"size\":").unwrap();
    for error in [
        run.read_config().unwrap_err(),
        run.refresh(&standing(40)).unwrap_err(),
    ] {
        assert!(matches!(error, RunError::Json { .. }));
        assert!(error.to_string().contains(CONFIG));
    }
}

/// What may go is a folder that this process made, without anything that was saved.
#[test]
fn only_an_unsaved_folder_of_this_process_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let unsaved = |name: &str| {
        let run = RunDir::create(root.path(), name).unwrap();
        run.write_config(&config()).unwrap();
        run.append(&row(1)).unwrap();
        run.refresh(&standing(40)).unwrap();
        fs::write(run.path().join(CHECKPOINTS).join(".pix2pix-1.tmp"), "half").unwrap();
        run
    };
    let gone = unsaved("gone");
    gone.remove_unsaved();
    assert!(!gone.path().exists());
    for file in [
        "generator.safetensors",
        "samples/step-000001.png",
        "checkpoints/step-000001.safetensors",
        "checkpoints/kept.safetensors",
        "notes.txt",
    ] {
        let run = unsaved(&file.replace('/', "-"));
        fs::write(run.path().join(file), "mine").unwrap();
        let before = entries(run.path());
        run.remove_unsaved();
        assert_eq!(entries(run.path()), before, "{file}");
        assert!(run.path().join(file).exists(), "{file}");
    }
    // Saved, and then somebody moved all of it away.
    let moved = unsaved("moved");
    moved.mark_saved();
    moved.clone().remove_unsaved();
    assert!(moved.path().join(METRICS).exists());
    // A run of another process, whose only checkpoint was moved away.
    let mut other = unsaved("other");
    drop(other.lock.take());
    RunDir::open(root.path(), "other").unwrap().remove_unsaved();
    assert!(other.path().join(METRICS).exists());
}

#[test]
fn a_run_has_one_writer() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "cats").unwrap();
    run.write_config(&config()).unwrap();
    assert!(run.is_locked());
    let copy = run.clone();
    drop(run);
    let error = RunDir::open(root.path(), "cats").unwrap_err();
    let own = std::process::id();
    assert!(
        matches!(error, RunError::InUse { process: Some(id), .. } if id == own),
        "{error:?}"
    );
    assert!(error.to_string().contains(&format!("process {own}")));
    drop(copy);
    assert!(RunDir::open(root.path(), "cats").unwrap().is_locked());
}

#[test]
fn a_data_set_is_no_run_and_is_not_touched() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("facades");
    fs::create_dir_all(data.join("train")).unwrap();
    let error = RunDir::open(root.path(), "facades").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("facades is no run, it has no config.json"),
        "{error}"
    );
    assert_eq!(entries(&data), ["train"]);
}

/// The folder of a run was moved away, and another run has its name now.
#[cfg(unix)]
#[test]
fn a_run_does_not_write_into_the_folder_of_another() {
    let root = tempfile::tempdir().unwrap();
    let moved = RunDir::create(root.path(), "cats").unwrap();
    fs::rename(moved.path(), root.path().join("away")).unwrap();
    let other = RunDir::create(root.path(), "cats").unwrap();
    other.write_config(&config()).unwrap();
    other.append(&row(1)).unwrap();
    let samples = Samples { rows: Vec::new() };
    let held_out = HeldOut {
        pairs: 1,
        copy_l1: 0.5,
    };
    for result in [
        moved.check_place(),
        moved.write_config(&Config::default()),
        moved.append(&row(2)),
        moved.rewind(0),
        moved.write_held_out(&held_out),
        moved.write_samples(1, &samples).map(drop),
        moved.refresh(&standing(40)),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, RunError::Replaced { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("cats is no longer the folder of this run")
        );
    }
    moved.remove_unsaved();
    drop(moved);
    assert_eq!(other.read_config().unwrap(), config());
    assert_eq!(other.metrics().unwrap(), [row(1)]);
    other.check_place().unwrap();
    // A folder that is only gone is another error.
    fs::rename(other.path(), root.path().join("gone")).unwrap();
    assert!(matches!(other.append(&row(2)), Err(RunError::Write { .. })));
}
