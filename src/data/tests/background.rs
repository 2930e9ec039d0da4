//! Pictures that are laid on a colour as they are read.

use crate::data::{
    Background, PairReading, Picture, Pixels, ReadOptions, ReadTally, RowReader, read_picture,
};
use image::codecs::gif::GifEncoder;
use image::{Frame, GrayAlphaImage, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs::File;
use std::path::{Path, PathBuf};

fn on(background: Background) -> ReadOptions {
    ReadOptions {
        background: Some(background),
        ..ReadOptions::default()
    }
}

/// The picture, and the lines that are told of it.
fn read(path: &Path, options: &ReadOptions) -> (Picture, Vec<String>) {
    let mut tally = ReadTally::default();
    let picture = options.read(path, &mut tally).unwrap();
    (picture, tally.lines().collect())
}

/// Drawings on nothing, as icons are: a dark square in the middle, and black behind it.
fn drawings(folder: &Path) -> [PathBuf; 3] {
    let files = ["rgba.png", "grey.png", "moving.gif"].map(|name| folder.join(name));
    let is_drawn = |x, y| (10..30).contains(&x) && (20..40).contains(&y);
    let pixel = |x, y| {
        Rgba(if is_drawn(x, y) {
            [9, 5, 2, 255]
        } else {
            [0; 4]
        })
    };
    let rgba = RgbaImage::from_fn(40, 60, pixel);
    rgba.save(&files[0]).unwrap();
    GrayAlphaImage::from_fn(40, 60, |x, y| LumaA([9, 255 * u8::from(is_drawn(x, y))]))
        .save(&files[1])
        .unwrap();
    GifEncoder::new(File::create(&files[2]).unwrap())
        .encode_frame(Frame::new(rgba))
        .unwrap();
    files
}

#[test]
fn transparent_pixels_take_the_colour_and_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut tally = ReadTally::default();
    let files = drawings(folder.path());
    for path in &files {
        let picture = on(Background::WHITE).read(path, &mut tally).unwrap();
        assert!(!picture.has_opacity());
        let pixel = |x, y| picture.pixel(x, y).collect::<Vec<_>>();
        assert_eq!(pixel(0, 0), [255; 3], "{}", path.display());
        assert_eq!(pixel(15, 25)[0], 9, "{}", path.display());
    }
    let lines: Vec<String> = tally.lines().collect();
    // On white it is not nearly black any more.
    let line = "images with transparent pixels, which are laid on white: 3, such as ";
    assert_eq!(lines, [format!("{line}{}", files[0].display())]);
    let (_, lines) = read(&files[0], &on(Background::BLACK));
    assert!(lines[0].contains("laid on black: 1") && lines[1].contains("nearly black"));
}

#[test]
fn rows_are_laid_as_the_whole_picture_is() {
    let folder = tempfile::tempdir().unwrap();
    for path in drawings(folder.path()) {
        for background in [Background::WHITE, "#102030".parse().unwrap()] {
            let options = on(background);
            let (whole, lines) = read(&path, &options);
            let mut reader = RowReader::open(&path, &options).unwrap();
            let mut by_rows = Picture::default();
            while by_rows.height() < whole.height() {
                by_rows.append(reader.read(7).unwrap());
            }
            assert_eq!(by_rows, whole, "{}", path.display());
            let told: Vec<String> = reader.tally().lines().collect();
            assert_eq!(told, lines, "{}", path.display());
        }
    }
}

/// Nothing is told, and nothing changes, where no pixel lets anything through.
#[test]
fn opaque_pictures_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let [opaque, plain] = ["opaque.png", "plain.png"].map(|name| folder.path().join(name));
    RgbaImage::from_fn(9, 9, |x, y| Rgba([x as u8 * 20, y as u8 * 20, 90, 255]))
        .save(&opaque)
        .unwrap();
    RgbImage::from_fn(9, 9, |x, y| Rgb([x as u8 * 20, y as u8 * 20, 90]))
        .save(&plain)
        .unwrap();
    for path in [opaque, plain] {
        let (picture, lines) = read(&path, &on(Background::WHITE));
        assert_eq!(picture, read_picture(&path).unwrap().to_rgb());
        assert_eq!(lines, [""; 0]);
    }
}

#[test]
fn channels_that_hold_opacity_have_nothing_behind_them() {
    for (pixels, expected) in [
        (Pixels::Rgb, Some(Background::WHITE)),
        (Pixels::Gray.times(2), Some(Background::WHITE)),
        (Pixels::Rgba, None),
        (Pixels::Rgba.times(2), None),
        (Pixels::Channels(4), None),
    ] {
        let pairs = PairReading {
            background: Some(Background::WHITE),
            ..PairReading::default()
        };
        let [reading, _] = pairs.sides(&pixels, &Pixels::Rgb).unwrap();
        assert_eq!(reading.background, expected, "{pixels}");
    }
}
