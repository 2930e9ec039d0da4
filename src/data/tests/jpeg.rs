//! Kinds of JPEG files that the decoder does not decode, or decodes to another picture.

use crate::data::read::decode;
use crate::data::{DataError, Picture, ReadOptions};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};
use std::io::Cursor;
use std::path::Path;

fn read(bytes: &[u8]) -> Result<Picture, DataError> {
    decode(Path::new("a.jpg"), bytes, &ReadOptions::default())
}

fn encoded(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .into()
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// Where the segment with this marker begins.
fn place(bytes: &[u8], marker: u8) -> usize {
    let is_there = |pair: &[u8]| pair == [0xFF, marker];
    bytes.windows(2).position(is_there).unwrap()
}

/// Two blocks of grey, one behind the other, with a restart marker behind each block but the last.
fn with_restarts(blocks: &[u8]) -> Vec<u8> {
    let mut bytes = encoded(GrayImage::from_pixel(16, 8, Luma([128])));
    let scan = place(&bytes, 0xDA);
    bytes.truncate(scan + 2 + 8);
    bytes.extend(blocks);
    bytes.extend([0xFF, 0xD9]);
    bytes.splice(scan..scan, [0xFF, 0xDD, 0, 4, 0, 1]);
    bytes
}

/// A block of grey: no difference to the block before, no detail, and ones up to the byte's end.
const BLOCK: u8 = 0b0010_1011;

/// A small file with restart markers.
pub fn corpus() -> Vec<Vec<u8>> {
    vec![with_restarts(&[BLOCK, 0xFF, 0xD0, BLOCK])]
}

#[test]
fn a_lost_restart_interval_is_damage() {
    let whole = read(&with_restarts(&[BLOCK, 0xFF, 0xD0, BLOCK])).unwrap();
    assert_eq!(whole.dimensions(), (16, 8));
    assert!(whole.bytes().iter().all(|&sample| sample == 128));
    let error = read(&with_restarts(&[BLOCK])).unwrap_err();
    assert!(matches!(error, DataError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("in its middle"), "{error}");
}

/// Every part of a file is damaged, wherever it ends.
#[test]
fn a_file_cut_at_any_byte_is_damaged() {
    let bytes = encoded(RgbImage::from_fn(16, 16, |x, y| {
        image::Rgb([x as u8, y as u8, 9])
    }));
    assert!(read(&bytes).is_ok());
    for length in 4..bytes.len() {
        let error = read(&bytes[..length]).unwrap_err();
        assert!(
            matches!(error, DataError::Damaged { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn kinds_that_are_not_decoded_are_named() {
    let rgb = encoded(RgbImage::new(16, 16));
    let header = place(&rgb, 0xC0);
    let changed = |at: usize, value: u8| {
        let mut bytes = rgb.clone();
        bytes[header + at] = value;
        bytes
    };
    let (marker, bits, brightness, blue) = (1, 4, 11, 14);
    let mut coarse = changed(brightness, 0x11);
    coarse[header + blue] = 0x21;
    for (bytes, kind) in [
        (changed(marker, 0xC3), "it is a lossless JPEG"),
        (changed(marker, 0xC9), "with arithmetic coding"),
        (changed(marker, 0xCA), "with arithmetic coding"),
        (changed(marker, 0xC5), "it is a hierarchical JPEG"),
        (changed(marker, 0xF7), "it is JPEG-LS"),
        (changed(bits, 12), "more than 8 bits a sample"),
        (coarse, "colours have more samples than its brightness"),
    ] {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, DataError::NotAnImage { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains(kind) && message.contains("a.jpg"),
            "{message}"
        );
    }
}
