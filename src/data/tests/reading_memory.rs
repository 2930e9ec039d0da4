//! Reading takes no more memory than is stated for each pixel that a file declares, for every
//! format and every way of reading.

use super::memory::peak;
use super::{FORMATS, open_exr, tiff_corpus};
use crate::data::head::size_of;
use crate::data::read::{decode, extent_of};
use crate::data::{
    DataError, GeoTags, ReadOptions, ReadTally, RowReader, SizeLimit, ValueMapping, ValueRange,
};
use image::{DynamicImage, ImageBuffer, ImageFormat};
use std::borrow::Cow;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use tiff::encoder::colortype::{self, ColorType};
use tiff::encoder::{TiffEncoder, TiffValue};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;

/// Bytes of memory for each byte of the numbers in a file, once they are decoded.
const FACTOR: usize = (ReadOptions::BYTES_A_PIXEL / 16) as usize;
/// The same for each byte of the file, and for every file.
const FILE: usize = ReadOptions::BYTES_A_FILE_BYTE as usize;
const SLACK: usize = 1 << 19;

/// Pictures of noise, each with the bytes of a pixel, and one that is packed well.
fn pictures() -> Vec<(DynamicImage, usize)> {
    let noise = |pixel: u32| -> Vec<u8> {
        (0..WIDTH * HEIGHT * pixel)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect()
    };
    let deep = noise(6)
        .chunks(2)
        .map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
        .collect();
    let flat = vec![9; (WIDTH * HEIGHT * 3) as usize];
    let grey = ImageBuffer::<image::Luma<u8>, _>::from_raw(WIDTH, HEIGHT, noise(1));
    let rgba = ImageBuffer::<image::Rgba<u8>, _>::from_raw(WIDTH, HEIGHT, noise(4));
    let deep = ImageBuffer::<image::Rgb<u16>, Vec<u16>>::from_raw(WIDTH, HEIGHT, deep);
    let rgb = |bytes| ImageBuffer::<image::Rgb<u8>, _>::from_raw(WIDTH, HEIGHT, bytes).unwrap();
    vec![
        (grey.unwrap().into(), 1),
        (rgb(noise(3)).into(), 3),
        (rgb(flat).into(), 3),
        (rgba.unwrap().into(), 4),
        (deep.unwrap().into(), 6),
    ]
}

/// Files of every format, with the bytes of a pixel.
fn files() -> Vec<(String, Vec<u8>, usize)> {
    let mut files = Vec::new();
    for format in FORMATS {
        for (picture, pixel) in pictures() {
            let mut bytes = Cursor::new(Vec::new());
            if picture.write_to(&mut bytes, format).is_ok() {
                // These have more channels once they are decoded.
                let pixel = match format {
                    ImageFormat::Gif => 4,
                    ImageFormat::Bmp | ImageFormat::WebP => pixel.max(3),
                    _ => pixel,
                };
                files.push((format!("{format:?} {pixel}"), bytes.into_inner(), pixel));
            }
        }
    }
    files.extend(wide());
    files.push(("OpenEXR".to_owned(), open_exr::large(WIDTH, HEIGHT), 16));
    let parts = [1, 5, 8, 32_773].into_iter().flat_map(|compression| {
        [false, true].into_iter().flat_map(move |is_tiled| {
            [false, true].map(|is_planar| (compression, is_tiled, is_planar))
        })
    });
    for (compression, is_tiled, is_planar) in parts {
        let size = [WIDTH as usize, HEIGHT as usize];
        let file = tiff_corpus::of_parts(size, compression, is_tiled, is_planar);
        let name = format!("TIFF {compression}, tiles {is_tiled}, planes {is_planar}");
        files.push((name, file, 3));
    }
    files
}

/// TIFF files of wide numbers.
fn wide() -> Vec<(String, Vec<u8>, usize)> {
    fn file<C: ColorType>(samples: &[C::Inner], pixel: usize) -> (String, Vec<u8>, usize)
    where
        [C::Inner]: TiffValue,
    {
        let mut bytes = Cursor::new(Vec::new());
        let mut file = TiffEncoder::new(&mut bytes).unwrap();
        file.write_image::<C>(WIDTH, HEIGHT, samples).unwrap();
        (format!("wide {pixel}"), bytes.into_inner(), pixel)
    }
    let count = (WIDTH * HEIGHT) as usize;
    vec![
        file::<colortype::RGBA32Float>(&vec![0.5; 4 * count], 16),
        file::<colortype::RGB64Float>(&vec![0.5; 3 * count], 24),
        file::<colortype::RGB32>(&vec![u32::MAX; 3 * count], 12),
    ]
}

/// Ways to read a file: as it is, and by a value range.
fn ways() -> [ReadOptions; 2] {
    let range = ValueRange::new(0.0, 255.0).unwrap();
    let mapped = ReadOptions {
        values: Some(ValueMapping::new(range, Some(0.0), false).unwrap()),
        ..ReadOptions::default()
    };
    [ReadOptions::default(), mapped]
}

fn by_rows(path: &Path, options: &ReadOptions) -> Result<(), DataError> {
    let mut reader = RowReader::open(path, options)?;
    for _ in 0..reader.layout().height.div_ceil(7) {
        reader.read(7)?;
    }
    Ok(())
}

#[test]
fn reading_takes_no_more_memory_than_stated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for (name, bytes, pixel) in files() {
        fs::write(&path, &bytes).unwrap();
        let decoded = (WIDTH * HEIGHT) as usize * pixel;
        let stated = FACTOR * decoded + FILE * bytes.len() + SLACK;
        let check = |way: &str, peak: usize, stated: usize| {
            let share = (peak as f64 - (FILE * bytes.len()) as f64) / decoded as f64;
            println!(
                "{name}, {way}: {peak} bytes, {share:.2} a byte; file {}",
                bytes.len()
            );
            assert!(
                peak <= stated,
                "{name}, {way}: {peak} bytes, and {stated} are stated"
            );
        };
        for options in ways() {
            let way = format!("{:?}", options.values.map(|values| values.range()));
            let whole = peak(|| drop(options.read(&path, &mut ReadTally::default()).unwrap()));
            check(&format!("whole, {way}"), whole, stated);
            check(
                &format!("rows, {way}"),
                peak(|| by_rows(&path, &options).unwrap()),
                stated,
            );
        }
        let extent = peak(|| assert!(extent_of(&path, SizeLimit::Usual, true).is_ok()));
        check("range", extent, stated);
        check(
            "size",
            peak(|| assert!(size_of(&path, false).is_some())),
            SLACK / 4,
        );
        check("place", peak(|| drop(GeoTags::read(&path))), SLACK / 4);
    }
}

/// What is turned is a second picture.
#[test]
fn turned_pictures_take_no_more_memory_than_stated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tif");
    let mut file = tiff_corpus::head([WIDTH as usize, HEIGHT as usize], 2, 3, 1);
    file.shorts(274, &[6]);
    let samples = vec![7; 3 * (WIDTH * HEIGHT) as usize];
    let bytes = file.finish([273, 279], &[samples]);
    fs::write(&path, &bytes).unwrap();
    let decoded = 3 * (WIDTH * HEIGHT) as usize;
    for options in ways() {
        let peak = peak(|| drop(options.read(&path, &mut ReadTally::default()).unwrap()));
        let stated = FACTOR * decoded + FILE * bytes.len() + SLACK;
        assert!(peak <= stated, "{peak} bytes, and {stated} are stated");
    }
}

/// Small files that say they are large, or that hold much beside a small picture.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    // A list that says it has so many values of a type.
    let lists = |tag: u16, kind: u16| {
        let mut file = tiff_corpus::head([16, 16], 1, 1, 1);
        file.shorts(338, &[1, 1, 1]);
        file.shorts(339, &[1, 1, 1]);
        tiff_corpus::place(&mut file);
        let mut bytes = file.finish([273, 279], &[vec![7; 256]]);
        let count = tiff_corpus::count_of(&bytes, tag);
        bytes[count - 2..count].copy_from_slice(&kind.to_le_bytes());
        bytes[count..count + 4].copy_from_slice(&300_000_000u32.to_le_bytes());
        bytes
    };
    let mut many_strips = tiff_corpus::head([1, 4_000_000], 1, 1, 1);
    many_strips.longs(278, &[1]);
    let jpeg = |photometric| {
        let (mut bytes, at) = tiff_corpus::jpeg(photometric);
        bytes[at..at + 4].copy_from_slice(&[0x3E, 0x80, 0x3E, 0x80]);
        bytes
    };
    let mut large_jpeg = Cursor::new(Vec::new());
    let picture = DynamicImage::new_rgb8(16, 16);
    picture
        .write_to(&mut large_jpeg, ImageFormat::Jpeg)
        .unwrap();
    let mut large_jpeg = large_jpeg.into_inner();
    let frame = large_jpeg
        .windows(2)
        .position(|bytes| bytes == [0xFF, 0xC0])
        .unwrap();
    large_jpeg[frame + 5..frame + 9].fill(0xF0);
    vec![
        ("places of strips", lists(273, 4)),
        ("bytes of strips", lists(279, 3)),
        ("bits of samples", lists(258, 3)),
        ("types of samples", lists(339, 3)),
        ("further samples", lists(338, 1)),
        ("a width in words", lists(256, 2)),
        ("no data", lists(42_113, 2)),
        ("metadata", lists(42_112, 2)),
        ("a place on Earth", lists(34_735, 3)),
        ("strips", many_strips.finish([273, 279], &[vec![7]])),
        ("a grey JPEG in a TIFF", jpeg(1)),
        ("a JPEG of colours in a TIFF", jpeg(6)),
        ("a JPEG", large_jpeg),
        ("a PNG with a colour profile", png_with_profile()),
    ]
}

/// A PNG of one pixel with a colour profile of 48 MiB.
fn png_with_profile() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(1, 1);
    info.icc_profile = Some(Cow::Owned(vec![0; 48 << 20]));
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&[7])
        .unwrap();
    bytes
}

#[test]
fn small_files_that_say_they_are_large_take_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("x");
    for (name, bytes) in bombs() {
        fs::write(&path, &bytes).unwrap();
        let stated = FILE * bytes.len() + ReadOptions::BYTES_MORE as usize;
        let check = |way: &str, peak: usize| {
            println!("{name}, {way}: {peak} bytes");
            assert!(
                peak <= stated,
                "{name}, {way}: {peak} bytes, and {stated} are stated"
            );
        };
        for options in ways() {
            check("whole", peak(|| drop(decode(&path, &bytes, &options))));
            check("rows", peak(|| drop(by_rows(&path, &options))));
        }
        check(
            "range",
            peak(|| drop(extent_of(&path, SizeLimit::Usual, true))),
        );
        check("size", peak(|| _ = size_of(&path, false)));
        check("place", peak(|| drop(GeoTags::read(&path))));
    }
}
