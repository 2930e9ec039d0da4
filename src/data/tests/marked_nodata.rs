//! TIFFs that say which pixels count, by a number that is no data or by a mask. What is not used of
//! it is told.

use crate::data::{ReadOptions, ReadTally, RowReader, ValueMapping};
use ::tiff::encoder::colortype::{ColorType, Gray8, Gray16, Gray32Float, RGB8};
use ::tiff::encoder::{TiffEncoder, TiffValue};
use ::tiff::tags::Tag;
use std::fs::File;
use std::path::Path;

fn write<C: ColorType>(path: &Path, samples: &[C::Inner], nodata: &str)
where
    [C::Inner]: TiffValue,
{
    let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    let width = samples.len() / C::BITS_PER_SAMPLE.len();
    let mut image = file.new_image::<C>(width as u32, 1).unwrap();
    image.encoder().write_tag(Tag::GdalNodata, nodata).unwrap();
    image.write_data(samples).unwrap();
}

/// What is told of a file that is read whole, which is what is told of its rows.
fn told(path: &Path, options: &ReadOptions) -> Vec<String> {
    let mut tally = ReadTally::default();
    options.read(path, &mut tally).unwrap();
    let mut rows = RowReader::open(path, options).unwrap();
    rows.read(1).unwrap();
    assert_eq!(rows.tally(), &tally);
    tally.lines().collect()
}

#[test]
fn a_number_that_a_file_calls_no_data_is_told_without_a_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let plain = ReadOptions::default();
    let line = |number: &str| {
        format!(
            "images that call a number no data (GDAL_NODATA), which is a colour like the others \
             without a value range: 1, such as {} ({number})",
            path.display()
        )
    };
    write::<Gray16>(&path, &[65_535, 3], "65535");
    assert_eq!(told(&path, &plain), [line("65535")]);
    write::<Gray8>(&path, &[0, 200], "0 ");
    assert_eq!(told(&path, &plain), [line("0")]);
    write::<RGB8>(&path, &[0, 0, 0, 1, 2, 200], "0");
    assert_eq!(told(&path, &plain), [line("0")]);
    write::<Gray32Float>(&path, &[0.5, 0.25], "0.5");
    assert_eq!(told(&path, &plain), [line("0.5")]);
    for none in ["nan", "", "none"] {
        write::<Gray8>(&path, &[0, 200], none);
        assert!(told(&path, &plain).is_empty(), "{none}");
    }
    write::<Gray16>(&path, &[65_535, 3], "65535");
    let range = ValueMapping::new("0..10".parse().unwrap(), Some(0.0), false).unwrap();
    let by_range = ReadOptions {
        values: Some(range),
        ..plain
    };
    let lines = told(&path, &by_range);
    let is_filled = |line: &String| line.starts_with("missing values, which are filled with 0: 1");
    assert!(lines.len() == 1 && is_filled(&lines[0]), "{lines:?}");
}

#[test]
fn one_line_tells_of_all_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut tally = ReadTally::default();
    for (name, number) in [("a.tif", "0"), ("b.tif", "255"), ("c.tif", "0")] {
        let path = folder.path().join(name);
        write::<Gray8>(&path, &[0, 255], number);
        ReadOptions::default().read(&path, &mut tally).unwrap();
    }
    let lines: Vec<String> = tally.lines().collect();
    let ending = format!(": 3, such as {} (0)", folder.path().join("a.tif").display());
    assert!(lines.len() == 1 && lines[0].ends_with(&ending), "{lines:?}");
}

/// A second list of tags whose NewSubfileType is 4, as GDAL writes it.
#[test]
fn a_mask_beside_a_picture_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    for (kind, is_mask) in [(4u32, true), (5, true), (1, false)] {
        let mut file = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
        file.write_image::<Gray8>(2, 1, &[70, 200]).unwrap();
        let mut second = file.new_image::<Gray8>(2, 1).unwrap();
        second
            .encoder()
            .write_tag(Tag::NewSubfileType, kind)
            .unwrap();
        second.write_data(&[255, 0]).unwrap();
        let line = format!(
            "masks in TIFF files, which say what pixels count and are neither used nor copied: 1, \
             such as {}",
            path.display()
        );
        let expected = is_mask.then_some(line);
        let said = told(&path, &ReadOptions::default());
        assert_eq!(said, Vec::from_iter(expected), "{kind}");
    }
}
