//! TIFF files of every type of sample, with palettes, and larger than 4 GiB may be.

use super::raw_tiff::RawTiff;
use crate::data::read::decode;
use crate::data::{
    DataError, Depth, PairReading, Picture, Pixels, ReadOptions, ReadTally, RowReader, ValueMapping,
};
use ::tiff::encoder::colortype::{self, ColorType};
use ::tiff::encoder::{TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard, TiffValue};
use ::tiff::tags::Tag;
use std::io::{Cursor, Seek, Write};
use std::path::Path;

fn read(bytes: &[u8]) -> Result<Picture, DataError> {
    decode(Path::new("a.tif"), bytes, &Default::default())
}

/// A file of two pixels.
fn file<C: ColorType>(samples: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    encoder.write_image::<C>(2, 1, samples).unwrap();
    bytes.into_inner()
}

fn deep(bytes: &[u8]) -> Vec<u16> {
    let picture = read(bytes).unwrap();
    assert_eq!(picture.depth(), Depth::Sixteen);
    picture.samples().collect()
}

/// The reason why a file is refused.
fn refused(bytes: &[u8], words: &str) {
    let error = read(bytes).unwrap_err();
    assert!(matches!(error, DataError::Value(_)), "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.to_string().contains("a.tif"), "{error}");
}

/// Whole numbers of 32 and 64 bits are scaled from their whole range. They are never floats.
#[test]
fn wide_whole_numbers_are_scaled() {
    let half = u32::MAX / 2 + 1;
    assert_eq!(
        deep(&file::<colortype::Gray32>(&[half, u32::MAX])),
        [32_768, 65_535]
    );
    let ramp: Vec<u32> = (0..6).map(|step| step * (u32::MAX / 5)).collect();
    assert_eq!(
        deep(&file::<colortype::RGB32>(&ramp)),
        [0, 13_107, 26_214, 39_321, 52_428, 65_535]
    );
    assert_eq!(
        deep(&file::<colortype::Gray64>(&[0, u64::MAX])),
        [0, 65_535]
    );
    refused(
        &file::<colortype::Gray32>(&[7, 4095]),
        "between 7 and 4095, all of which would be black: save them as 16 bits",
    );
    assert_eq!(deep(&file::<colortype::Gray32>(&[0, 0])), [0, 0]);
}

#[test]
fn numbers_with_a_sign_are_refused_with_their_range() {
    refused(&file::<colortype::GrayI8>(&[-5, 7]), "between -5 and 7");
    refused(
        &file::<colortype::GrayI16>(&[0, 1200]),
        "between 0 and 1200",
    );
    refused(&file::<colortype::GrayI32>(&[-1, 1]), "between -1 and 1");
}

#[test]
fn floats_of_0_to_1_are_read_and_others_are_refused_with_their_range() {
    let rgb = [0.0, 0.5, 1.0, 0.25, 0.75, 1.0];
    let expected = [0, 32_768, 65_535, 16_384, 49_151, 65_535];
    let f32s = rgb.map(|value| value as f32);
    assert_eq!(deep(&file::<colortype::RGB32Float>(&f32s)), expected);
    assert_eq!(deep(&file::<colortype::RGB64Float>(&rgb)), expected);
    assert_eq!(
        deep(&file::<colortype::Gray32Float>(&[0.0, 1.0])),
        [0, 65_535]
    );
    refused(
        &file::<colortype::RGB32Float>(&[0.0, 255.0, 3.0, 0.0, 0.0, 9.5]),
        "its floats lie between 0 and 255, and 0 to 1 is read",
    );
    refused(
        &file::<colortype::RGBA32Float>(&[0.1, -0.25, 0.2, 1.0, 0.0, 0.0, 0.0, 1.5]),
        "its floats lie between -0.25 and 1.5",
    );
    refused(
        &file::<colortype::Gray32Float>(&[0.0, f32::NAN]),
        "the pixel at (1, 0) has no number (NaN), channel 1",
    );
    refused(
        &file::<colortype::Gray64Float>(&[0.0, f64::INFINITY]),
        "between 0 and inf",
    );
}

/// A file of two rows of five samples, in so many bits, with these further tags.
fn packed_with<K: TiffKind, W: Write + Seek>(
    mut encoder: TiffEncoder<W, K>,
    [bits, photometric]: [u16; 2],
    rows: &[u8],
    more: &[(Tag, &[u16])],
) {
    let mut directory = encoder.image_directory().unwrap();
    let start = directory.write_data(rows).unwrap() as u32;
    for (tag, value) in [
        (Tag::ImageWidth, 5),
        (Tag::ImageLength, 2),
        (Tag::RowsPerStrip, 2),
        (Tag::StripOffsets, start),
        (Tag::StripByteCounts, rows.len() as u32),
    ] {
        directory.write_tag(tag, value).unwrap();
    }
    for (tag, value) in [
        (Tag::BitsPerSample, bits),
        (Tag::Compression, 1),
        (Tag::PhotometricInterpretation, photometric),
        (Tag::SamplesPerPixel, 1),
    ] {
        directory.write_tag(tag, value).unwrap();
    }
    for (tag, values) in more {
        directory.write_tag(*tag, *values).unwrap();
    }
    directory.finish().unwrap();
}

/// The same with this palette, if it has colours.
fn packed<K: TiffKind, W: Write + Seek>(
    encoder: TiffEncoder<W, K>,
    kind: [u16; 2],
    rows: &[u8],
    palette: &[u16],
) {
    let more = [(Tag::ColorMap, palette)];
    packed_with(
        encoder,
        kind,
        rows,
        if palette.is_empty() { &[] } else { &more },
    );
}

fn standard(kind: [u16; 2], rows: &[u8], palette: &[u16]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let encoder = TiffEncoder::<_, TiffKindStandard>::new_generic(&mut bytes).unwrap();
    packed(encoder, kind, rows, palette);
    bytes.into_inner()
}

fn big(kind: [u16; 2], rows: &[u8], palette: &[u16]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let encoder = TiffEncoder::<_, TiffKindBig>::new_generic(&mut bytes).unwrap();
    packed(encoder, kind, rows, palette);
    bytes.into_inner()
}

#[test]
fn few_bits_are_scaled_to_eight() {
    let cases: [(u16, &[u8], [u8; 10]); 3] = [
        (
            1,
            &[0b0101_1000, 0b1000_0000],
            [0, 255, 0, 255, 255, 255, 0, 0, 0, 0],
        ),
        (
            2,
            &[0b0001_1011, 0, 0b1100_0000, 0],
            [0, 85, 170, 255, 0, 255, 0, 0, 0, 0],
        ),
        (
            4,
            &[0x01, 0x2F, 0xE0, 0xF0, 0, 0x10],
            [0, 17, 34, 255, 238, 255, 0, 0, 0, 17],
        ),
    ];
    for (bits, rows, expected) in cases {
        for bytes in [standard([bits, 1], rows, &[]), big([bits, 1], rows, &[])] {
            assert_eq!(read(&bytes).unwrap().bytes(), expected, "{bits} bits");
        }
        let inverted = read(&standard([bits, 0], rows, &[])).unwrap();
        let expected = expected.map(|sample| 255 - sample);
        assert_eq!(inverted.bytes(), expected, "{bits} bits, white is zero");
    }
}

/// They need a value range, as those of 8 bits and more do, and are not scaled by their bits.
#[test]
fn few_bits_with_a_sign_are_read_by_a_value_range() {
    let cases: [(u16, &[u8], [i64; 10], &str); 3] = [
        (
            1,
            &[0b0101_1000, 0b1000_0000],
            [0, -1, 0, -1, -1, -1, 0, 0, 0, 0],
            "between -1 and 0",
        ),
        (
            2,
            &[0b0001_1011, 0, 0b1100_0000, 0],
            [0, 1, -2, -1, 0, -1, 0, 0, 0, 0],
            "between -2 and 1",
        ),
        (
            4,
            &[0x01, 0x2F, 0xE0, 0x78, 0, 0x10],
            [0, 1, 2, -1, -2, 7, -8, 0, 0, 1],
            "between -8 and 7",
        ),
    ];
    for (bits, rows, expected, words) in cases {
        let mut bytes = Cursor::new(Vec::new());
        let encoder = TiffEncoder::<_, TiffKindStandard>::new_generic(&mut bytes).unwrap();
        packed_with(encoder, [bits, 1], rows, &[(Tag::SampleFormat, &[2])]);
        refused(bytes.get_ref(), words);
        let range = "-8..7".parse().unwrap();
        let options = ReadOptions {
            values: Some(ValueMapping::new(range, None, false).unwrap()),
            ..ReadOptions::default()
        };
        let picture = decode(Path::new("a.tif"), bytes.get_ref(), &options).unwrap();
        let expected = expected.map(|number| (number + 8) as u16 * (65_535 / 15));
        assert_eq!(
            picture.samples().collect::<Vec<_>>(),
            expected,
            "{bits} bits"
        );
    }
}

/// Indices of 4 and 8 bits, with the ways in which writers scale 8 bits to 16.
#[test]
fn a_palette_gives_its_colours_in_both_kinds_of_file() {
    let indices = [0, 1, 2, 3, 1, 1, 2, 0, 0, 3u8];
    let colours = [[9, 8, 7], [200, 0, 1], [0, 255, 3], [4, 5, 6u16]];
    let expected: Vec<u8> = indices
        .iter()
        .flat_map(|&index| colours[usize::from(index)].map(|sample| sample as u8))
        .collect();
    let nibbles = [0x01, 0x23, 0x10, 0x12, 0x00, 0x30];
    for scale in [1, 256, 257] {
        for (bits, rows) in [(4, &nibbles[..]), (8, &indices[..])] {
            let count = 1 << bits;
            let palette: Vec<u16> = (0..3)
                .flat_map(|part| {
                    (0..count).map(move |at| colours.get(at).map_or(0, |c| c[part] * scale))
                })
                .collect();
            for bytes in [
                standard([bits, 3], rows, &palette),
                big([bits, 3], rows, &palette),
            ] {
                let picture = read(&bytes).unwrap();
                assert_eq!((picture.channels(), picture.depth()), (3, Depth::Eight));
                assert_eq!(picture.bytes(), expected, "{bits} bits, scaled by {scale}");
            }
        }
    }
    let mut fine = vec![0; 3 * 16];
    fine[1] = 0x1234;
    let picture = read(&standard([4, 3], &nibbles, &fine)).unwrap();
    assert_eq!(picture.pixel(1, 0).collect::<Vec<_>>(), [0x1234, 0, 0]);
    // One colour that 8 bits cannot hold is enough for all of them to keep 16.
    for other in [0x1200, 0x1212, 0x12] {
        fine[2] = other;
        let picture = read(&standard([4, 3], &nibbles, &fine)).unwrap();
        let samples: Vec<u16> = [1, 2].map(|x| picture.pixel(x, 0).next().unwrap()).into();
        assert_eq!(samples, [0x1234, other]);
    }
    for palette in [&fine[1..], &[]] {
        let error = read(&standard([4, 3], &nibbles, palette)).unwrap_err();
        assert!(error.to_string().contains("palette"), "{error}");
    }
}

#[test]
fn a_big_tiff_is_read_whole_and_by_rows() {
    let samples: Vec<u8> = (0..7 * 5 * 3).collect();
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
    encoder
        .write_image::<colortype::RGB8>(7, 5, &samples)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.tif");
    std::fs::write(&path, bytes.get_ref()).unwrap();
    assert_eq!(read(bytes.get_ref()).unwrap().bytes(), samples);
    let mut rows = crate::data::RowReader::open(&path, &Default::default()).unwrap();
    assert_eq!(rows.read(5).unwrap().bytes(), samples);
}

#[test]
fn compressions_that_are_not_read_are_named() {
    // The tag and the type, the count, and the value none.
    const NONE: [u8; 10] = [3, 1, 3, 0, 1, 0, 0, 0, 1, 0];
    let plain = standard([4, 1], &[0x01, 0x23, 0x10, 0x12, 0x00, 0x30], &[]);
    let place = plain.windows(NONE.len()).position(|found| found == NONE);
    for (method, name) in [
        (2_u16, "CCITT run lengths"),
        (34_887, "LERC"),
        (50_000, "Zstandard"),
        (60_000, "method 60000"),
    ] {
        let mut bytes = plain.clone();
        bytes[place.unwrap() + 8..][..2].copy_from_slice(&method.to_le_bytes());
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, DataError::NotAnImage { .. }), "{error}");
        let words = format!("it is compressed by {name}; LZW, Deflate and PackBits are read");
        assert!(error.to_string().contains(&words), "{error}");
        // A PNG or a JPEG would lose floats and a place.
        let remedy = "; write it again with Deflate or no compression, which keeps floats and a \
                      place on Earth (gdal_translate -co COMPRESS=DEFLATE), or leave it out";
        assert!(error.to_string().ends_with(remedy), "{error}");
    }
}

#[test]
fn bits_and_numbers_that_are_not_read_have_remedies_of_their_own() {
    let bits = standard([4, 1], &[0x01, 0x23, 0x10, 0x12, 0x00, 0x30], &[]);
    let signed = file::<colortype::GrayI16>(&[3, -3]);
    // GDAL writes the same bits again unless it is told otherwise.
    for (plain, tag, value, remedy) in [
        (&bits, 258_u16, 12, "-co NBITS=16"),
        (&bits, 258, 24, "-co NBITS=32"),
        (&signed, 339, 6, "such as their magnitude"),
    ] {
        let mut bytes = plain.clone();
        let entry = [tag.to_le_bytes(), 3_u16.to_le_bytes()].concat();
        let place = bytes.windows(4).position(|found| found == entry).unwrap();
        bytes[place + 8] = value;
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(remedy), "{tag} {value}: {error}");
    }
}

/// Small files of each kind.
pub fn corpus() -> Vec<Vec<u8>> {
    let palette: Vec<u16> = (0..48).collect();
    let nibbles = [0x01, 0x23, 0x10, 0x12, 0x00, 0x30];
    vec![
        standard([4, 3], &nibbles, &palette),
        big([4, 3], &nibbles, &palette),
        standard([1, 0], &[0x58, 0x80], &[]),
        file::<colortype::RGB8>(&[7; 6]),
        file::<colortype::RGB32>(&[u32::MAX; 6]),
        file::<colortype::GrayI16>(&[3, -3]),
        file::<colortype::RGBA32Float>(&[0.5; 8]),
    ]
}

#[test]
fn every_file_cut_short_is_an_error() {
    for whole in corpus() {
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(error.to_string().contains("a.tif"), "{error}");
        }
    }
}

/// Light added to a picture has colours above its opacity. They become white, and are told, in each
/// way of reading but that of channels.
#[test]
fn colours_above_their_opacity_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("glow.tif");
    let mut file = RawTiff::new(false, true);
    for (tag, values) in [
        (258, &[8; 4][..]),
        (259, &[1]),
        (262, &[2]),
        (277, &[4]),
        (338, &[1]),
    ] {
        file.shorts(tag, values);
    }
    file.longs(256, &[2]);
    file.longs(257, &[3]);
    file.longs(278, &[1]);
    // The second row is as it should be. In the third nothing shines through.
    let rows = [
        [90, 150, 60, 60, 10, 20, 30, 255],
        [60, 60, 60, 60, 0, 0, 0, 0],
        [9, 8, 7, 0, 8, 4, 0, 6],
    ];
    let bytes = file.finish([273, 279], &rows.map(Vec::from));
    std::fs::write(&path, bytes).unwrap();
    let line = format!(
        "colours above the opacity that they are multiplied by, which become white where they are \
         divided by it: 3 in 1 file, such as 2.5 in {}",
        path.display()
    );
    for (pixels, expected) in [(Pixels::Rgb, vec![line]), (Pixels::Channels(4), vec![])] {
        let [options, _] = PairReading::default().sides(&pixels, &pixels).unwrap();
        let mut tally = ReadTally::default();
        options.read(&path, &mut tally).unwrap();
        assert_eq!(tally.lines().collect::<Vec<_>>(), expected);
        let mut reader = RowReader::open(&path, &options).unwrap();
        for _ in 0..3 {
            reader.read(1).unwrap();
        }
        assert_eq!(reader.tally().lines().collect::<Vec<_>>(), expected);
    }
}
