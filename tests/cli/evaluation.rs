//! `eval`: the scores of a trained generator, and their folder.

use crate::{
    copy_folder, finished, json, open, picture, refuse, run, stderr, stdout, succeed, temporary,
};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;

/// A folder with a copy of the finished run, whose own pairs lie elsewhere.
fn run_folder() -> tempfile::TempDir {
    let folder = temporary();
    copy_folder(&finished().join("runs"), &folder.path().join("runs"));
    folder
}

#[test]
fn a_run_is_scored_on_its_own_held_out_pairs() {
    let folder = run_folder();
    let root = folder.path();
    let output = succeed(root, "eval runs/t --grid 3");
    let table = stdout(&output);
    assert!(table.contains(", val, 32×32: 8 images"), "{table}");
    for name in [
        "MAE",
        "PSNR",
        "SSIM Gaussian",
        "copying the input",
        "mean target",
    ] {
        assert!(table.contains(name), "{name}: {table}");
    }
    assert!(
        table.ends_with("all pictures and numbers: runs/t/eval/index.html\n"),
        "{table}"
    );
    let told = stderr(&output);
    for line in [
        "note: the mean target is that of the training pairs\n",
        "note: MS-SSIM is not defined for 8 of 8 images, such as 0.png: MS-SSIM needs 161",
    ] {
        assert!(told.contains(line), "{told}");
    }

    scores_are_those_of_training(root);
    let csv = fs::read_to_string(root.join("runs/t/eval/scores.csv")).unwrap();
    assert_eq!(csv.lines().count(), 9);
    let images = fs::read_dir(root.join("runs/t/eval/images")).unwrap();
    assert_eq!(images.count(), 8 * 4);
    let grid = open(&root.join("runs/t/eval/grid.png"));
    assert_eq!(
        (grid.width(), grid.height()),
        (3 * 32 + 2 * 2, 3 * 32 + 2 * 2)
    );

    refuse(
        root,
        1,
        &[(
            "eval runs/t",
            "runs/t/eval holds an evaluation already; write over it with --force",
        )],
    );
    // A checkpoint belongs to its run. Files of the user are never removed.
    succeed(
        root,
        "eval runs/t/checkpoints/step-000004.safetensors --force",
    );
    fs::write(root.join("runs/t/eval/mine.txt"), "mine").unwrap();
    refuse(
        root,
        1,
        &[(
            "eval runs/t --force",
            "for example mine.txt; choose another folder",
        )],
    );
}

/// The L1 of training is the same distance, before it is rounded to 8 bits.
fn scores_are_those_of_training(root: &Path) {
    let scores = json(&root.join("runs/t/eval/scores.json"));
    let mean = |subject: &str| scores["summary"]["mae"][subject]["mean"].as_f64().unwrap() / 127.5;
    let rows = fs::read_to_string(root.join("runs/t/metrics.csv")).unwrap();
    let last = rows.lines().last().unwrap();
    let l1: f64 = last.split(',').rev().nth(2).unwrap().parse().unwrap();
    // Before the output becomes samples of 8 bits, which are 2 / 255 wide.
    assert!(
        (mean("output") - l1).abs() < 2.0 / 255.0,
        "{} and {l1}",
        mean("output")
    );
    let copy = json(&root.join("runs/t/held_out.json"));
    let copy = copy["copy_l1"].as_f64().unwrap();
    assert!(
        (mean("copy") - copy).abs() < 1e-6,
        "{} and {copy}",
        mean("copy")
    );
}

/// Label maps of two colours: black on the left, white on the right.
fn label_maps(root: &Path) {
    fs::create_dir_all(root.join("maps/test")).unwrap();
    for name in ["a.png", "b.png"] {
        let map = RgbImage::from_fn(64, 32, |x, _| Rgb([if x % 32 < 16 { 0 } else { 255 }; 3]));
        map.save(root.join("maps/test").join(name)).unwrap();
    }
}

#[test]
fn other_pairs_and_label_maps_are_scored() {
    let folder = run_folder();
    let root = folder.path();
    label_maps(root);
    fs::write(root.join("palette.txt"), "#000000\n#ffffff\n").unwrap();
    let line = "eval runs/t/generator.safetensors maps --palette palette.txt --out scores";
    let output = succeed(root, line);
    let table = stdout(&output);
    assert!(table.contains("maps, test, 32×32: 2 images"), "{table}");
    assert!(
        table.contains("pixel accuracy") && table.contains("class IoU"),
        "{table}"
    );
    let told = stderr(&output);
    assert!(told.contains("scores better than it should"), "{told}");
    let labels = &json(&root.join("scores/scores.json"))["labels"];
    let accuracy = labels["pixel_accuracy"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&accuracy), "{labels}");
    assert_eq!(labels["labels"].as_array().unwrap().len(), 2);
    assert!(root.join("scores/confusion.png").is_file());
}

#[test]
fn what_cannot_be_scored_is_refused_with_a_remedy() {
    let folder = run_folder();
    let root = folder.path();
    picture(&root.join("only/train/a.png"), 64, 32);
    picture(&root.join("uneven/test/a.png"), 65, 32);
    let alone = root.join("alone.safetensors");
    fs::copy(root.join("runs/t/generator.safetensors"), &alone).unwrap();
    refuse(
        root,
        2,
        &[
            (
                "eval alone.safetensors",
                "lies in no run's folder; name a folder for the",
            ),
            (
                "eval alone.safetensors --out s",
                "nobody knows its pairs; name a DATASET",
            ),
        ],
    );
    refuse(
        root,
        1,
        &[
            ("eval runs/t --split test", "test"),
            ("eval runs/t uneven --out s", "uneven/test/a.png"),
            (
                "eval runs/t nowhere --out s",
                "nowhere: no such file or folder",
            ),
        ],
    );
    // Pairs that somebody names are scored, and what they are is told.
    let told = stderr(&succeed(root, "eval runs/t only --out s"));
    assert!(
        told.contains("if the model was trained on them, the scores say little"),
        "{told}"
    );
    weights_without_numbers_are_refused(root, &alone);
}

/// No weight is a number; then each is so large that sums overflow.
fn weights_without_numbers_are_refused(root: &Path, file: &Path) {
    let intact = fs::read(file).unwrap();
    let header = u64::from_le_bytes(intact[..8].try_into().unwrap()) as usize;
    for (byte, expected) in [
        (
            0xFF,
            "weight holds values that are not finite; use another file",
        ),
        (
            0x7F,
            "a.png: the generator's output has values that are no numbers",
        ),
    ] {
        let mut bytes = intact.clone();
        bytes[8 + header..].fill(byte);
        fs::write(file, bytes).unwrap();
        let output = run(root, "eval alone.safetensors only --out nan");
        assert_eq!(output.status.code(), Some(1), "{expected}");
        let told = stderr(&output);
        assert!(told.contains(expected), "{told}");
    }
    assert!(!root.join("nan").exists());
}
