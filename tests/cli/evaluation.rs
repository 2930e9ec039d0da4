//! `eval`: the scores of a trained generator, and their folder.

use crate::stopping::{start, stop, wait_until};
use crate::{
    command, copy_folder, finished, json, open, picture, refuse, run, stderr, stdout, succeed,
    temporary,
};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;
use std::process::Stdio;

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
        "note: the mean target is that of all 2 training pairs\n",
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

#[test]
fn an_evaluation_is_kept_when_nobody_reads_the_table() {
    let folder = run_folder();
    let root = folder.path();
    let mut child = command(root, "eval runs/t")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(root.join("runs/t/eval/scores.json").is_file());
}

#[test]
fn an_evaluation_that_is_stopped_leaves_nothing() {
    let folder = run_folder();
    let root = folder.path();
    let pair = |number: usize| root.join(format!("many/test/{number:03}.png"));
    (0..400).for_each(|number| picture(&pair(number), 64, 32));
    let child = start(root, "eval runs/t many --out scores");
    let names = || {
        fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let of_draft = |path: &Path| fs::read_dir(path.join("images")).map_or(0, Iterator::count);
    let is_draft = |path: &Path| path.to_string_lossy().contains(".evaluation-");
    wait_until(|| names().any(|path| is_draft(&path) && of_draft(&path) > 4));
    let output = stop(child, "INT");
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{told}");
    let said = "error: stopped; no scores were written, and earlier ones stay; run it again\n";
    assert!(told.ends_with(said), "{told}");
    assert!(!root.join("scores").exists() && !names().any(|path| is_draft(&path)));
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
    fs::write(root.join("palette.txt"), "#000000\n#ffffff paper\n").unwrap();
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
    let names = [&labels["labels"][0]["name"], &labels["labels"][1]["name"]];
    assert_eq!(labels["labels"].as_array().unwrap().len(), 2);
    assert!(names[0].is_null() && names[1] == "paper", "{labels}");
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
    let told = stderr(&succeed(
        root,
        "eval runs/t only --direction BtoA --grid 3 --out s",
    ));
    for words in [
        "note: --grid 3: grid.png has all pairs, and there are 1\n",
        "if the model was trained on them, the scores say little",
        "note: the mean target is that of the pairs that are scored, and scores better than it \
         should",
        "note: --direction BtoA gives the targets to the model as inputs: this model was trained \
         AtoB",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
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

#[test]
fn pairs_in_subfolders_keep_their_folders_in_their_names() {
    let folder = run_folder();
    let root = folder.path();
    for side in ["A", "B"] {
        for below in ["x", "y"] {
            picture(
                &root.join(format!("pairs/test/{side}/{below}/a.png")),
                40,
                40,
            );
        }
    }
    succeed(root, "eval runs/t pairs --out s");
    let csv = fs::read_to_string(root.join("s/scores.csv")).unwrap();
    let names: Vec<&str> = csv
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').next())
        .collect();
    assert_eq!(names, ["x/a.png", "y/a.png"]);
    let page = fs::read_to_string(root.join("s/index.html")).unwrap();
    assert!(page.contains("\"name\":\"y/a.png\""), "{page}");
}

/// A file of weights does not say how its pairs were prepared.
#[test]
fn a_model_without_a_run_is_told_how_pairs_are_prepared() {
    let folder = run_folder();
    let root = folder.path();
    fs::copy(
        root.join("runs/t/generator.safetensors"),
        root.join("m.safetensors"),
    )
    .unwrap();
    picture(&root.join("pairs/test/a.png"), 80, 48);
    picture(&root.join("pairs/test/b.png"), 96, 40);
    let output = succeed(root, "eval m.safetensors pairs --out s");
    let told = stderr(&output);
    assert!(
        told.contains("note: the model lies in no run's folder, so nobody knows how its pairs")
            && told.contains("they are resized to 32x32, or name --preprocess\n"),
        "{told}"
    );
    assert!(
        stdout(&output).contains("test, 32×32: 2"),
        "{}",
        stdout(&output)
    );
    let output = succeed(
        root,
        "eval m.safetensors pairs --preprocess none --out whole",
    );
    let told = stderr(&output);
    assert!(!told.contains("nobody knows"), "{told}");
    assert!(
        told.contains("several sizes, so there is no mean target"),
        "{told}"
    );
    let csv = fs::read_to_string(root.join("whole/scores.csv")).unwrap();
    assert!(
        csv.contains("\na.png,40,48,") && csv.contains("\nb.png,48,40,"),
        "{csv}"
    );
    succeed(
        root,
        "eval m.safetensors pairs --preprocess scale-width --size 20 --out narrow",
    );
    let csv = fs::read_to_string(root.join("narrow/scores.csv")).unwrap();
    assert!(
        csv.contains("\na.png,20,24,") && csv.contains("\nb.png,20,16,"),
        "{csv}"
    );
    let sized = "eval m.safetensors pairs --preprocess none --size 64 --out no";
    let expected = "--size does nothing where pairs are not resized";
    refuse(root, 2, &[(sized, expected)]);
}

#[test]
fn what_the_run_or_the_palette_does_not_fit_is_named() {
    let folder = run_folder();
    let root = folder.path();
    label_maps(root);
    fs::write(root.join("one.txt"), "#000000\n").unwrap();
    fs::write(root.join("other.txt"), "#ff0000\n#00ff00\n").unwrap();
    picture(&root.join("apart/test/A/a.png"), 40, 40);
    picture(&root.join("apart/test/B/a.png"), 48, 40);
    let one = "one.txt has one colour, so every pixel would be right; name a palette of all labels";
    refuse(
        root,
        2,
        &[("eval runs/t maps --palette one.txt --out s", one)],
    );
    let apart = "apart/test/A/a.png: is 40x40, but apart/test/B/a.png is 48x40; the two images";
    refuse(
        root,
        1,
        &[
            ("eval runs/t apart --out s", apart),
            (
                "eval runs/t/discriminator.safetensors maps --out s",
                "it is a discriminator",
            ),
            (
                "eval nothing.safetensors maps --out s",
                "cannot read nothing.safetensors",
            ),
        ],
    );
    let told = stderr(&succeed(
        root,
        "eval runs/t maps --palette other.txt --out s",
    ));
    let share = "note: 100 % of the targets' pixels are more than 32 steps from every colour of";
    assert!(told.contains(share), "{told}");
    assert!(
        told.contains("or resizing or JPEG has blended colours"),
        "{told}"
    );

    let config = root.join("runs/t/config.json");
    let intact = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        intact.replacen("\"input\": \"rgb\"", "\"input\": \"gray\"", 1),
    )
    .unwrap();
    let output = run(root, "eval runs/t maps --out grey");
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    let expected = "error: runs/t/generator.safetensors: this model makes 3 channels of 3 channels, \
                    and the pairs are read as 3 channels of 1 channel; name the pairs";
    assert!(told.contains(expected), "{told}");
    let mut moved: serde_json::Value = serde_json::from_str(&intact).unwrap();
    moved["dataset"] = "gone/away".into();
    fs::write(&config, moved.to_string()).unwrap();
    let gone = "gone/away: the pairs of this run are not there any more; name the DATASET where";
    refuse(root, 2, &[("eval runs/t", gone)]);
}

/// Pictures that are too small for a metric, or of one colour, are scored by what is defined.
#[test]
fn metrics_that_pictures_are_too_small_or_flat_for_are_marked() {
    let folder = run_folder();
    let root = folder.path();
    fs::create_dir_all(root.join("flat/test")).unwrap();
    RgbImage::from_pixel(80, 40, Rgb([90; 3]))
        .save(root.join("flat/test/a.png"))
        .unwrap();
    let output = succeed(root, "eval runs/t flat --size 6 --out s");
    let told = stderr(&output);
    for line in [
        "note: SSIM is not defined: a.png: SSIM needs 7 pixels a side",
        "note: sharpness is not defined: a.png: sharpness is a ratio",
        "note: there is one image, so there are no intervals\n",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let table = stdout(&output);
    let line = |name: &str| {
        table
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(line("SSIM ").contains("not defined"), "{table}");
    assert!(!table.contains(".."), "one image has no interval: {table}");
    assert!(!line("MAE").contains("not defined"), "{table}");
    let csv = fs::read_to_string(root.join("s/scores.csv")).unwrap();
    assert!(!csv.contains("NaN"), "{csv}");
}
