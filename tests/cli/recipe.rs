//! The recipe of a training: schedule, start, optimiser, pool, average. What cannot be combined is
//! refused at once.

use crate::train_cases::{TrainCase, column, resume_and_translate, train_and_remember};
use crate::{
    NARROW, TINY, config, dataset, fail_cleanly, generator, refuse, stdout, succeed, temporary,
};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Every choice in a run of its own.
const RECIPES: [TrainCase; 12] = [
    ("cosine", "--schedule cosine", "recipe/schedule=cosine"),
    (
        "step",
        "--batch-size 2 --schedule step --lr-step 1",
        "recipe/schedule/step/epochs=1",
    ),
    ("plateau", "--schedule plateau", "recipe/schedule=plateau"),
    (
        "constant",
        "--schedule constant",
        "recipe/schedule=constant",
    ),
    (
        "xavier",
        "--init xavier --init-gain 0.5",
        "recipe/init_gain=0.5",
    ),
    ("kaiming", "--init kaiming", "recipe/init=kaiming"),
    ("orthogonal", "--init orthogonal", "recipe/init=orthogonal"),
    (
        "sgd",
        "--optimizer sgd --objective l1",
        "recipe/optimizer/sgd/momentum=0.0",
    ),
    ("pool", "--pool 2", "recipe/pool=2"),
    (
        "accumulate",
        "--accumulate 2 --pool 3",
        "recipe/accumulate=2",
    ),
    ("ema", "--ema 0.5 --init xavier", "recipe/ema=0.5"),
    (
        "momentum",
        "--optimizer sgd --momentum 0.9",
        "recipe/optimizer/sgd/momentum=0.9",
    ),
];

fn train(cases: &[TrainCase], resumed: &[&str]) {
    let folder = temporary();
    let root = folder.path();
    train_and_remember(root, cases);
    resume_and_translate(root, resumed);
    for (name, rates) in [
        ("cosine", [2e-4, 1e-4]),
        ("step", [2e-4, 2e-5]),
        ("constant", [2e-4, 2e-4]),
    ] {
        assert_eq!(column(root, name, "learning_rate"), rates.map(Some));
    }
}

#[test]
#[ignore = "second tier: every choice of a recipe in a run of its own"]
fn every_recipe_trains_and_its_run_remembers_it() {
    let resumed = ["cosine", "step", "plateau", "momentum", "ema", "accumulate"];
    train(&RECIPES, &resumed);
}

/// Refused as a command line.
const NOT_ASKED_FOR: [(&str, &str); 11] = [
    ("train --lr-step 3", "--schedule step"),
    ("train --schedule step --epochs 20", "--lr-step 20"),
    ("train --init xavier --init-gain 0", "above 0"),
    ("train --momentum 0.9", "--optimizer sgd"),
    ("train --optimizer sgd --momentum 1", "below 1"),
    ("inspect --optimizer sgd --beta1 0.9", "--momentum"),
    ("train --beta2 1.5", "below 1"),
    ("train --ema 1", "below 1"),
    ("train --pool 5 --objective l1", "l1+cgan"),
    ("inspect --pool 5 --order torch", "--order pytorch"),
    (
        "train --pretrained-discriminator d.pth --objective l1",
        "l1+cgan",
    ),
];

#[test]
fn what_cannot_be_trained_is_refused_with_the_nearest_that_can() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    refuse(root, 2, &NOT_ASKED_FOR);
    let file = generator();
    let other = format!("train gone {NARROW} --depth 4 --pretrained '{file}'");
    refuse(
        root,
        1,
        &[
            (
                &format!("train pairs {TINY} --schedule step --steps 4"),
                "--lr-step 1 or less",
            ),
            (&format!("train pairs {TINY} --schedule plateau"), "val/"),
            // Before the data is read, which is not there either.
            (
                &format!("train gone {TINY} --pretrained absent.pth"),
                "--pretrained: cannot read",
            ),
            (&other, "see --size, --ngf"),
        ],
    );
}

/// What a memory plan says of a purpose, in MiB.
fn planned(root: &Path, options: &str, purpose: &str) -> Option<f64> {
    let text = stdout(&succeed(root, &format!("inspect --size 32 {options}")));
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(purpose))?;
    line.split_whitespace().rev().nth(1)?.parse().ok()
}

#[test]
fn the_memory_plan_has_what_the_recipe_takes() {
    let folder = temporary();
    let planned =
        |options: &str, purpose| planned(folder.path(), &format!("--ngf 16 {options}"), purpose);
    let moments = |options| planned(options, "optimiser moments");
    let adam = moments("").unwrap();
    let momentum = moments("--optimizer sgd --momentum 0.9").unwrap();
    assert!(
        adam > 5.0 && (momentum / adam - 0.5).abs() < 0.02,
        "{momentum} of {adam} MiB"
    );
    assert_eq!(moments("--optimizer sgd"), None);
    // Without an adversarial loss nothing of the discriminator is there.
    let weights = |options| planned(options, "weights").unwrap();
    let discriminator = 176_081.0 * 4.0 / f64::from(1 << 20);
    let saved = weights("") - weights("--objective l1");
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
    dataset(&root.join("pairs"), 2);
    let options = format!("--steps 1 --lr 0 --name tuned --pretrained '{file}'");
    succeed(root, &format!("train pairs {NARROW} {options}"));
    let weights = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let trainable = tensors
            .tensors()
            .into_iter()
            .filter(|(key, _)| !key.contains("running_") && !key.contains("tracked"));
        trainable
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
    let wide = format!("train --size 32 --ngf 4 --pretrained '{file}'");
    let message = fail_cleanly(root, 1, &wide);
    assert!(
        message.contains("[2, 3, 4, 4]") && message.contains("[4, 3, 4, 4]"),
        "{message}"
    );
}
