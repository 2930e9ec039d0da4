//! Animations: the first picture is read, and it is told that there are others.

use crate::data::{Picture, ReadOptions, ReadTally, RowReader};
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgba, RgbaImage};
use std::fs;
use std::io::Cursor;
use std::path::Path;

type Encode = fn(u8) -> Vec<u8>;

const ENCODERS: [(&str, Encode); 3] = [("gif", gif), ("png", png), ("webp", webp)];

/// Small animations of each format.
pub fn corpus() -> Vec<Vec<u8>> {
    ENCODERS.map(|(_, encode)| encode(2)).into()
}

/// The pictures of an animation.
fn pictures(count: u8) -> impl Iterator<Item = RgbaImage> {
    (0..count).map(|number| RgbaImage::from_pixel(5, 3, Rgba([200, 10 + 100 * number, 30, 255])))
}

fn gif(count: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder
        .encode_frames(pictures(count).map(Frame::new))
        .unwrap();
    drop(encoder);
    bytes
}

fn png(count: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 5, 3);
    encoder.set_color(png::ColorType::Rgba);
    if count > 1 {
        encoder.set_animated(count.into(), 0).unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    for picture in pictures(count) {
        writer.write_image_data(&picture).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// A file of RIFF chunks. An animation has a head, and its pictures as chunks in chunks.
fn webp(count: u8) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| -> Vec<u8> {
        let length = (data.len() as u32).to_le_bytes();
        let pad = vec![0; data.len() % 2];
        [kind, &length, data, &pad].concat()
    };
    let still = |picture: RgbaImage| -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = DynamicImage::from(picture);
        picture.write_to(&mut bytes, ImageFormat::WebP).unwrap();
        bytes.into_inner()
    };
    if count == 1 {
        return pictures(1).map(still).next().unwrap();
    }
    let size = [4, 0, 0, 2, 0, 0];
    let mut chunks = chunk(b"VP8X", &[&[2, 0, 0, 0][..], &size].concat());
    chunks.extend(chunk(b"ANIM", &[0; 6]));
    for picture in pictures(count) {
        // The last byte: it is not blended.
        let place_and_time = [&[0; 6][..], &size, &[9, 0, 0, 2]].concat();
        let image = still(picture).split_off(12);
        chunks.extend(chunk(b"ANMF", &[place_and_time, image].concat()));
    }
    chunk(b"RIFF", &[&b"WEBP"[..], &chunks].concat())
}

fn in_bands(path: &Path) -> (Picture, Vec<String>) {
    let mut reader = RowReader::open(path, &ReadOptions::default()).unwrap();
    let picture = reader.read(u32::MAX).unwrap();
    (picture, reader.tally().lines().collect())
}

#[test]
fn the_first_picture_is_read_and_the_others_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, encode) in ENCODERS {
        for count in [1, 2, 3] {
            let path = folder.path().join(format!("{count}.{ending}"));
            fs::write(&path, encode(count)).unwrap();
            let mut tally = ReadTally::default();
            let whole = ReadOptions::default().read(&path, &mut tally).unwrap();
            let colour: Vec<u16> = whole.to_rgb().pixel(4, 2).collect();
            assert_eq!(colour, [200, 10, 30], "{ending}");
            let said: Vec<String> = tally.lines().collect();
            let expected = format!(
                "animations of which only the first picture is used: 1, such as {}",
                path.display()
            );
            let expected = Vec::from_iter((count > 1).then_some(expected));
            assert_eq!(said, expected);
            assert_eq!(in_bands(&path), (whole, expected));
        }
    }
}

/// What is told is counted over files, and no file counts twice.
#[test]
fn animations_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut tally = ReadTally::default();
    for name in ["a", "b", "b", "c"] {
        let path = folder.path().join(name);
        fs::write(&path, gif(2)).unwrap();
        ReadOptions::default().read(&path, &mut tally).unwrap();
    }
    let said: Vec<String> = tally.lines().collect();
    assert!(said[0].contains("used: 3, such as ") && said[0].ends_with('a'));
}
