//! TIFFs whose 0 is white (WhiteIsZero): a value range is about the numbers that they have.

use crate::data::measure::{Side, training_range};
use crate::data::{
    Depth, Direction, Picture, ReadOptions, ReadTally, RowReader, ValueMapping, read_picture,
};
use ::tiff::encoder::colortype::{
    ColorType, Gray8, Gray16, Gray32, Gray32Float, Gray64Float, GrayI16,
};
use ::tiff::encoder::{TiffEncoder, TiffValue};
use ::tiff::tags::Tag;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Writes a grey TIFF of one row. `nodata` is the text of its tag.
fn write<C: ColorType>(path: &Path, photometric: u16, samples: &[C::Inner], nodata: &str)
where
    [C::Inner]: TiffValue,
{
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut image = encoder.new_image::<C>(samples.len() as u32, 1).unwrap();
    image.encoder().write_tag(Tag::GdalNodata, nodata).unwrap();
    image.write_data(samples).unwrap();
    // The tag and its type, the count, and the value BlackIsZero.
    const BLACK_IS_ZERO: [u8; 10] = [6, 1, 3, 0, 1, 0, 0, 0, 1, 0];
    let mut bytes = file.into_inner();
    let mut entries = bytes.windows(BLACK_IS_ZERO.len());
    let place = entries.position(|found| found == BLACK_IS_ZERO).unwrap();
    bytes[place + 8..][..2].copy_from_slice(&photometric.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    (folder, path)
}

fn by(range: &str, nodata: Option<f64>) -> ReadOptions {
    let range = range.parse().unwrap();
    ReadOptions {
        values: Some(ValueMapping::new(range, nodata, false).unwrap()),
        ..ReadOptions::default()
    }
}

type Write = fn(&Path, u16, &str);

#[test]
fn a_range_is_about_the_numbers_in_the_file() {
    let (_folder, path) = place();
    let types: [Write; 6] = [
        |path, kind, mark| write::<Gray8>(path, kind, &[0, 100, 200], mark),
        |path, kind, mark| write::<Gray16>(path, kind, &[0, 100, 200], mark),
        |path, kind, mark| write::<Gray32>(path, kind, &[0, 100, 200], mark),
        |path, kind, mark| write::<GrayI16>(path, kind, &[0, 100, 200], mark),
        |path, kind, mark| write::<Gray32Float>(path, kind, &[0.0, 100.0, 200.0], mark),
        |path, kind, mark| write::<Gray64Float>(path, kind, &[0.0, 100.0, 200.0], mark),
    ];
    for (number, write) in types.iter().enumerate() {
        for kind in [0, 1] {
            for (mark, first, told) in [("", 0, 0), ("0", 65_535, 1)] {
                write(&path, kind, mark);
                let mut tally = ReadTally::default();
                let options = by("0..200", Some(200.0));
                let whole = options.read(&path, &mut tally).unwrap();
                let what = format!("type {number}, photometric {kind}, no data {mark:?}");
                let samples: Vec<u16> = whole.samples().collect();
                assert_eq!(samples, [first, 32_768, 65_535], "{what}");
                assert_eq!(tally.lines().count(), told, "{what}");
                let mut rows = RowReader::open(&path, &options).unwrap();
                assert_eq!(rows.read(1).unwrap(), whole, "{what}");
            }
        }
    }
}

#[test]
fn a_range_is_measured_on_the_numbers_in_the_file() {
    let root = tempfile::tempdir().unwrap();
    for side in ["A", "B"] {
        fs::create_dir_all(root.path().join("train").join(side)).unwrap();
    }
    let file = |side| root.path().join("train").join(side).join("0.tif");
    write::<Gray32Float>(&file("A"), 0, &[7.0, 100.0, 163.5], "7");
    write::<Gray16>(&file("B"), 0, &[3, 9, 0], "0");
    for (side, expected) in [(Side::Input, "100..163.5"), (Side::Output, "3..9")] {
        let found = training_range(root.path(), Direction::AtoB, (1, 1), side, false, None);
        assert_eq!(found.unwrap().range, expected.parse().unwrap());
    }
}

/// Without a range 0 is white, as viewers show it.
#[test]
fn zero_is_white_without_a_range() {
    let (_folder, path) = place();
    let samples = |write: &dyn Fn()| -> (Depth, Vec<u16>) {
        write();
        let picture: Picture = read_picture(&path).unwrap();
        (picture.depth(), picture.samples().collect())
    };
    let bytes = samples(&|| write::<Gray8>(&path, 0, &[0, 1, 255], ""));
    assert_eq!(bytes, (Depth::Eight, vec![255, 254, 0]));
    let words = samples(&|| write::<Gray16>(&path, 0, &[0, 1, 65_535], ""));
    assert_eq!(words, (Depth::Sixteen, vec![65_535, 65_534, 0]));
    let floats = samples(&|| write::<Gray32Float>(&path, 0, &[0.0, 0.25, 1.0], ""));
    assert_eq!(floats, (Depth::Sixteen, vec![65_535, 49_151, 0]));
    write::<Gray32Float>(&path, 0, &[100.0, 163.0], "");
    let error = read_picture(&path).unwrap_err().to_string();
    assert!(
        error.contains("its floats lie between 100 and 163"),
        "{error}"
    );
}
