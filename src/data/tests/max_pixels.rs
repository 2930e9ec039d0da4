//! The most pixels of an image: a limit that is met at its last pixel in every format and way of
//! reading, and that lets larger images through.

use super::memory::peak;
use super::{FORMATS, open_exr, tiff_corpus};
use crate::data::frames::FrameReader;
use crate::data::read::{decode, extent_of};
use crate::data::tools::{Filter, Task, Tool};
use crate::data::{DataError, ReadOptions, ReadTally, RowReader, SizeLimit};
use image::{DynamicImage, ImageFormat};
use std::fs;
use std::io::Cursor;
use std::path::Path;

const WIDTH: u32 = 300;
const HEIGHT: u32 = 200;

fn at_most(pixels: u64) -> ReadOptions {
    ReadOptions {
        max_pixels: Some(pixels),
        ..ReadOptions::default()
    }
}

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::new_rgb8(width, height);
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = FORMATS
        .map(|format| (format!("{format:?}"), encoded(WIDTH, HEIGHT, format)))
        .into();
    let size = [WIDTH as usize, HEIGHT as usize];
    for is_planar in [false, true] {
        let tiles = tiff_corpus::of_parts(size, 8, true, is_planar);
        files.push((format!("tiles, planes {is_planar}"), tiles));
    }
    files.push(("OpenEXR".to_owned(), open_exr::large(WIDTH, HEIGHT)));
    files
}

fn check(name: &str, result: Result<(), DataError>, fits: bool) {
    let Err(error) = result else {
        assert!(fits, "{name} is read");
        return;
    };
    let said = error.to_string();
    assert!(
        !fits && matches!(error, DataError::TooLarge { .. }),
        "{name}: {said}"
    );
    assert!(
        said.contains("fits: is too large (300x200 pixels)"),
        "{name}: {said}"
    );
    let ways = "the limit is `reading.max_pixels` 59999: shrink it, or read it with \
                `reading.max_pixels` 60000";
    assert!(said.ends_with(ways), "{name}: {said}");
}

#[test]
fn a_limit_of_pixels_holds_in_every_format_and_way_of_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fits");
    let all = u64::from(WIDTH * HEIGHT);
    for (name, bytes) in files() {
        fs::write(&path, &bytes).unwrap();
        for (pixels, fits) in [(all, true), (all - 1, false)] {
            let options = at_most(pixels);
            let tally = &mut ReadTally::default();
            check(&name, options.read(&path, tally).map(drop), fits);
            check(&name, RowReader::open(&path, &options).map(drop), fits);
            let limit = SizeLimit::Pixels(pixels);
            check(&name, extent_of(&path, limit, true).map(drop), fits);
            check(&name, decode(&path, &bytes, &options).map(drop), fits);
        }
    }
}

#[test]
fn a_file_is_refused_by_its_head_before_it_takes_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fits");
    let options = at_most(59_999);
    for (name, bytes) in files() {
        fs::write(&path, &bytes).unwrap();
        let peak = peak(|| {
            assert!(options.read(&path, &mut ReadTally::default()).is_err());
            assert!(RowReader::open(&path, &options).is_err());
        });
        assert!(peak < 200_000, "{name}: {peak} bytes");
    }
}

/// Beyond 16384 pixels a side an image needs a limit of its own, and is read then.
#[test]
fn a_larger_limit_lets_larger_images_through() {
    let folder = tempfile::tempdir().unwrap();
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Tiff,
        ImageFormat::Pnm,
    ] {
        let path = folder.path().join("long");
        fs::write(&path, encoded(16_385, 2, format)).unwrap();
        let tally = &mut ReadTally::default();
        let said = ReadOptions::default()
            .read(&path, tally)
            .unwrap_err()
            .to_string();
        let words = "the limit is 16384 pixels a side and 512 MiB decoded: shrink it, or read it \
                     with `reading.max_pixels` 32770";
        assert!(said.ends_with(words), "{format:?}: {said}");
        let read = at_most(32_770).read(&path, tally).unwrap();
        assert_eq!(read.dimensions(), (16_385, 2), "{format:?}");
    }
}

/// A pixel of many channels counts as several.
#[test]
fn a_pixel_of_many_bytes_counts_as_several() {
    let file = {
        let mut file = tiff_corpus::head([10, 10], 1, 40, 1);
        file.longs(278, &[10]);
        file.finish([273, 279], &[vec![7; 4000]])
    };
    let path = Path::new("a.tif");
    let said = decode(path, &file, &at_most(249)).unwrap_err().to_string();
    assert!(said.ends_with("`reading.max_pixels` 250"), "{said}");
    assert_eq!(decode(path, &file, &at_most(250)).unwrap().channels(), 40);
}

/// A frame of a stream is refused before the rest of it is waited for.
#[test]
fn a_frame_is_refused_by_its_head() {
    let png = encoded(WIDTH, HEIGHT, ImageFormat::Png);
    for head in [&png[..40], b"P6\n300 200 255\n"] {
        let error = FrameReader::new(head, "a pipe", Some(59_999)).next_frame();
        let said = error.err().unwrap().to_string();
        assert!(
            said.starts_with("frame 1 of a pipe: is too large (300x200 pixels)"),
            "{said}"
        );
    }
    let mut whole = FrameReader::new(&png[..], "a pipe", Some(60_000));
    assert!(whole.next_frame().unwrap().is_some());
}

/// A pair of images that were read as an exception may be as large as both.
#[test]
fn a_combined_image_may_be_larger_where_its_halves_were_allowed_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.png");
    fs::write(&half, encoded(8193, 1, ImageFormat::Png)).unwrap();
    let tool = Tool::Combine {
        size: None,
        filters: [Filter::Bicubic; 2],
    };
    let task = Task {
        sources: vec![half.clone(), half],
        output: folder.path().join("pair.png"),
    };
    let said = tool
        .make(&task, &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("pair.png: is too large (16386x1 pixels)"),
        "{said}"
    );
    let made = tool.make(&task, &at_most(8193)).unwrap();
    assert_eq!(made.picture.dimensions(), (16_386, 1));
}
