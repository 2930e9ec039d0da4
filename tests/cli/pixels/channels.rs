//! Any number of channels.

use super::train;
use crate::{TINY, fail, fail_cleanly, refuse, succeed, temporary};
use pix2pix::data::{Depth, Format, Picture, Quality, RowWriter, read_picture};
use std::fs;
use std::path::Path;

/// Writes a picture of any number of channels that count up, of 16 bits, as a TIFF.
fn save_channels(path: &Path, width: u32, channels: usize) {
    let samples = (0..width as usize * 33 * channels).map(|at| (at * 113) as u16);
    let bytes = samples.flat_map(u16::to_ne_bytes).collect();
    let picture = Picture::from_bytes(width, 33, channels, Depth::Sixteen, bytes).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = RowWriter::new(
        Format::Tiff,
        Quality::default(),
        picture.layout(),
        fs::File::create(path).unwrap(),
    )
    .unwrap();
    writer.push(&picture).unwrap();
    writer.finish().unwrap();
}

/// Trains on images of so many channels, goes on with the run, and translates one more to
/// `NAME/y.FORMAT`.
fn train_and_translate(root: &Path, name: &str, [input, output]: [usize; 2], format: &str) {
    for split in ["train", "val"] {
        save_channels(&root.join(format!("{name}/{split}/A/x.tiff")), 33, input);
        save_channels(&root.join(format!("{name}/{split}/B/x.tiff")), 33, output);
    }
    let kinds = if name == "rgba" {
        "--input rgba --output rgba"
    } else {
        "--input channels --output channels"
    };
    train(root, name, name, kinds);
    succeed(root, &format!("train --resume {name}"));
    save_channels(&root.join(format!("in-{name}/y.tiff")), 40, input);
    succeed(
        root,
        &format!("translate in-{name} --model runs/{name} --out {name} --format {format}"),
    );
    let result = read_picture(&root.join(format!("{name}/y.{format}"))).unwrap();
    assert_eq!(
        (result.dimensions(), result.channels(), result.depth()),
        ((40, 33), output, Depth::Sixteen),
        "{name}"
    );
}

#[test]
#[ignore = "second tier: networks of several numbers of channels"]
fn any_number_of_channels_goes_in_and_comes_out() {
    let folder = temporary();
    let root = folder.path();
    train_and_translate(root, "five", [5, 2], "png");
    train_and_translate(root, "two", [2, 5], "tiff");
    train_and_translate(root, "rgba", [4, 4], "tiff");
    let message = fail_cleanly(root, 2, "translate in-two --model runs/two --out again");
    assert!(
        message.contains("5 channels") && message.contains("--format tiff"),
        "{message}"
    );
    let message = fail(
        root,
        1,
        "translate in-two --model runs/five --out again --format tiff",
    );
    assert!(
        message.contains("y.tiff: has 2 channels where there are 5"),
        "{message}"
    );
}

#[test]
fn channels_that_are_not_asked_for_are_refused() {
    let folder = temporary();
    let root = folder.path();
    for side in ["A", "B"] {
        save_channels(&root.join(format!("five/train/{side}/x.tiff")), 33, 5);
    }
    let message = fail_cleanly(root, 1, &format!("train five --name r {TINY}"));
    assert!(
        message.contains("x.tiff: has 5 channels")
            && message.contains("--input or --output channels"),
        "{message}"
    );
    let message = fail(root, 1, "prepare grayscale five/train/A --out grey");
    assert!(message.contains("x.tiff: has 5 channels"), "{message}");
    refuse(
        root,
        2,
        &[
            ("train --input channels", "name a data set"),
            ("inspect --output channels", "--stack"),
        ],
    );
}
