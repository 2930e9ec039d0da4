//! Readers of TIFF, EXIF, Netpbm and OpenEXR files, of animations, profiles and JPEG segments under
//! mutation: whatever the bytes are, a file is a picture or an error, it comes back at once, and it
//! takes no more memory than is stated. It is read whole, by rows, as a stream of frames, and for
//! its range, its size or what stands beside its pixels alone, with a value range and without one.
//!
//! The first tier runs a fixed number of mutations, the second 20 seconds of each reader. For
//! longer: CONTRIBUTING.md says how, with `PIX2PIX_FUZZ_SECONDS`.

use super::memory::peak;
use super::{animation, colour_space, jpeg, open_exr, orientation, tiff_corpus, tiff_samples};
use crate::clock::Instant;
use crate::data::head::size_of;
use crate::data::random::philox4x32_10;
use crate::data::read::{decode, extent_of};
use crate::data::{DataError, Density, FrameReader, GeoTags, Picture, ReadOptions, RowReader};
use crate::data::{ValueMapping, ValueRange};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long the longer run is for each reader, unless the environment says otherwise.
const SECONDS: u64 = 20;
/// No file of this size takes longer.
const LONGEST: Duration = Duration::from_secs(5);
/// The most pixels of half of the readings. All files of the corpora have fewer.
const FEW: u64 = 1024;
/// Those of the other half: the usual limit in pixels.
const MANY: u64 = (512 << 20) / 16;

/// Files that are mutated, of each kind.
fn corpora() -> [(&'static str, Vec<Vec<u8>>); 5] {
    let netpbm: [&[u8]; 7] = [
        b"P1\n2 1\n1 0\n",
        b"P2 2 1 255 7 250\n",
        b"P3 2 1 255 1 2 3 4 5 6\n",
        b"P4\n2 1\n\x80",
        b"P5\n# a comment\n2 1\n15\n\x00\x0F",
        b"P6 2 1 65535\n\0\x01\0\x02\0\x03\x01\0\x02\0\x03\0",
        b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\n\
          TUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x01\x02\x03\x04",
    ];
    [
        (
            "TIFF",
            [tiff_samples::corpus(), tiff_corpus::corpus()].concat(),
        ),
        ("EXIF", orientation::corpus()),
        ("Netpbm", netpbm.map(<[u8]>::to_vec).into()),
        ("OpenEXR", open_exr::corpus()),
        (
            "heads",
            [animation::corpus(), colour_space::corpus(), jpeg::corpus()].concat(),
        ),
    ]
}

/// The file with 1 to 4 changes: a bit, a byte, a number of the kind that lengths are, bytes left
/// out or twice, and bytes of another file of the corpus.
fn mutated(corpus: &[Vec<u8>], seed: u32) -> Vec<u8> {
    let of = |seed: u32| &corpus[seed as usize % corpus.len()];
    let (mut bytes, seed) = (of(seed).clone(), [seed, 16]);
    let changes = 1 + philox4x32_10(seed, [0; 4])[0] % 4;
    for change in 1..=changes {
        let [kind, place, value, length] = philox4x32_10(seed, [change, 0, 0, 0]);
        let Some(last) = bytes.len().checked_sub(1) else {
            break;
        };
        let at = place as usize % (last + 1);
        let end = (at + 1 + length as usize % 8).min(bytes.len());
        match kind % 8 {
            0 => bytes[at] ^= 1 << (value % 8),
            1 => bytes[at] = value as u8,
            2 => bytes[at..end].fill([0, 0xFF, 0x7F, 0x80][value as usize % 4]),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                // The end of another file, or a part of it in the same place.
                let other = of(value).get(at..).unwrap_or_default();
                let end = (at + other.len()).min(bytes.len());
                bytes.splice(at..end, other.iter().copied());
            }
            6 => {
                let other = of(value).get(at..).unwrap_or_default();
                let part = &other[..other.len().min(length as usize % 64)];
                let end = (at + part.len()).min(bytes.len());
                bytes.splice(at..end, part.iter().copied());
            }
            _ => {
                let copy = bytes[at..end].to_vec();
                let to = value as usize % (bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
        }
    }
    bytes
}

/// Reads the mutation of this seed in every way. `path` is where it lies meanwhile.
fn try_one(name: &str, corpus: &[Vec<u8>], seed: u32, path: &Path) {
    let file = mutated(corpus, seed);
    fs::write(path, &file).unwrap();
    let range = ValueRange::new(-10.0, 300.0).unwrap();
    let values = ValueMapping::new(range, Some(0.0), seed.is_multiple_of(2)).unwrap();
    let began = Instant::now();
    for (most, values) in [
        (None, None),
        (None, Some(values)),
        (Some(FEW), None),
        (Some(FEW), Some(values)),
    ] {
        let options = ReadOptions {
            values,
            max_pixels: most,
            ..ReadOptions::default()
        };
        let read = || {
            for result in [decode(path, &file, &options), by_rows(path, &options)] {
                if let Err(error) = result {
                    assert!(error.to_string().contains("fuzzed"), "{error}");
                }
            }
            drop(extent_of(path, options.limit(), true));
        };
        let peak = peak(read) as u64;
        let stated = stated(most.unwrap_or(MANY), &file);
        assert!(
            peak <= stated,
            "{name}: mutation {seed}: {peak} bytes, not {stated}"
        );
    }
    let beside = peak(|| {
        size_of(path, seed.is_multiple_of(2));
        Density::of(path, &ReadOptions::default());
        GeoTags::read(path);
        let mut frames = FrameReader::new(&file[..], "fuzzed", None);
        while frames.next_frame().is_ok_and(|frame| frame.is_some()) {}
    });
    let stated = stated(0, &file);
    assert!(
        beside as u64 <= stated,
        "{name}: mutation {seed}: {beside} bytes beside pixels"
    );
    let took = began.elapsed();
    assert!(took < LONGEST, "{name}: mutation {seed} took {took:?}");
}

/// The most bytes that reading a file takes.
fn stated(pixels: u64, file: &[u8]) -> u64 {
    let of_file = ReadOptions::BYTES_A_FILE_BYTE * file.len() as u64;
    ReadOptions::BYTES_A_PIXEL * pixels + of_file + ReadOptions::BYTES_MORE
}

fn by_rows(path: &Path, options: &ReadOptions) -> Result<Picture, DataError> {
    let mut reader = RowReader::open(path, options)?;
    let mut rows = Picture::default();
    let mut left = reader.layout().height;
    while left > 0 {
        rows = reader.read(left.min(7))?;
        left -= left.min(7);
    }
    Ok(rows)
}

#[test]
fn mutated_files_are_pictures_or_errors() {
    const MUTATIONS: u32 = 600;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed");
    for (name, corpus) in corpora() {
        (0..MUTATIONS).for_each(|seed| try_one(name, &corpus, seed, &path));
    }
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn tiff_files_are_mutated_for_minutes() {
    mutate_for_minutes("TIFF");
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn files_with_exif_are_mutated_for_minutes() {
    mutate_for_minutes("EXIF");
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn netpbm_files_are_mutated_for_minutes() {
    mutate_for_minutes("Netpbm");
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn open_exr_files_are_mutated_for_minutes() {
    mutate_for_minutes("OpenEXR");
}

#[test]
#[ignore = "second tier: 20 seconds, or PIX2PIX_FUZZ_SECONDS"]
fn animations_profiles_and_segments_are_mutated_for_minutes() {
    mutate_for_minutes("heads");
}

fn mutate_for_minutes(reader: &str) {
    let seconds = std::env::var("PIX2PIX_FUZZ_SECONDS");
    let seconds = seconds.map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed");
    let corpora = corpora();
    let (name, corpus) = corpora.iter().find(|(name, _)| *name == reader).unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = 0;
    while Instant::now() < end {
        try_one(name, corpus, seed, &path);
        seed += 1;
    }
    println!("{name}: {seed} mutations in {seconds} s");
}
