//! Every way of training runs end to end, is recorded with the run, and is resumed and used without
//! being named again; what cannot be combined is refused at once.

use crate::{TINY, dataset, fail_cleanly, generator, picture, stdout, succeed, temporary};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn config(root: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(root.join("runs").join(name).join("config.json")).unwrap())
        .unwrap()
}

/// A column of a run's metrics.
fn column(root: &Path, name: &str, column: &str) -> Vec<f64> {
    let text = fs::read_to_string(root.join("runs").join(name).join("metrics.csv")).unwrap();
    let mut lines = text.lines();
    let index = lines
        .next()
        .unwrap()
        .split(',')
        .position(|title| title == column)
        .unwrap();
    lines
        .map(|line| line.split(',').nth(index).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn every_recipe_trains_and_its_run_remembers_it() {
    let folder = temporary();
    let root = folder.path();
    let recipes: [(&str, &[&str], &str, Value); 12] = [
        (
            "cosine",
            &["--schedule", "cosine"],
            "schedule",
            json!("cosine"),
        ),
        (
            "step",
            &["--batch-size", "2", "--schedule", "step", "--lr-step", "1"],
            "schedule",
            json!({"step": {"epochs": 1}}),
        ),
        (
            "plateau",
            &["--schedule", "plateau"],
            "schedule",
            json!("plateau"),
        ),
        (
            "constant",
            &["--schedule", "constant"],
            "schedule",
            json!("constant"),
        ),
        (
            "xavier",
            &["--init", "xavier", "--init-gain", "0.5"],
            "init_gain",
            json!(0.5),
        ),
        ("kaiming", &["--init", "kaiming"], "init", json!("kaiming")),
        (
            "orthogonal",
            &["--init", "orthogonal"],
            "init",
            json!("orthogonal"),
        ),
        (
            "sgd",
            &["--optimizer", "sgd", "--objective", "l1"],
            "optimizer",
            json!({"sgd": {"momentum": 0.0}}),
        ),
        ("pool", &["--pool", "2"], "pool", json!(2)),
        (
            "accumulate",
            &["--accumulate", "2", "--pool", "3"],
            "accumulate",
            json!(2),
        ),
        (
            "ema",
            &["--ema", "0.5", "--init", "xavier"],
            "ema",
            json!(0.5),
        ),
        (
            "momentum",
            &["--optimizer", "sgd", "--momentum", "0.9"],
            "optimizer",
            json!({"sgd": {"momentum": 0.9}}),
        ),
    ];
    dataset(&root.join("pairs"), 2);
    picture(&root.join("pairs/val/v.png"), 80, 40);
    for (name, options, field, value) in recipes {
        succeed(
            root,
            &[
                &["train", "pairs", "--steps", "2", "--name", name],
                &TINY[..],
                options,
            ]
            .concat(),
        );
        assert_eq!(
            config(root, name).pointer(&format!("/recipe/{field}")),
            Some(&value),
            "{name}"
        );
    }
    // Nothing is named again.
    picture(&root.join("a.png"), 40, 33);
    for name in ["plateau", "momentum", "ema", "accumulate"] {
        succeed(root, &["train", "--resume", name]);
        succeed(
            root,
            &[
                "translate",
                "a.png",
                "--model",
                &format!("runs/{name}"),
                "--out",
                name,
            ],
        );
    }
    assert_eq!(column(root, "cosine", "learning_rate"), [2e-4, 1e-4]);
    assert_eq!(column(root, "step", "learning_rate"), [2e-4, 2e-5]);
    assert_eq!(column(root, "constant", "learning_rate"), [2e-4, 2e-4]);
}

#[test]
fn what_cannot_be_trained_is_refused_with_the_nearest_that_can() {
    let folder = temporary();
    dataset(&folder.path().join("pairs"), 2);
    let file = generator();
    for (arguments, code, expected) in [
        (&["train", "--lr-step", "3"][..], 2, "--schedule step"),
        (
            &["train", "--schedule", "step", "--epochs", "20"],
            2,
            "--lr-step 20",
        ),
        (
            &[
                "train",
                "pairs",
                "--size",
                "32",
                "--ngf",
                "2",
                "--schedule",
                "step",
                "--steps",
                "4",
            ],
            1,
            "--lr-step 1 or less",
        ),
        (
            &["train", "--init", "xavier", "--init-gain", "0"],
            2,
            "above 0",
        ),
        (&["train", "--momentum", "0.9"], 2, "--optimizer sgd"),
        (
            &["train", "--optimizer", "sgd", "--momentum", "1"],
            2,
            "below 1",
        ),
        (
            &["inspect", "--optimizer", "sgd", "--beta1", "0.9"],
            2,
            "--momentum",
        ),
        (&["train", "--beta2", "1.5"], 2, "below 1"),
        (&["train", "--ema", "1"], 2, "below 1"),
        (&["train", "--pool", "5", "--objective", "l1"], 2, "l1+cgan"),
        (
            &["inspect", "--pool", "5", "--order", "torch"],
            2,
            "--order pytorch",
        ),
        (
            &[
                "train",
                "--pretrained-discriminator",
                "d.pth",
                "--objective",
                "l1",
            ],
            2,
            "l1+cgan",
        ),
        // Before the data is read, which is not there either.
        (
            &[
                "train",
                "gone",
                "--size",
                "32",
                "--ngf",
                "2",
                "--pretrained",
                "absent.pth",
            ],
            1,
            "--pretrained: cannot read",
        ),
        (
            &[
                "train",
                "gone",
                "--size",
                "32",
                "--ngf",
                "2",
                "--depth",
                "4",
                "--pretrained",
                &file,
            ],
            1,
            "see --size, --ngf",
        ),
        (
            &[
                "train",
                "pairs",
                "--size",
                "32",
                "--ngf",
                "2",
                "--schedule",
                "plateau",
            ],
            1,
            "val/",
        ),
    ] {
        let message = fail_cleanly(folder.path(), code, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

/// What a memory plan says of a purpose, in MiB.
fn planned(root: &Path, options: &[&str], purpose: &str) -> Option<f64> {
    let text = stdout(&succeed(
        root,
        &[&["inspect", "--size", "32"], options].concat(),
    ));
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(purpose))?;
    line.split_whitespace().rev().nth(1)?.parse().ok()
}

#[test]
fn the_memory_plan_has_what_the_recipe_takes() {
    let folder = temporary();
    let planned = |options: &[&str], purpose| {
        planned(
            folder.path(),
            &[&["--ngf", "16"][..], options].concat(),
            purpose,
        )
    };
    let moments = |options| planned(options, "optimiser moments");
    let adam = moments(&[]).unwrap();
    let momentum = moments(&["--optimizer", "sgd", "--momentum", "0.9"]).unwrap();
    assert!(
        adam > 5.0 && (momentum / adam - 0.5).abs() < 0.02,
        "{momentum} of {adam} MiB"
    );
    assert_eq!(moments(&["--optimizer", "sgd"]), None);
    // Without an adversarial loss nothing of the discriminator is there.
    let weights = |options| planned(options, "weights").unwrap();
    let discriminator = 176_081.0 * 4.0 / f64::from(1 << 20);
    let saved = weights(&[]) - weights(&["--objective", "l1"]);
    assert!(
        (saved - discriminator).abs() < 0.15,
        "{saved} MiB for {discriminator}"
    );
}

#[test]
fn a_run_is_tuned_from_another_ones_weights() {
    let folder = temporary();
    let root = folder.path();
    let file = generator();
    // A learning rate of 0: what comes out is what was put in.
    let options = [
        "--steps",
        "1",
        "--lr",
        "0",
        "--name",
        "tuned",
        "--pretrained",
        &file,
    ];
    succeed(root, &[&["train"], &TINY[..], &options].concat());
    let weights = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let learnt = tensors
            .tensors()
            .into_iter()
            .filter(|(key, _)| !key.contains("running_") && !key.contains("tracked"));
        learnt
            .map(|(key, view)| (key, view.data().to_vec()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(
        weights(&root.join("runs/tuned/generator.safetensors")),
        weights(Path::new(&file))
    );
    assert_eq!(
        config(root, "tuned").pointer("/recipe/pretrained"),
        Some(&json!(file))
    );
    let wide = ["train", "--size", "32", "--ngf", "4", "--pretrained", &file];
    let message = fail_cleanly(root, 1, &wide);
    assert!(
        message.contains("[2, 3, 4, 4]") && message.contains("[4, 3, 4, 4]"),
        "{message}"
    );
}
