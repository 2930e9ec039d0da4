//! Configurations that break a rule, at every door of the library.

use crate::runs::{bundled, resume, train};
use pix2pix::interop::TensorFile;
use pix2pix::train::run::{RunDir, RunError};
use pix2pix::train::{
    Config, Length, Objective, Recipe, Recording, Session, TrainError, Trainer, UpdateOrder,
    checkpoint, plan_training,
};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;
use std::fs;

/// A configuration that no command line made meets the rules at every door.
#[test]
fn a_configuration_that_breaks_a_rule_is_refused_before_anything_is_made() {
    let config = Config {
        recipe: Recipe {
            pool: 2,
            ..Recipe::default()
        },
        objective: Objective {
            order: UpdateOrder::Torch,
            ..Objective::default()
        },
        ..small_config(32, 4)
    };
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "pooled").unwrap();
    let (gpu, data) = (gpu(), bundled(&config));
    let errors = [
        block_on(Trainer::start(&gpu, config.clone(), &data, run)).unwrap_err(),
        plan_training(&config, gpu.profile()).unwrap_err(),
        Recording::new(&config).unwrap_err(),
        Session::new(&gpu, &config).unwrap_err(),
    ];
    for error in errors {
        let TrainError::Config(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.field, "recipe.pool");
    }
}

/// The configuration of a checkpoint is text in the head of the file.
#[test]
fn a_checkpoint_with_a_bad_configuration_is_refused_with_field_and_rule() {
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(1),
        ..small_config(32, 4)
    };
    let run = train(&gpu(), &config, root.path(), "bad");
    let path = run.checkpoint_path(1);
    let good = fs::read(&path).unwrap();
    for (from, to, field, said) in [
        (
            r#"\"accumulate\":1,"#,
            r#"\"accumulate\":0,"#,
            "recipe.accumulate",
            "`recipe.accumulate` 0 must lie between 1 and 128",
        ),
        (
            r#"\"d_layers\":3,"#,
            r#"\"d_layers\":5,"#,
            "d_layers",
            "the deepest that fits has",
        ),
    ] {
        let at = good
            .windows(from.len())
            .position(|bytes| bytes == from.as_bytes())
            .unwrap();
        let mut bad = good.clone();
        bad[at..at + to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, &bad).unwrap();
        let error = checkpoint::read_progress(&TensorFile::open(&path).unwrap()).unwrap_err();
        for part in ["step-000001.safetensors", said] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let TrainError::CheckpointConfig { source, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(source.field, field);
    }
}

/// A checkpoint decides. What somebody wrote into `config.json` is told, counted, and written over.
#[test]
fn an_edited_configuration_is_told_and_not_used() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(1),
        ..small_config(32, 4)
    };
    let run = train(&gpu, &config, root.path(), "told");
    assert_eq!(run.edits(&config), None);
    let mut edited = config.clone();
    edited.seed += 1;
    for (ema, said) in [
        (None, "differs from the checkpoint in 1 field: `seed`; "),
        (
            Some(0.5),
            "differs from the checkpoint in 2 fields: `recipe.ema`, `seed`; ",
        ),
        (
            Some(1.5),
            "`recipe.ema` 1.5 must be a number from 0 on and below 1; ",
        ),
    ] {
        edited.recipe.ema = ema;
        run.write_config(&edited).unwrap();
        let note = run.edits(&config).unwrap();
        for part in ["config.json", said, "goes on with the checkpoint's values"] {
            assert!(note.contains(part), "{note}");
        }
        drop(resume(&gpu, &run));
        assert_eq!(run.read_config().unwrap(), config);
    }
}

/// What somebody wrote into `config.json` meets the same errors, with the name of the file.
#[test]
fn an_edited_configuration_is_refused_with_the_name_of_its_file() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "edited").unwrap();
    let config = small_config(32, 4);
    run.write_config(&config).unwrap();
    assert_eq!(run.read_config().unwrap(), config);
    for (field, change, said) in [
        (
            "ngf",
            (|c| c.ngf = 0) as fn(&mut Config),
            "`ngf` 0 must lie between 1 and",
        ),
        (
            "recipe.accumulate",
            |c| c.recipe.accumulate = 129,
            "between 1 and 128",
        ),
        (
            "learning_rate",
            |c| c.learning_rate = -1.0,
            "must be a number from 0 on",
        ),
    ] {
        let mut edited = config.clone();
        change(&mut edited);
        assert_eq!(edited.differences(&config), [field]);
        run.write_config(&edited).unwrap();
        let error = run.read_config().unwrap_err();
        for part in ["config.json", said, "correct this file"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let RunError::Config { source, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(source.field, field);
    }
    run.write_config(&config).unwrap();
    let text = fs::read_to_string(run.config_path()).unwrap();
    let misspelt = text
        .replace("\"pool\"", "\"pol\"")
        .replace("\"ngf\"", "\"nfg\"");
    fs::write(run.config_path(), text.replace("\"pool\"", "\"pol\"")).unwrap();
    let error = run.read_config().unwrap_err();
    assert!(
        error.to_string().contains("there is no field `recipe.pol`"),
        "{error}"
    );
    // A field without a default is missed first.
    fs::write(run.config_path(), misspelt).unwrap();
    let error = run.read_config().unwrap_err();
    assert!(error.to_string().contains("missing field `ngf`"), "{error}");
}
