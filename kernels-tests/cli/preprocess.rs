//! How images come to the size that the networks see: each mode from the data set to the sample grid, and what none can take.

use crate::{TINY, fail_cleanly, succeed, temporary};
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
    RgbImage::from_fn(2 * width, height, |x, y| Rgb(place(x % width, y))).save(path).unwrap();
}

/// Images of several sizes, none of them square; the held-out one is 40 x 70.
fn dataset(root: &Path) {
    [(50, 36), (33, 60)].iter().for_each(|&(width, height)| save(&root.join(format!("set/train/{width}.png")), width, height));
    save(&root.join("set/val/v.png"), 40, 70);
}

/// Trains three steps, so that both images are cropped, goes on with the run, and gives its configuration and the held-out input as shown.
fn train(root: &Path, name: &str, options: &[&str]) -> (Value, RgbImage) {
    succeed(root, &[&["train", "set", "--steps", "3", "--name", name], &TINY[..], options].concat());
    succeed(root, &["train", "--resume", name]);
    let run = root.join("runs").join(name);
    let config = serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
    let grid = image::open(run.join("samples/step-000003.png")).unwrap().to_rgb8();
    (config, image::imageops::crop_imm(&grid, 0, 0, 32, 32).to_image())
}

/// Whether `shown` is what `expected` says of each of its pixels, to `tolerance` steps of a byte.
fn is(shown: &RgbImage, tolerance: u8, expected: impl Fn(u32, u32) -> [u8; 3]) -> bool {
    shown.enumerate_pixels().all(|(x, y, pixel)| pixel.0.iter().zip(expected(x, y)).all(|(a, b)| a.abs_diff(b) <= tolerance))
}

#[test]
fn crop_takes_images_as_they_are_and_shows_their_middle() {
    let folder = temporary();
    dataset(folder.path());
    let (config, shown) = train(folder.path(), "c", &["--preprocess", "crop", "--no-flip"]);
    assert_eq!((&config["preprocess"], &config["mirror"]), (&json!("crop"), &json!(false)));
    // To a step: what is shown passes as -1..1 and is truncated.
    assert!(is(&shown, 1, |x, y| place(x + 4, y + 19)), "{:?}", shown.get_pixel(0, 0));
}

#[test]
fn scaling_the_width_shows_the_middle_in_proportion() {
    let folder = temporary();
    dataset(folder.path());
    let (config, shown) = train(folder.path(), "s", &["--preprocess", "scale-width-and-crop", "--load-size", "48"]);
    assert_eq!((&config["preprocess"], &config["mirror"]), (&json!("scale-width-and-crop"), &json!(true)));
    // 40 x 70 becomes 32 x 56. Three steps: one pixel of the slope, for the cubic's lobes and at the border.
    let slope = |at: u32, skipped: u32| ((f64::from(at + skipped) + 0.5) * 1.25 - 0.5) * 3.0;
    assert!(is(&shown, 3, |x, y| [slope(x, 0) as u8, slope(y, 12) as u8, 90]), "{:?}", shown.get_pixel(0, 0));
}

#[test]
fn what_holds_no_crop_is_refused_with_its_file() {
    let folder = temporary();
    let root = folder.path();
    dataset(root);
    let with = |options: &[&'static str]| [&["train", "set", "--name", "r"], &TINY[..], options].concat();
    let message = fail_cleanly(root, 2, &with(&["--preprocess", "crop", "--load-size", "40"]));
    assert!(message.contains("leave out --load-size"), "{message}");
    let message = fail_cleanly(root, 2, &with(&["--preprocess", "scale-width-and-crop", "--load-size", "31"]));
    assert!(message.contains("load size"), "{message}");
    save(&root.join("set/train/small.png"), 40, 31);
    let message = fail_cleanly(root, 1, &with(&["--preprocess", "crop"]));
    assert!(
        message.contains("small.png: holds no crop of 32x32, its pictures are 40x31") && message.contains("smaller --size"),
        "{message}"
    );
    save(&root.join("set/train/tall.png"), 1, 600);
    let message = fail_cleanly(root, 1, &with(&["--preprocess", "scale-width-and-crop"]));
    assert!(message.contains("tall.png: 1x600") && message.contains("resize-and-crop"), "{message}");
}
