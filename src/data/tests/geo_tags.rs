//! Places on Earth: read from any TIFF, and written as they were.

use super::raw_tiff::RawTiff;
use crate::data::remark::{PlaceRemark, Remark, RemarkKind};
use crate::data::{Encoding, Format, GeoTags, Picture, ReadOptions, RowWriter};
use crate::data::{place_remarks, place_remarks_of_pngs, read_picture};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

const STRIPS: [u16; 2] = [273, 279];
const METADATA: &str = "<GDALMetadata>\n  <Item name=\"AREA_OR_POINT\">Area</Item>\n  \
    <Item name=\"STATISTICS_MEAN\" sample=\"0\">7</Item>\n</GDALMetadata>\n";
const SCALE: [f64; 3] = [0.5, 0.25, 0.0];
const TIE: [f64; 6] = [0.0, 0.0, 0.0, 440_720.5, 3_751_320.0, 0.0];
const KEYS: [u16; 12] = [1, 1, 0, 2, 1024, 0, 1, 1, 1026, 34_737, 5, 0];

/// A grey picture of 3 x 2 pixels.
fn picture(mut file: RawTiff) -> Vec<u8> {
    file.longs(256, &[3]);
    file.longs(257, &[2]);
    for (tag, value) in [(258, 8), (259, 1), (262, 1), (277, 1), (278, 2)] {
        file.shorts(tag, &[value]);
    }
    file.finish(STRIPS, &[vec![1, 2, 3, 4, 5, 6]])
}

fn placed(is_big: bool, is_little: bool, east: f64) -> RawTiff {
    let mut file = RawTiff::new(is_big, is_little);
    file.doubles(33_550, &SCALE);
    file.doubles(33_922, &[&TIE[..3], &[east], &TIE[4..]].concat());
    file.shorts(34_735, &KEYS);
    file.text(34_737, "Here|");
    file.text(42_112, METADATA);
    file
}

fn save(folder: &Path, name: &str, bytes: Vec<u8>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn doubles(decoder: &mut Decoder<File>, tag: u16) -> Vec<f64> {
    decoder
        .get_tag_f64_vec(Tag::from_u16_exhaustive(tag))
        .unwrap()
}

#[test]
fn the_place_is_written_as_it_was_read_from_any_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    for (is_big, is_little) in [(false, true), (false, false), (true, true), (true, false)] {
        let bytes = picture(placed(is_big, is_little, TIE[3]));
        let path = save(folder.path(), "a.tif", bytes);
        let tags = GeoTags::of_files(std::slice::from_ref(&path)).unwrap();
        assert!(tags.are_of((3, 2), &ReadOptions::default()));
        assert!(!tags.are_of((2, 2), &ReadOptions::default()));
        let result = folder.path().join("result.tif");
        let encoding = Encoding {
            place: Some(&tags),
            ..Default::default()
        };
        let picture = Picture::white(3, 2, 3, Default::default());
        let file = File::create(&result).unwrap();
        let mut writer = RowWriter::new(Format::Tiff, encoding, picture.layout(), file).unwrap();
        writer.push(&picture).unwrap();
        writer.finish().unwrap();
        assert_eq!(read_picture(&result).unwrap(), picture);
        let mut decoder = Decoder::new(File::open(&result).unwrap()).unwrap();
        assert_eq!(doubles(&mut decoder, 33_550), SCALE);
        assert_eq!(doubles(&mut decoder, 33_922), TIE);
        let keys = decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap();
        assert_eq!(keys, KEYS);
        let mut text = |tag| {
            decoder
                .get_tag_ascii_string(Tag::from_u16_exhaustive(tag))
                .unwrap()
        };
        assert_eq!(text(34_737), "Here|");
        let metadata = text(42_112);
        assert!(metadata.contains("AREA_OR_POINT"), "{metadata}");
        assert!(!metadata.contains("STATISTICS"), "{metadata}");
    }
}

#[test]
fn files_without_a_place_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let plain = save(folder.path(), "a.tif", picture(RawTiff::new(false, true)));
    let mut words = RawTiff::new(false, true);
    words.text(42_112, METADATA);
    let words = save(folder.path(), "b.tif", picture(words));
    let mut placed = picture(placed(false, true, 0.0));
    placed.truncate(placed.len() / 2);
    let cut = save(folder.path(), "c.tif", placed);
    let none = save(folder.path(), "d.tif", b"no TIFF".to_vec());
    for path in [plain, words, cut, none, folder.path().join("none.tif")] {
        assert!(
            GeoTags::of_files(std::slice::from_ref(&path)).is_none(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn tags_that_cannot_be_copied_are_told_and_the_others_are_copied() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, tag: u16, text: &str| {
        let mut file = placed(false, true, 0.0);
        file.text(tag, text);
        save(folder.path(), name, picture(file))
    };
    // More than is taken of a tag.
    let mut long = RawTiff::new(false, true);
    long.doubles(33_550, &SCALE);
    long.text(42_112, &"x".repeat((1 << 20) + 1));
    let long = save(folder.path(), "long.tif", picture(long));
    let mut foreign = RawTiff::new(false, true);
    foreign.doubles(33_550, &SCALE);
    foreign.text(42_112, "<GDALMetadata><Item name=\"a\"/></GDALMetadata>");
    let foreign = save(folder.path(), "foreign.tif", picture(foreign));
    for file in [long, foreign] {
        let file = std::slice::from_ref(&file);
        let reading = ReadOptions::default();
        assert!(GeoTags::of_files(file).unwrap().are_of((3, 2), &reading));
        let told = remarks(&[file], true, true, reading);
        assert_eq!(told, [(PlaceRemark::Damaged, 1)]);
    }
    // A damaged orientation is none.
    let file = with("turned.tif", 274, "up");
    let tags = GeoTags::of_files(std::slice::from_ref(&file)).unwrap();
    assert!(tags.are_of((3, 2), &ReadOptions::default()));
}

/// What is told of these files, each an input of its own or all of them a stack.
fn remarks(
    inputs: &[&[PathBuf]],
    is_held: bool,
    is_whole: bool,
    reading: ReadOptions,
) -> Vec<(PlaceRemark, usize)> {
    let found = place_remarks(inputs.iter().copied(), is_held, is_whole, &reading);
    let of_place = |remark: &Remark| match remark.kind {
        RemarkKind::Place(kind) => (kind, remark.count),
        other => panic!("{other:?}"),
    };
    found.iter().map(of_place).collect()
}

/// Files: one with a place on Earth, one that is turned, one with a number for no data, and one
/// without a place.
fn of_all_places(folder: &Path) -> [[PathBuf; 1]; 4] {
    let mut turned = placed(true, true, 0.0);
    turned.shorts(274, &[6]);
    let mut empty = placed(false, false, 9.0);
    empty.text(42_113, "-9999");
    [
        [save(folder, "a.tif", picture(placed(false, true, 0.0)))],
        [save(folder, "b.tif", picture(turned))],
        [save(folder, "c.tif", picture(empty))],
        [save(folder, "d.tif", picture(RawTiff::new(false, true)))],
    ]
}

#[test]
fn a_place_that_is_lost_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [here, turned, empty, plain] = of_all_places(folder.path());
    let reading = ReadOptions::default();
    let all: [&[PathBuf]; 4] = [&here, &turned, &empty, &plain];
    assert_eq!(
        remarks(&all, true, true, reading),
        [(PlaceRemark::Turned, 1), (PlaceRemark::NoDataValue, 1)]
    );
    let as_stored = ReadOptions {
        ignore_orientation: true,
        ..reading
    };
    assert_eq!(remarks(&[&turned, &here], true, true, as_stored), []);
    assert_eq!(
        remarks(&all, false, true, reading),
        [(PlaceRemark::NotHeld, 3)]
    );
    assert_eq!(
        remarks(&[&here, &plain], true, false, reading),
        [(PlaceRemark::Cut, 1)]
    );
    let stack = [here[0].clone(), empty[0].clone()];
    assert_eq!(
        remarks(&[&stack], true, true, reading),
        [(PlaceRemark::Differs, 1)]
    );
    // Beside an image without a place of its own.
    for name in ["a.tfw", "d.tfw"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let beside = [(PlaceRemark::Beside, 1)];
    assert_eq!(remarks(&[&here, &plain], true, true, reading), beside);
    let words = place_remarks([&here[..]].into_iter(), false, true, &reading);
    let words = words[0].to_string();
    assert!(
        words.contains("a.tif") && words.contains("`format` tiff"),
        "{words}"
    );
    // No other format can be asked for where PNGs are made.
    let of_pngs = place_remarks_of_pngs([&here[..], &plain, &turned].into_iter());
    let lines: Vec<String> = of_pngs.iter().map(Remark::to_string).collect();
    let told = format!(
        "images with a place on Earth (GeoTIFF) that the PNGs made of them do not have: 2, such as \
         {}",
        here[0].display()
    );
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], told);
    assert!(lines[1].contains("d.tfw"), "{lines:?}");
}
