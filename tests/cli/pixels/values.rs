//! What the numbers in files mean.

use crate::{TINY, open, run, stderr, succeed, temporary};
use std::fs;
use std::path::Path;
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::GrayI16;

/// A picture of 16 bits whose numbers go from 0 to `most`.
fn heights(path: &Path, most: u32) {
    let number = |x: u32, y: u32| image::Luma([((x + y) * most / 62) as u16]);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::ImageBuffer::from_fn(32, 32, number)
        .save(path)
        .unwrap();
}

#[test]
fn a_model_keeps_the_range_of_its_inputs() {
    let folder = temporary();
    let root = folder.path();
    heights(&root.join("pairs/train/A/x.png"), 1000);
    heights(&root.join("pairs/train/B/x.png"), 65_000);
    let line = format!(
        "train pairs --steps 1 --name r --input gray --output gray --value-range auto {TINY}"
    );
    assert!(stderr(&succeed(root, &line)).contains("0..1000"));
    // Larger numbers are told, with the range of the model.
    heights(&root.join("y.png"), 1062);
    let translated = |options: &str| {
        let line = format!("translate y.png --model runs/r --out out --force {options}");
        let output = run(root, &line);
        let text = stderr(&output);
        assert!(output.status.success(), "{options}: {text}");
        (open(&root.join("out/y.png")), text)
    };
    let (kept, text) = translated("");
    assert!(text.contains("0..1000") && text.contains("y.png"), "{text}");
    // What fills missing values goes with the model's range.
    let (filled, _) = translated("--nodata 0");
    assert!(kept == filled);
    let (other, _) = translated("--value-range 0..5000");
    assert!(kept != other);
    // Numbers of 8 bits do not fill it.
    image::GrayImage::new(32, 32)
        .save(root.join("y.png"))
        .unwrap();
    let (_, text) = translated("");
    let note = "note: images of whole numbers up to 255, which fill less than a third of the value \
                range 0..1000: 1, such as y.png; ";
    assert!(text.contains(note), "{text}");
}

/// The files are measured before a device is looked for.
#[test]
fn an_unmarked_number_for_missing_values_is_told() {
    let folder = temporary();
    let root = folder.path();
    heights(&root.join("pairs/train/A/x.png"), 1000);
    heights(&root.join("pairs/train/B/x.png"), 1000);
    heights(&root.join("pairs/train/B/y.png"), 1000);
    let mut numbers = [7; 32 * 32];
    numbers[5] = -9999;
    let mut file = fs::File::create(root.join("pairs/train/A/y.tif")).unwrap();
    TiffEncoder::new(&mut file)
        .unwrap()
        .write_image::<GrayI16>(32, 32, &numbers)
        .unwrap();
    let output = run(
        root,
        "train pairs --input gray --output gray --value-range auto --adapter none",
    );
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "in -9999..1000: these are black and white",
        "note: -9999 may stand for missing values, because all other numbers lie in 0..1000; ",
        "pairs/train/A/y.tif; --value-range 0..1000 takes it for the nearest end, and --nodata",
        "error: no adapter matches",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
