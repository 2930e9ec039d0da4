//! Small TIFF files as others write them, to be mutated: compressed, in tiles, in planes, with a
//! place on Earth.

use super::raw_tiff::RawTiff;
use crate::data::read::decode;
use crate::data::{ReadOptions, RowReader};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage, RgbImage};
use std::path::Path;
use tiff::encoder::compression::{CompressionAlgorithm, Deflate, Lzw, Packbits};

const WIDTH: usize = 20;
const HEIGHT: usize = 18;
const TILE: usize = 16;
const STRIP: usize = 7;

/// Ways of Compression.
const NONE: u16 = 1;
const FAX: u16 = 4;
const LZW: u16 = 5;
const JPEG: u16 = 7;
const DEFLATE: u16 = 8;
const PACK_BITS: u16 = 32_773;

/// Meanings of PhotometricInterpretation.
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const YCBCR: u16 = 6;

/// Tags of strips and of tiles.
const STRIPS: [u16; 2] = [273, 279];
const TILES: [u16; 2] = [324, 325];

pub fn corpus() -> Vec<Vec<u8>> {
    let mut files = vec![fax()];
    for compression in [NONE, LZW, DEFLATE, PACK_BITS] {
        for (is_tiled, is_planar) in [(false, false), (false, true), (true, false), (true, true)] {
            files.push(of_parts([WIDTH, HEIGHT], compression, is_tiled, is_planar));
        }
    }
    files.extend([BLACK_IS_ZERO, YCBCR].map(|photometric| jpeg(photometric).0));
    files
}

/// A file of this picture, without the tags of its strips or tiles.
pub fn head([width, height]: [usize; 2], meaning: u16, channels: usize, packed: u16) -> RawTiff {
    let mut file = RawTiff::new(meaning == YCBCR, packed != LZW);
    file.longs(256, &[width as u32]);
    file.longs(257, &[height as u32]);
    file.shorts(258, &vec![if packed == FAX { 1 } else { 8 }; channels]);
    file.shorts(259, &[packed]);
    file.shorts(262, &[meaning]);
    file.shorts(277, &[channels as u16]);
    file
}

/// What geographic tools write beside a picture.
pub fn place(file: &mut RawTiff) {
    file.doubles(33_550, &[10.0, 10.0, 0.0]);
    file.doubles(33_922, &[0.0, 0.0, 0.0, 500_000.0, 5_300_000.0, 0.0]);
    file.shorts(34_735, &[1, 1, 0, 2, 1024, 0, 1, 1, 1026, 34_737, 7, 0]);
    file.text(34_737, "UTM 32|");
    let metadata = "<GDALMetadata><Item name=\"a\">1</Item></GDALMetadata>";
    file.text(42_112, metadata);
    file.text(42_113, "-9999");
}

/// A picture of RGB with a place on Earth.
pub fn of_parts(
    [width, height]: [usize; 2],
    compression: u16,
    is_tiled: bool,
    is_planar: bool,
) -> Vec<u8> {
    let mut file = head([width, height], RGB, 3, compression);
    file.shorts(284, &[1 + u16::from(is_planar)]);
    if [LZW, DEFLATE].contains(&compression) {
        file.shorts(317, &[2]);
    }
    place(&mut file);
    let planes: &[&[usize]] = match is_planar {
        true => &[&[0], &[1], &[2]],
        false => &[&[0, 1, 2]],
    };
    let mut parts = Vec::new();
    for plane in planes {
        let part = |at, size| compressed(compression, &samples(at, size, plane));
        if is_tiled {
            for top in (0..height).step_by(TILE) {
                let corners = (0..width).step_by(TILE).map(|left| [left, top]);
                parts.extend(corners.map(|at| part(at, [TILE; 2])));
            }
        } else {
            let rows = |top: usize| STRIP.min(height - top);
            let strips = (0..height).step_by(STRIP);
            parts.extend(strips.map(|top| part([0, top], [width, rows(top)])));
        }
    }
    if is_tiled {
        file.longs(322, &[TILE as u32]);
        file.longs(323, &[TILE as u32]);
        file.finish(TILES, &parts)
    } else {
        file.longs(278, &[STRIP as u32]);
        file.finish(STRIPS, &parts)
    }
}

/// Where a little-endian file that is no BigTIFF says of a tag how many values it has.
pub fn count_of(file: &[u8], tag: u16) -> usize {
    let list = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    let entries = file[list + 2..].chunks(12);
    let index = entries
        .into_iter()
        .position(|entry| entry[..2] == tag.to_le_bytes());
    list + 2 + 12 * index.unwrap() + 4
}

fn samples(at: [usize; 2], size: [usize; 2], channels: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in at[1]..at[1] + size[1] {
        for x in at[0]..at[0] + size[0] {
            bytes.extend(
                channels
                    .iter()
                    .map(|channel| (x / 4 + 9 * y + 23 * channel) as u8),
            );
        }
    }
    bytes
}

fn compressed(compression: u16, bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    match compression {
        LZW => Lzw.write_to(&mut packed, bytes).unwrap(),
        DEFLATE => Deflate::default().write_to(&mut packed, bytes).unwrap(),
        PACK_BITS => Packbits.write_to(&mut packed, bytes).unwrap(),
        _ => return bytes.to_vec(),
    };
    packed
}

/// Eight white rows: each is one bit, "as the row above", and then comes the end (ITU-T T.6).
fn fax() -> Vec<u8> {
    let mut file = head([16, 8], WHITE_IS_ZERO, 1, FAX);
    file.longs(278, &[8]);
    file.finish(STRIPS, &[vec![0xFF, 0x00, 0x10, 0x01]])
}

/// A file of one strip that is a JPEG, and where in the file that says its height and width.
pub fn jpeg(photometric: u16) -> (Vec<u8>, usize) {
    let mut strip = Vec::new();
    let mut encoder = JpegEncoder::new(&mut strip);
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    let channels = if photometric == YCBCR {
        let image = RgbImage::from_fn(width, height, |x, y| [x as u8, y as u8, 9].into());
        encoder
            .encode(&image, width, height, ExtendedColorType::Rgb8)
            .unwrap();
        3
    } else {
        let image = GrayImage::from_fn(width, height, |x, y| [(x * y) as u8].into());
        encoder
            .encode(&image, width, height, ExtendedColorType::L8)
            .unwrap();
        1
    };
    let mut file = head([WIDTH, HEIGHT], photometric, channels, JPEG);
    file.longs(278, &[height]);
    file.shorts(530, &[1, 1]);
    let file = file.finish(STRIPS, &[strip]);
    // The marker, the length and the bits of a sample stand in front of them.
    let frame = file
        .windows(2)
        .position(|bytes| bytes == [0xFF, 0xC0])
        .unwrap();
    (file, frame + 5)
}

#[test]
fn all_files_of_the_corpus_but_one_are_read() {
    for (index, file) in corpus().iter().enumerate() {
        let picture = decode(Path::new("a.tif"), file, &ReadOptions::default());
        let size = picture.map(|picture| picture.dimensions());
        match index {
            0 => assert_eq!(size.unwrap(), (16, 8)),
            // The last one is of other colours.
            _ if index + 1 == corpus().len() => assert!(size.is_err()),
            _ => assert_eq!(size.unwrap(), (20, 18), "{index}"),
        }
    }
}

/// Tiles that reach beyond the last column and row, in each compression, whole and by rows.
#[test]
fn pictures_that_end_inside_of_tiles_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    for size in [[20, 18], [60, 40], [300, 20], [33, 200], [64, 64]] {
        for compression in [NONE, LZW, DEFLATE, PACK_BITS] {
            for is_planar in [false, true] {
                let file = of_parts(size, compression, true, is_planar);
                std::fs::write(&path, &file).unwrap();
                let options = ReadOptions::default();
                let whole = decode(&path, &file, &options).unwrap();
                let samples = samples([0, 0], size, &[0, 1, 2]);
                // The samples of LZW and Deflate are differences to the pixel on the left.
                if compression == NONE || compression == PACK_BITS {
                    assert_eq!(whole.bytes(), samples, "{size:?} {compression} {is_planar}");
                }
                let mut rows = RowReader::open(&path, &options).unwrap();
                let all = rows.read(size[1] as u32).unwrap();
                assert_eq!(all, whole, "{size:?} {compression} {is_planar}");
            }
        }
    }
}
