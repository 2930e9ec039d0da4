//! Every way of training runs end to end, is recorded with the run, and is resumed and used without being named again; what cannot be
//! combined is refused at once.

use crate::{TINY, dataset, fail_cleanly, succeed, temporary};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn config(root: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(root.join("runs").join(name).join("config.json")).unwrap()).unwrap()
}

/// A column of a run's metrics.
fn column(root: &Path, name: &str, column: &str) -> Vec<f64> {
    let text = fs::read_to_string(root.join("runs").join(name).join("metrics.csv")).unwrap();
    let mut lines = text.lines();
    let index = lines.next().unwrap().split(',').position(|title| title == column).unwrap();
    lines.map(|line| line.split(',').nth(index).unwrap().parse().unwrap()).collect()
}

#[test]
fn every_recipe_trains_and_its_run_remembers_it() {
    let folder = temporary();
    let root = folder.path();
    let recipes: [(&str, &[&str], &str, Value); 4] = [
        ("cosine", &["--schedule", "cosine"], "schedule", json!("cosine")),
        ("step", &["--schedule", "step", "--lr-step", "7"], "schedule", json!({"step": {"epochs": 7}})),
        ("plateau", &["--schedule", "plateau"], "schedule", json!("plateau")),
        ("constant", &["--schedule", "constant"], "schedule", json!("constant")),
    ];
    for (name, options, field, value) in recipes {
        succeed(root, &[&["train", "--steps", "2", "--name", name], &TINY[..], options].concat());
        assert_eq!(config(root, name).pointer(&format!("/recipe/{field}")), Some(&value), "{name}");
        succeed(root, &["train", "--resume", name]);
    }
    assert_eq!(column(root, "cosine", "learning_rate"), [2e-4, 1e-4]);
    assert_eq!(column(root, "constant", "learning_rate"), [2e-4, 2e-4]);
}

#[test]
fn what_cannot_be_trained_is_refused_with_the_nearest_that_can() {
    let folder = temporary();
    dataset(&folder.path().join("pairs"), 2);
    for (arguments, code, expected) in [
        (&["train", "--lr-step", "3"][..], 2, "--schedule step"),
        (&["train", "--schedule", "step", "--epochs", "20"], 2, "--lr-step 20"),
        (&["train", "pairs", "--size", "32", "--ngf", "2", "--schedule", "plateau"], 1, "val/"),
    ] {
        let message = fail_cleanly(folder.path(), code, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}
