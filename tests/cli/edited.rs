//! A `config.json` that somebody edited: the checkpoint decides, and what differs is said. The note
//! names the fields of the file, not the options of the command line.

use crate::{config, copy_folder, finished, generator, picture, run, stderr, succeed, temporary};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const FILE: &str = "runs/t/config.json";

/// Puts `value` where `pointer` says into the run's `config.json`.
fn edit(root: &Path, pointer: &str, value: Value) {
    let mut edited = config(root, "t");
    *edited.pointer_mut(pointer).unwrap() = value;
    fs::write(root.join(FILE), edited.to_string()).unwrap();
}

/// The one line that a resumed run says about its `config.json`. It ends at the learning rate, and
/// nothing is trained or written.
fn said(root: &Path) -> String {
    let before = fs::read(root.join(FILE)).unwrap();
    let output = run(root, "train --resume t --lr NaN");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let [note, error] = lines[..] else {
        panic!("{text}")
    };
    assert!(
        note.starts_with("note: ") && note.contains("config.json"),
        "{text}"
    );
    assert!(
        error.starts_with("error: ") && error.contains("--lr"),
        "{text}"
    );
    assert!(fs::read(root.join(FILE)).unwrap() == before);
    note.to_owned()
}

#[test]
fn a_resumed_run_says_which_fields_differ_and_which_rule_is_broken() {
    for (edits, expected) in [
        (
            &[("/ngf", json!(4))][..],
            "differs from the checkpoint in 1 field: `ngf`; ",
        ),
        (
            &[("/learning_rate", json!(0.5))],
            "differs from the checkpoint in 1 field: `learning_rate`; ",
        ),
        (&[("/ngf", json!(0))], "`ngf` 0 must lie between 1 and"),
        (
            &[("/learning_rate", json!(-1.0))],
            "`learning_rate` -1 must be",
        ),
        (
            &[
                ("/objective/lambda_gan", json!(0.0)),
                ("/recipe/pool", json!(5)),
            ],
            "`recipe.pool` does nothing with `objective` l1",
        ),
        (
            &[("/size", json!("large"))],
            "expected u32 at line 1 column",
        ),
    ] {
        let folder = temporary();
        let root = folder.path();
        copy_folder(finished(), root);
        for (pointer, value) in edits {
            edit(root, pointer, value.clone());
        }
        let note = said(root);
        assert!(note.contains(expected), "{edits:?}: {note}");
    }
}

#[test]
fn a_run_goes_on_and_translates_as_its_checkpoint_says() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    edit(root, "/ngf", json!(0));
    edit(root, "/seed", json!(7));
    // A model says itself how it is built.
    picture(&root.join("a.png"), 33, 47);
    succeed(root, "translate a.png --model runs/t --out edited");
    let model = generator();
    succeed(
        root,
        &format!("translate a.png --model '{model}' --out own"),
    );
    let result = |out: &str| fs::read(root.join(out).join("a.png")).unwrap();
    assert!(result("edited") == result("own"));
    assert!(stderr(&succeed(root, "train --resume t")).contains("config.json"));
    assert_eq!(config(root, "t"), config(finished(), "t"));
}
