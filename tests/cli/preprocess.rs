//! How images come to the size that the networks see: each mode from the data set to the sample
//! grid, and what none can take.

use crate::{TINY, config, fail_cleanly, open, stderr, succeed, temporary};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Every pixel says where it is.
fn place(x: u32, y: u32) -> [u8; 3] {
    [(3 * x) as u8, (3 * y) as u8, 90]
}

/// A combined image of two equal halves of `width` x `height`.
fn save(path: &Path, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(2 * width, height, |x, y| Rgb(place(x % width, y)))
        .save(path)
        .unwrap();
}

/// Images of several sizes, none of them square; the held-out one is 40 x 70.
fn dataset(root: &Path) {
    [(50, 36), (33, 60)].iter().for_each(|&(width, height)| {
        save(&root.join(format!("set/train/{width}.png")), width, height)
    });
    save(&root.join("set/val/v.png"), 40, 70);
}

/// Trains three steps, so that both images are cropped, goes on with the run, and gives its
/// configuration and the held-out input as shown.
fn train(root: &Path, name: &str, options: &str) -> (Value, RgbImage) {
    succeed(
        root,
        &format!("train set --steps 3 --name {name} {TINY} {options}"),
    );
    succeed(root, &format!("train --resume {name}"));
    let run = root.join("runs").join(name);
    let grid = open(&run.join("samples/step-000003.png")).to_rgb8();
    (
        config(root, name),
        image::imageops::crop_imm(&grid, 0, 0, 32, 32).to_image(),
    )
}

/// Whether `shown` is what `expected` says of each of its pixels, to `tolerance` steps of a byte.
fn is(shown: &RgbImage, tolerance: u8, expected: impl Fn(u32, u32) -> [u8; 3]) -> bool {
    shown.enumerate_pixels().all(|(x, y, pixel)| {
        pixel
            .0
            .iter()
            .zip(expected(x, y))
            .all(|(a, b)| a.abs_diff(b) <= tolerance)
    })
}

#[test]
fn crop_takes_images_as_they_are_and_shows_their_middle() {
    let folder = temporary();
    dataset(folder.path());
    let (config, shown) = train(folder.path(), "c", "--preprocess crop --no-flip");
    assert_eq!(
        (&config["preprocess"], &config["mirror"]),
        (&json!("crop"), &json!(false))
    );
    // To a step: what is shown passes as -1..1 and is truncated.
    assert!(
        is(&shown, 1, |x, y| place(x + 4, y + 19)),
        "{:?}",
        shown.get_pixel(0, 0)
    );
}

#[test]
#[ignore = "second tier: kernels of many sizes"]
fn scaling_the_width_shows_the_middle_in_proportion() {
    let folder = temporary();
    dataset(folder.path());
    let (config, shown) = train(
        folder.path(),
        "s",
        "--preprocess scale-width-and-crop --load-size 48",
    );
    assert_eq!(
        (&config["preprocess"], &config["mirror"]),
        (&json!("scale-width-and-crop"), &json!(true))
    );
    // 40 x 70 becomes 32 x 56. Three steps: one pixel of the slope, for the cubic's lobes and at
    // the border.
    let slope = |at: u32, skipped: u32| ((f64::from(at + skipped) + 0.5) * 1.25 - 0.5) * 3.0;
    assert!(
        is(&shown, 3, |x, y| [
            slope(x, 0) as u8,
            slope(y, 12) as u8,
            90
        ]),
        "{:?}",
        shown.get_pixel(0, 0)
    );
}

#[test]
fn what_holds_no_crop_is_refused_with_its_file() {
    let folder = temporary();
    let root = folder.path();
    dataset(root);
    let with = |options: &str| format!("train set --name r {TINY} {options}");
    let message = fail_cleanly(root, 2, &with("--preprocess crop --load-size 40"));
    assert!(message.contains("leave out --load-size"), "{message}");
    let message = fail_cleanly(
        root,
        2,
        &with("--preprocess scale-width-and-crop --load-size 31"),
    );
    assert!(
        message.contains("--load-size 31 must lie between 32"),
        "{message}"
    );
    save(&root.join("set/train/small.png"), 40, 31);
    let message = fail_cleanly(root, 1, &with("--preprocess crop"));
    assert!(
        message.contains("small.png: holds no crop of 32x32, its pictures are 40x31")
            && message.contains("smaller --size"),
        "{message}"
    );
    save(&root.join("set/train/tall.png"), 1, 600);
    let message = fail_cleanly(root, 1, &with("--preprocess scale-width-and-crop"));
    assert!(
        message.contains("tall.png: 1x600") && message.contains("resize-and-crop"),
        "{message}"
    );
}

#[test]
#[ignore = "second tier: kernels of many sizes"]
fn whole_images_keep_their_sizes_from_training_to_the_grid_and_translation() {
    let folder = temporary();
    let root = folder.path();
    dataset(root);
    save(&root.join("set/val/w.png"), 64, 36);
    save(&root.join("set/train/third.png"), 33, 36);
    for (mode, options, v, w) in [
        ("none", "", (40, 70), (64, 36)),
        ("scale-width", "--load-size 32", (32, 56), (32, 18)),
    ] {
        let network = format!("--ngf 2 --preprocess {mode} --patch 16");
        let output = succeed(
            root,
            &format!("train set --steps 4 --name {mode} {network} {options}"),
        );
        assert!(
            stderr(&output).contains("3 sizes from 33x36 to ") || mode == "scale-width",
            "{}",
            stderr(&output)
        );
        succeed(root, &format!("train --resume {mode}"));
        let config = config(root, mode);
        assert_eq!(
            (&config["preprocess"], &config["num_downs"]),
            (&json!(mode), &json!(5))
        );
        // A row each, the narrower image in the middle of its column.
        let grid = open(&root.join(format!("runs/{mode}/samples/step-000004.png"))).to_rgb8();
        let column = v.0.max(w.0);
        assert_eq!(grid.dimensions(), (3 * column + 2 * 2, v.1 + w.1 + 2));
        let first = image::imageops::crop_imm(&grid, (column - v.0) / 2, 0, v.0, v.1).to_image();
        if mode == "none" {
            assert!(is(&first, 1, place), "{:?}", first.get_pixel(0, 0));
        }
        succeed(
            root,
            &format!("translate set/val --half none --model runs/{mode} --out out-{mode}"),
        );
        let translated = open(&root.join(format!("out-{mode}/w.png")));
        assert_eq!((translated.width(), translated.height()), (128, 36));
    }
}

#[test]
fn what_whole_images_cannot_go_with_is_refused() {
    let folder = temporary();
    let root = folder.path();
    dataset(root);
    let with = |options: &str| format!("train set --name r --ngf 2 {options}");
    for (options, part) in [
        ("--preprocess none --batch-size 2", "use --batch-size 1"),
        (
            "--preprocess scale-width --accumulate 2",
            "use --accumulate 1",
        ),
        ("--preprocess none --pool 5", "use --pool 0"),
        ("--preprocess none --size 64", "--size is of crops"),
        (
            "--preprocess none --load-size 64",
            "or use --preprocess scale-width",
        ),
        (
            "--preprocess scale-width --load-size 32 --patch 286",
            "--patch 70",
        ),
    ] {
        let message = fail_cleanly(root, 2, &with(options));
        assert!(message.contains(part), "{message}");
    }
    save(&root.join("set/train/low.png"), 90, 20);
    let message = fail_cleanly(root, 1, &with("--preprocess none"));
    assert!(
        message.contains("low.png: 90x20 pixels") && message.contains("sides of at least 24"),
        "{message}"
    );
    assert!(
        message.contains("patches of 70 pixels") && message.ends_with("or use --patch 34\n"),
        "{message}"
    );
    save(&root.join("set/train/flat.png"), 90, 3);
    let message = fail_cleanly(root, 1, &with("--preprocess none --patch 286"));
    assert!(
        message.contains("flat.png: 90x3 pixels") && message.ends_with("or use --patch 1\n"),
        "the smallest: {message}"
    );
    fs::remove_file(root.join("set/train/flat.png")).unwrap();
    let message = fail_cleanly(
        root,
        1,
        &with("--preprocess none --fit crop --objective l1"),
    );
    assert!(
        message.contains("low.png: 90x20")
            && message.contains("at least 32")
            && message.contains("--fit pad"),
        "{message}"
    );
}
