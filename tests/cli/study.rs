//! `study`: a page of real and generated pictures, and what participants answered.

use crate::{copy_folder, finished, picture, refuse, run, stderr, stdout, succeed, temporary};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What a page shows.
fn trials(page: &Path) -> Vec<Value> {
    let page = fs::read_to_string(page).unwrap();
    let start = page.split("const study = ").nth(1).unwrap();
    let data: Value = serde_json::from_str(start.split(";\n").next().unwrap()).unwrap();
    data["trials"].as_array().unwrap().clone()
}

#[test]
fn an_evaluation_becomes_a_page_whose_answers_are_put_together() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(&finished().join("runs"), &root.join("runs"));
    succeed(root, "eval runs/t");
    let output = succeed(root, "study runs/t/eval --practice 2 --trials 3");
    let expected = "study.html: trials of practice: 2, trials that count: 3, 0.";
    assert!(stdout(&output).starts_with(expected), "{output:?}");
    let note = "with 8 pairs for 5 trials, a participant sees the real and the generated";
    assert!(stderr(&output).contains(note), "{output:?}");
    let shown = trials(&root.join("study.html"));
    assert_eq!(shown.len(), 5);
    assert_eq!(shown[0]["real"].as_str().unwrap().len(), "0.png".len());

    // The seed draws another study; without it the same is drawn.
    succeed(
        root,
        "study runs/t/eval --practice 2 --trials 3 --seed 1 --out other.html",
    );
    succeed(root, "study runs/t/eval --practice 2 --trials 3 --force");
    assert_eq!(trials(&root.join("study.html")), shown);
    assert_ne!(trials(&root.join("other.html")), shown);

    // What the page saves, with the generated picture taken for real once.
    let answers: Vec<Value> = shown
        .iter()
        .enumerate()
        .map(|(number, trial)| {
            let side = trial["fake_side"].as_str().unwrap();
            let other = if side == "left" { "right" } else { "left" };
            json!({ "number": number + 1, "practice": trial["practice"], "real": trial["real"],
            "fake": trial["fake"], "fake_side": side, "shown": 1000, "reaction": 500,
            "answer": if number == 2 { other } else { side }, "taken_for_real": number == 2 })
        })
        .collect();
    let saved = json!({ "pix2pix_study": 1, "model": "runs/t", "seed": 0, "milliseconds": 1000,
        "participant": "", "trials": answers });
    fs::write(root.join("a.json"), saved.to_string()).unwrap();
    // What makes a page does nothing here, so it is refused.
    for option in [
        "--out z.html",
        "--seed 0",
        "--trials 3",
        "--same-input",
        "--force",
    ] {
        let output = run(root, &format!("study --results a.json {option}"));
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(stderr(&output).contains("cannot be used with"), "{option}");
    }
    let told = stdout(&succeed(root, "study --results a.json"));
    let expected =
        "runs/t: generated pictures were taken for real in 33.3 % (6.1..79.2) of 3 trials";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn what_makes_no_study_is_refused() {
    let folder = temporary();
    let root = folder.path();
    let files = |kind: &str, size: u32| -> PathBuf {
        let folder = root.join(kind);
        (0..3).for_each(|number| picture(&folder.join(format!("{number}.png")), size, 8));
        folder
    };
    files("real", 8);
    files("fake", 8);
    files("wide", 9);
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("there.html"), "precious").unwrap();
    fs::write(root.join("text.json"), "[]").unwrap();
    refuse(
        root,
        1,
        &[
            ("study real", "real holds no evaluation (scores.json"),
            (
                "study --real real --fake fake",
                "10 + 40 trials needs 50 pairs, and there are 3; lower --trials or --practice, or",
            ),
            (
                "study --real real --fake wide --practice 0 --trials 1",
                "9×8; study pictures of one size, or show both of one pair with --same-input",
            ),
            (
                "study --real real --fake empty",
                "empty: no images in this folder",
            ),
            (
                "study --real real --fake absent",
                "absent: no such file or folder",
            ),
            (
                "study --results text.json",
                "text.json is no result of a study",
            ),
            (
                "study --results absent.json",
                "absent.json is no result of a study",
            ),
        ],
    );
    refuse(
        root,
        2,
        &[
            (
                "study --real real --fake fake --practice 0 --trials 1 --out there.html",
                "there.html exists; --force writes over it",
            ),
            (
                "study --real real --fake fake --trials 18446744073709551615",
                "18446744073709551615 is not in 0..=10000",
            ),
            (
                "study --real real --fake fake --seed 4294967296",
                "4294967296 is not in 0..=4294967295",
            ),
            (
                "study",
                "name a folder that `pix2pix eval` wrote, or two folders with --real and --fake; \
                 --results",
            ),
        ],
    );
    let one = "study --real real --fake fake --practice 0 --trials 1";
    succeed(root, &format!("{one} --same-input"));
    let trial = &trials(&root.join("study.html"))[0];
    assert_eq!(trial["real"], trial["fake"]);
}
