//! Files that say that their colours are not sRGB: it is told, and their numbers are read as they
//! are.

use crate::data::{Picture, ReadOptions, ReadTally, RowReader};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// A profile that has nothing but a name, as text of 8 bits or of 16 bits.
fn profile(name: &str, is_wide: bool) -> Vec<u8> {
    let number = |value: usize| (value as u32).to_be_bytes();
    let text = if is_wide {
        let words: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let head = [
            number(1),
            number(12),
            *b"enUS",
            number(words.len()),
            number(28),
        ];
        [b"mluc\0\0\0\0", head.as_flattened(), &words].concat()
    } else {
        let length = number(name.len() + 1);
        [b"desc\0\0\0\0", &length[..], name.as_bytes(), b"\0"].concat()
    };
    let table = [number(1), *b"desc", number(144), number(text.len())];
    [&[0; 128], table.as_flattened(), &text].concat()
}

/// A grey-green picture as a file of this format.
fn file(ending: &str, profile: Vec<u8>) -> Vec<u8> {
    fn write<E: ImageEncoder>(mut encoder: E, profile: Vec<u8>) {
        encoder.set_icc_profile(profile).unwrap();
        let pixels = [100, 120, 100].repeat(8 * 8);
        let colour = ExtendedColorType::Rgb8;
        encoder.write_image(&pixels, 8, 8, colour).unwrap();
    }
    let mut bytes = Cursor::new(Vec::new());
    match ending {
        "jpg" => write(JpegEncoder::new_with_quality(&mut bytes, 100), profile),
        "png" => write(PngEncoder::new(&mut bytes), profile),
        "webp" => write(WebPEncoder::new_lossless(&mut bytes), profile),
        _ => write(TiffEncoder::new(&mut bytes), profile),
    }
    bytes.into_inner()
}

/// Small files of each format with both kinds of profiles.
pub fn corpus() -> Vec<Vec<u8>> {
    let kind = |ending| [false, true].map(|is_wide| file(ending, profile("Adobe RGB", is_wide)));
    ["jpg", "png", "webp", "tif"].map(kind).concat()
}

/// The picture of a file, and what is told of it; the same whole and by rows.
fn read(path: &Path, bytes: &[u8]) -> (Picture, Vec<String>) {
    fs::write(path, bytes).unwrap();
    let mut tally = ReadTally::default();
    let whole = ReadOptions::default().read(path, &mut tally).unwrap();
    let said: Vec<String> = tally.lines().collect();
    let mut reader = RowReader::open(path, &ReadOptions::default()).unwrap();
    assert_eq!(reader.read(u32::MAX).unwrap(), whole);
    assert!(reader.tally().lines().eq(said.iter().cloned()));
    (whole, said)
}

#[test]
fn profiles_are_told_and_not_applied() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["jpg", "png", "webp", "tif"] {
        let path = folder.path().join(format!("a.{ending}"));
        for is_wide in [false, true] {
            for name in ["Display P3", "sRGB IEC61966-2.1", ""] {
                let (picture, said) = read(&path, &file(ending, profile(name, is_wide)));
                let exact = picture.to_rgb().pixel(3, 3).eq([100, 120, 100]);
                assert!(exact || ending == "jpg", "{ending}");
                let shown = match name {
                    "" => "a profile without a name",
                    name => name,
                };
                let line = format!(
                    "images whose colours are not sRGB and are read as if they were: 1, such as {} \
                     ({shown})",
                    path.display()
                );
                let expected = (!name.starts_with("sRGB")).then_some(line);
                assert_eq!(said, Vec::from_iter(expected), "{ending}");
            }
        }
    }
}

/// Chunks of a PNG that say it without a profile, from the first that counts.
#[test]
fn gamma_and_code_points_of_a_png_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut bytes = Vec::new();
        let mut writer = png::Encoder::new(&mut bytes, 1, 1).write_header().unwrap();
        writer
            .write_chunk(png::chunk::ChunkType(*kind), data)
            .unwrap();
        writer.write_image_data(&[70]).unwrap();
        writer.finish().unwrap();
        read(&path, &bytes).1
    };
    let gamma = |value: u32| chunk(b"gAMA", &value.to_be_bytes());
    assert!(gamma(45_455).is_empty());
    assert!(gamma(100_000)[0].contains("(gamma 1.00)"));
    assert!(chunk(b"sRGB", &[0]).is_empty());
    assert!(chunk(b"cICP", &[1, 13, 0, 1]).is_empty());
    assert!(chunk(b"cICP", &[9, 16, 0, 1])[0].contains("(cICP 9, 16)"));
}

/// Inks without a profile.
#[test]
fn inks_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let pixel = [0, 255, 0, 0];
    encoder
        .write_image::<tiff::encoder::colortype::CMYK8>(1, 1, &pixel)
        .unwrap();
    let path = folder.path().join("a.tif");
    let (picture, said) = read(&path, &bytes.into_inner());
    assert!(picture.pixel(0, 0).eq([255, 0, 255]));
    assert!(said[0].contains("(CMYK)"), "{said:?}");
}

/// One line tells of all, with the colours of the first.
#[test]
fn files_of_several_profiles_are_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut tally = ReadTally::default();
    for name in ["Adobe RGB", "Display P3", "sRGB", "Dot Gain 20%"] {
        let path = folder.path().join(name);
        fs::write(&path, file("png", profile(name, false))).unwrap();
        ReadOptions::default().read(&path, &mut tally).unwrap();
    }
    let said: Vec<String> = tally.lines().collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains(": 3, such as ") && said[0].ends_with("(Adobe RGB)"));
}
