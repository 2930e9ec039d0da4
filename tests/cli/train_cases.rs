//! Ways of training in tables: each runs end to end, is recorded with its run, and is resumed and
//! used without being named again.

use crate::{NARROW, config, dataset, picture, succeed};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A name, options, and what the run's configuration holds then: `pointer=value`, by spaces.
pub type TrainCase = (&'static str, &'static str, &'static str);

/// Trains two steps in each case, on two pairs and one held out, and checks that its run remembers
/// it.
pub fn train_and_remember(root: &Path, cases: &[TrainCase]) {
    dataset(&root.join("pairs"), 2);
    picture(&root.join("pairs/val/v.png"), 80, 40);
    for (name, options, remembered) in cases {
        let tiny = if options.contains("--size ") {
            "--ngf 2"
        } else {
            NARROW
        };
        succeed(
            root,
            &format!("train pairs --steps 2 --name {name} {tiny} {options}"),
        );
        let config = config(root, name);
        for field in remembered.split(' ') {
            let (pointer, expected) = field.split_once('=').unwrap();
            let found = match config.pointer(&format!("/{pointer}")).unwrap() {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            assert_eq!(found, expected, "{name}: {pointer}");
        }
    }
}

/// Goes on with runs and translates with them: nothing is named again.
pub fn resume_and_translate(root: &Path, names: &[&str]) {
    for name in names {
        succeed(root, &format!("train --resume {name}"));
    }
    translate(root, names);
}

/// Translates `a.png` to `NAME/a.png` with each run.
pub fn translate(root: &Path, names: &[&str]) {
    picture(&root.join("a.png"), 40, 33);
    for name in names {
        succeed(
            root,
            &format!("translate a.png --model runs/{name} --out {name}"),
        );
    }
}

/// A column of a run's metrics, by steps; an empty cell has no number.
pub fn column(root: &Path, name: &str, column: &str) -> Vec<Option<f64>> {
    let text = fs::read_to_string(root.join("runs").join(name).join("metrics.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let index = header
        .split(',')
        .position(|title| title == column)
        .unwrap_or_else(|| panic!("no column {column} in {header}"));
    rows.lines()
        .map(|line| line.split(',').nth(index).unwrap().parse().ok())
        .collect()
}
