//! OpenEXR files: which channels make a picture, and what is refused by name.

use crate::data::head::size_of;
use crate::data::read::{decode, decode_counted};
use crate::data::{Background, DataError, Depth, Picture, ReadOptions, ReadTally, ValueMapping};
use exr::prelude::{
    AnyChannel, AnyChannels, Blocks, Compression, Encoding, FlatSamples, Image, Layer,
    LayerAttributes, LineOrder, SmallVec, SpecificChannels, Text, Vec2, WritableImage,
};
use std::io::Cursor;
use std::path::Path;

/// Width and height.
const SIDES: (usize, usize) = (5, 3);

/// A layer of these channels, whose numbers come from the index of the channel and of the pixel.
fn layer(
    names: &[&str],
    (compression, blocks): (Compression, Blocks),
    number: fn(usize, usize) -> f32,
) -> Layer<AnyChannels<FlatSamples>> {
    let channel = |(index, name): (usize, &&str)| {
        let pixels = (0..SIDES.0 * SIDES.1).map(|pixel| number(index, pixel));
        AnyChannel::new(Text::from(*name), FlatSamples::F32(pixels.collect()))
    };
    let channels: SmallVec<[AnyChannel<FlatSamples>; 4]> =
        names.iter().enumerate().map(channel).collect();
    let encoding = Encoding {
        compression,
        blocks,
        line_order: LineOrder::Increasing,
    };
    let named = LayerAttributes::named(&*names.concat());
    Layer::new(SIDES, named, encoding, AnyChannels::sort(channels))
}

fn file(layers: Vec<Layer<AnyChannels<FlatSamples>>>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let attributes = exr::meta::header::ImageAttributes::with_size(SIDES);
    Image::from_layers(attributes, layers)
        .write()
        .non_parallel()
        .to_buffered(&mut bytes)
        .unwrap();
    bytes.into_inner()
}

fn one(names: &[&str], number: fn(usize, usize) -> f32) -> Vec<u8> {
    let stored = (Compression::ZIP16, Blocks::ScanLines);
    file(vec![layer(names, stored, number)])
}

fn read(bytes: &[u8]) -> Result<Picture, DataError> {
    decode(Path::new("a.exr"), bytes, &ReadOptions::default())
}

/// A file of four channels of floats.
pub fn large(width: u32, height: u32) -> Vec<u8> {
    let channels = SpecificChannels::rgba(|place: Vec2<usize>| {
        let share = (place.0 % 64) as f32 / 64.0;
        (share, 1.0 - share, 0.5_f32, 1.0_f32)
    });
    let mut bytes = Cursor::new(Vec::new());
    Image::from_channels((width as usize, height as usize), channels)
        .write()
        .non_parallel()
        .to_buffered(&mut bytes)
        .unwrap();
    bytes.into_inner()
}

/// Files of each kind of compression that is read, by lines and by tiles.
pub fn corpus() -> Vec<Vec<u8>> {
    let number = |channel, pixel| (channel * 10 + pixel) as f32 / 64.0;
    let kinds = [
        Compression::Uncompressed,
        Compression::RLE,
        Compression::ZIP1,
        Compression::PIZ,
        Compression::PXR24,
        Compression::B44,
    ];
    let tiles = Blocks::Tiles(Vec2(2, 2));
    let stored = [Blocks::ScanLines, tiles].map(|blocks| kinds.map(|kind| (kind, blocks)));
    stored
        .into_iter()
        .flatten()
        .map(|stored| file(vec![layer(&["R", "G", "B", "A"], stored, number)]))
        .collect()
}

/// The channels come in the order of a picture, whatever their order in the file is.
#[test]
fn channels_that_make_a_picture_are_read() {
    let number = |channel, pixel| channel as f32 / 4.0 + pixel as f32 / 64.0;
    for (names, order) in [
        (&["R", "G", "B"][..], &[0, 1, 2][..]),
        (&["A", "B", "G", "R"], &[3, 2, 1, 0]),
        (&["beauty.R", "beauty.G", "beauty.B"], &[0, 1, 2]),
        (&["Z"], &[0]),
        (&["A", "Y"], &[1, 0]),
    ] {
        let picture = read(&one(names, number)).unwrap();
        assert_eq!(
            (picture.dimensions(), picture.depth()),
            ((5, 3), Depth::Sixteen)
        );
        for pixel in [0, 7, 14] {
            let expected = order
                .iter()
                .map(|&channel| (f64::from(number(channel, pixel)) * 65_535.0).round() as u16);
            let found: Vec<u16> = picture.pixel(pixel as u32 % 5, pixel as u32 / 5).collect();
            assert_eq!(found, expected.collect::<Vec<_>>(), "{names:?}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.exr");
    std::fs::write(&path, one(&["Z"], number)).unwrap();
    assert_eq!(size_of(&path, false), Some((5, 3)));
}

#[test]
fn floats_need_a_range_as_those_of_a_tiff_do() {
    let bytes = one(&["R", "G", "B"], |channel, pixel| {
        if (channel, pixel) == (1, 7) {
            f32::NAN
        } else {
            pixel as f32
        }
    });
    let error = read(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("a.exr: the pixel at (2, 1) has no number (NaN), channel 2"),
        "{error}"
    );
    let error = read(&one(&["Z"], |_, pixel| pixel as f32))
        .unwrap_err()
        .to_string();
    assert!(error.contains("its floats lie between 0 and 14"), "{error}");
    let range = "0..14".parse().unwrap();
    let options = ReadOptions {
        values: Some(ValueMapping::new(range, Some(14.0), false).unwrap()),
        ..ReadOptions::default()
    };
    let picture = decode(Path::new("a.exr"), &bytes, &options).unwrap();
    assert_eq!(
        picture.pixel(2, 1).collect::<Vec<_>>(),
        [32_768, 65_535, 32_768]
    );
}

#[test]
fn other_channels_and_layers_are_named() {
    let number = |_, _| 0.0;
    let both = ["R", "Z"].map(|name| layer(&[name], (Compression::RLE, Blocks::ScanLines), number));
    for (bytes, words) in [
        (
            one(&["R", "G", "B", "Z"], number),
            "of the channels B, G, R, Z; save R, G and B",
        ),
        (
            one(&["a.R", "b.G", "c.B"], number),
            "of the channels a.R, b.G, c.B",
        ),
        (file(both.into()), "an OpenEXR file of 2 layers"),
    ] {
        let error = read(&bytes).unwrap_err();
        let is_named = matches!(error, DataError::OpenExr(_));
        assert!(is_named && error.to_string().contains(words), "{error}");
    }
    let whole = one(&["R", "G", "B"], number);
    for length in [4, 40, 200, whole.len() - 1] {
        let error = read(&whole[..length]).unwrap_err();
        assert!(matches!(error, DataError::Damaged { .. }), "{error}");
    }
}

/// Floats are not to become a PNG or a JPEG.
#[test]
fn compressions_that_are_not_read_are_named_with_a_remedy_for_floats() {
    let stored = (Compression::Uncompressed, Blocks::ScanLines);
    let whole = file(vec![layer(&["R", "G", "B"], stored, |_, _| 0.0)]);
    // Behind the name: the length of the value, and the value.
    let name = b"compression\0compression\0\x01\0\0\0";
    let place = whole.windows(name.len()).position(|found| found == name);
    let place = place.unwrap() + name.len();
    for (number, compression) in [
        (8, "the compression DWAA or DWAB"),
        (9, "the compression DWAA or DWAB"),
        (10, "an unknown compression"),
    ] {
        let mut bytes = whole.clone();
        bytes[place] = number;
        let error = read(&bytes).unwrap_err().to_string();
        let expected = format!(
            "a.exr: is an OpenEXR file of {compression}; save it uncompressed or with ZIP, or \
             convert it to a TIFF of floats, or leave it out"
        );
        assert_eq!(error, expected);
    }
}

/// Those of a TIFF are divided by it.
#[test]
fn colours_that_stay_multiplied_by_their_opacity_are_told() {
    let lines = |names: &[&str], opacity: fn(usize, usize) -> f32| {
        let mut tally = ReadTally::default();
        let bytes = one(names, opacity);
        decode_counted(
            Path::new("a.exr"),
            &bytes,
            &ReadOptions::default(),
            &mut tally,
        )
        .unwrap();
        tally.lines().collect::<Vec<_>>()
    };
    let half = |channel, pixel| {
        if (channel, pixel % 5) == (3, 2) {
            0.5
        } else {
            1.0
        }
    };
    assert_eq!(
        lines(&["R", "G", "B", "A"], half),
        [
            "opacities below 1 of OpenEXR files, whose colours stay multiplied by them: 3 in 1 \
             file, such as 0.5 in a.exr"
        ]
    );
    assert!(lines(&["R", "G", "B", "A"], |_, _| 1.0).is_empty());
    assert!(lines(&["R", "G", "B"], |_, _| 0.5).is_empty());
}

/// On a colour they are laid as such, and are not multiplied once more.
#[test]
fn colours_that_stay_multiplied_are_laid_on_a_colour() {
    let half = one(&["R", "G", "B", "A"], |channel, _| {
        [0.5, 0.0, 0.25, 0.5][channel]
    });
    let options = ReadOptions {
        background: Some(Background::WHITE),
        ..ReadOptions::default()
    };
    let mut tally = ReadTally::default();
    let picture = decode_counted(Path::new("a.exr"), &half, &options, &mut tally).unwrap();
    let shares: Vec<f32> = picture
        .pixel(0, 0)
        .map(|sample| f32::from(sample) / 65_535.0)
        .collect();
    let expected = [1.0, 0.5, 0.75];
    let is_near = |(found, expected): (&f32, f32)| (found - expected).abs() < 1e-4;
    assert!(
        shares.len() == 3 && shares.iter().zip(expected).all(is_near),
        "{shares:?}"
    );
    let lines: Vec<String> = tally.lines().collect();
    assert_eq!(
        lines,
        ["images with transparent pixels, which are laid on white: 1, such as a.exr"]
    );
}

/// The sizes are those of the head, and nothing is behind it.
#[test]
fn huge_sizes_are_refused_by_the_head() {
    for (last, sides) in [(19_999, "20000x20000"), (16_383, "16384x16384")] {
        let mut bytes = one(&["R", "G", "B"], |_, _| 0.0);
        for window in ["dataWindow\0box2i\0", "displayWindow\0box2i\0"] {
            let found = bytes
                .windows(window.len())
                .position(|found| found == window.as_bytes())
                .unwrap();
            // Behind the name: the length of the box, its least x and y, its greatest x and y.
            let at = found + window.len() + 12;
            for place in [at, at + 4] {
                bytes[place..place + 4].copy_from_slice(&i32::to_le_bytes(last));
            }
        }
        let error = read(&bytes).unwrap_err().to_string();
        let words = format!("({sides} pixels");
        assert!(error.contains(&words), "{error}");
    }
}
