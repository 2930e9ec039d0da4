//! Files of every kind that people have, from outside: what is read, and what is refused by name.

use crate::{generator, open, run, stderr, succeed, temporary};
use std::fs::{self, File};
use std::path::Path;
use tiff::decoder::Decoder;
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::{Gray8, Gray16, Gray32Float, GrayI16, RGB8};
use tiff::tags::Tag;

const SCALE: [f64; 3] = [0.5, 0.5, 0.0];
const TIE: [f64; 6] = [0.0, 0.0, 0.0, 440_720.5, 3_751_320.0, 0.0];

/// A TIFF of one row.
struct Row<'a> {
    name: &'a str,
    width: u16,
    bits: u16,
    kind: u16,
    channels: u16,
    more: &'a [(Tag, &'a [u16])],
    bytes: &'a [u8],
}

impl Row<'_> {
    fn write(&self, file: File) {
        let mut encoder = TiffEncoder::new(file).unwrap();
        let mut directory = encoder.image_directory().unwrap();
        let start = directory.write_data(self.bytes).unwrap() as u32;
        directory.write_tag(Tag::StripOffsets, start).unwrap();
        let bits = vec![self.bits; self.channels.into()];
        directory.write_tag(Tag::BitsPerSample, &bits[..]).unwrap();
        for (tag, value) in [
            (Tag::ImageWidth, self.width),
            (Tag::ImageLength, 1),
            (Tag::RowsPerStrip, 1),
            (Tag::StripByteCounts, self.bytes.len() as u16),
            (Tag::Compression, 1),
            (Tag::PhotometricInterpretation, self.kind),
            (Tag::SamplesPerPixel, self.channels),
        ] {
            directory.write_tag(tag, value).unwrap();
        }
        for &(tag, value) in self.more {
            directory.write_tag(tag, value).unwrap();
        }
        directory.finish().unwrap();
    }
}

/// TIFFs of one row: of few bits, with a palette, of many channels, and of every type.
pub fn tiffs(folder: &Path) {
    let file = |name: &str| File::create(folder.join(name)).unwrap();
    // Each colour is a grey: twice its index.
    let colours = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30].repeat(3);
    let bits = Row {
        name: "bits.tif",
        width: 8,
        bits: 1,
        kind: 1,
        channels: 1,
        more: &[],
        bytes: &[0b0101_0000],
    };
    let palette = Row {
        name: "palette.tif",
        width: 2,
        bits: 4,
        kind: 3,
        more: &[(Tag::ColorMap, &colours)],
        bytes: &[0x7F],
        ..bits
    };
    let bands = Row {
        name: "bands.tif",
        width: 1,
        bits: 8,
        channels: 5,
        more: &[(Tag::ExtraSamples, &[0; 4])],
        bytes: &[1, 2, 3, 4, 5],
        ..bits
    };
    for row in [bits, palette, bands] {
        row.write(file(row.name));
    }
    let mut encoder = TiffEncoder::new_big(file("big.tif")).unwrap();
    encoder.write_image::<Gray8>(2, 1, &[5, 6]).unwrap();
    let mut encoder = TiffEncoder::new(file("deep.tif")).unwrap();
    encoder.write_image::<Gray16>(2, 1, &[258, 65_535]).unwrap();
    let mut encoder = TiffEncoder::new(file("floats.tif")).unwrap();
    encoder
        .write_image::<Gray32Float>(2, 1, &[0.5, 1.0])
        .unwrap();
    let mut encoder = TiffEncoder::new(file("signed.tif")).unwrap();
    encoder.write_image::<GrayI16>(2, 1, &[-5, 7]).unwrap();
}

/// A TIFF with a place on Earth.
pub fn geo(path: &Path, width: u32, height: u32) {
    let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    let mut image = encoder.new_image::<RGB8>(width, height).unwrap();
    let tags = image.encoder();
    tags.write_tag(Tag::ModelPixelScaleTag, &SCALE[..]).unwrap();
    tags.write_tag(Tag::ModelTiepointTag, &TIE[..]).unwrap();
    let bytes = vec![100; (3 * width * height) as usize];
    image.write_data(&bytes).unwrap();
}

/// The samples of a grey picture, as many channels as it may have.
fn samples(path: &Path) -> Vec<u16> {
    let image = open(path);
    let bytes = match image.color() {
        kind if kind.bytes_per_pixel() / kind.channel_count() == 2 => {
            return image.into_luma16().into_raw();
        }
        kind if kind.has_alpha() => image.into_luma_alpha8().into_raw(),
        _ => image.into_luma8().into_raw(),
    };
    bytes.into_iter().map(u16::from).collect()
}

#[test]
fn files_of_every_kind_are_read_or_refused_by_name() {
    let folder = temporary();
    let root = folder.path();
    let inputs = root.join("in");
    fs::create_dir(&inputs).unwrap();
    tiffs(&inputs);
    let netpbm: [(&str, &[u8]); 4] = [
        ("plain.pbm", b"P1\n2 1\n1 0\n"),
        ("colour.ppm", b"P6 1 1 255\n\x09\x09\x09"),
        ("wide.pgm", b"P5 1 1 65535\n\x01\x02"),
        (
            "clear.pnm",
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\n\
              TUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x07\x80",
        ),
    ];
    for (name, bytes) in netpbm {
        fs::write(inputs.join(name), bytes).unwrap();
    }
    let made = run(root, "prepare grayscale in --out out");
    let text = stderr(&made);
    assert_eq!(made.status.code(), Some(1), "{text}");
    let mut refused: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("error: in/"))
        .collect();
    refused.sort_unstable();
    assert_eq!(refused.len(), 2, "{text}");
    assert!(
        refused[0].starts_with("error: in/bands.tif: has 5 channels"),
        "{text}"
    );
    assert!(
        refused[1].starts_with("error: in/signed.tif: its numbers have a sign"),
        "{text}"
    );
    let expected: [(&str, &[u16]); 9] = [
        ("big", &[5, 6]),
        ("bits", &[0, 255, 0, 255, 0, 0, 0, 0]),
        ("clear", &[7, 128]),
        ("colour", &[9]),
        ("deep", &[258, 65_535]),
        ("floats", &[32_768, 65_535]),
        ("palette", &[14, 30]),
        ("plain", &[0, 255]),
        ("wide", &[258]),
    ];
    for (name, expected) in expected {
        let found = samples(&root.join("out").join(name).with_extension("png"));
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(
        fs::read_dir(root.join("out")).unwrap().count(),
        expected.len()
    );
}

#[test]
fn a_result_lies_where_its_input_lies_on_earth() {
    let folder = temporary();
    let root = folder.path();
    geo(&root.join("field.tif"), 32, 32);
    let model = generator();
    let line = format!("translate field.tif --model '{model}' --out out --format tiff");
    let made = succeed(root, &line);
    assert!(
        !stderr(&made).contains("place on Earth"),
        "{}",
        stderr(&made)
    );
    let result = File::open(root.join("out/field.tif")).unwrap();
    let mut decoder = Decoder::new(result).unwrap();
    assert_eq!(
        decoder.get_tag_f64_vec(Tag::ModelPixelScaleTag).unwrap(),
        SCALE
    );
    assert_eq!(decoder.get_tag_f64_vec(Tag::ModelTiepointTag).unwrap(), TIE);
}
