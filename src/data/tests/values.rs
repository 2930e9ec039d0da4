//! Value ranges: every type of number, what is outside, and what is missing.

use crate::data::measure::{Side, training_range};
use crate::data::{
    DataError, DataOptions, Dataset, Depth, Direction, Encoding, Floats, Format, PairReading,
    Picture, Pixels, ReadOptions, ReadTally, RowReader, RowWriter, Split, ValueError, ValueMapping,
    ValueRange, read_picture,
};
use ::tiff::encoder::TiffEncoder;
use ::tiff::encoder::TiffValue;
use ::tiff::encoder::colortype::{
    ColorType, Gray8, Gray16, Gray32Float, Gray64Float, GrayI8, GrayI16, GrayI32, RGB8, RGB32,
    RGB32Float, RGBA32Float,
};
use ::tiff::tags::Tag;
use image::{ImageBuffer, Luma, LumaA};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Writes a TIFF of one row; `nodata` is the text of its tag.
fn write<C: ColorType>(path: &Path, samples: &[C::Inner], nodata: Option<&str>)
where
    [C::Inner]: TiffValue,
{
    let channels = C::BITS_PER_SAMPLE.len();
    let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    let width = (samples.len() / channels) as u32;
    let mut image = file.new_image::<C>(width, 1).unwrap();
    if let Some(text) = nodata {
        image.encoder().write_tag(Tag::GdalNodata, text).unwrap();
    }
    image.write_data(samples).unwrap();
}

fn range(text: &str) -> ValueRange {
    text.parse().unwrap()
}

fn by(text: &str, nodata: Option<f64>, all_channels: bool) -> ReadOptions {
    ReadOptions {
        values: Some(ValueMapping::new(range(text), nodata, all_channels).unwrap()),
        ..ReadOptions::default()
    }
}

/// The samples of a file, and what is told of it.
fn read(path: &Path, options: ReadOptions) -> Result<(Vec<u16>, Vec<String>), DataError> {
    let mut tally = ReadTally::default();
    let picture = options.read(path, &mut tally)?;
    assert_eq!(picture.depth(), Depth::Sixteen);
    Ok((picture.samples().collect(), tally.lines().collect()))
}

/// A folder, and a file in it.
fn place(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

/// The ends of the range are black and white, whatever the type of the numbers is.
#[test]
fn numbers_of_every_type_are_mapped_alike() {
    let (_folder, path) = place("a.tif");
    let write_all: [fn(&Path); 8] = [
        |path| write::<Gray8>(path, &[10, 60, 110], None),
        |path| write::<Gray16>(path, &[10, 60, 110], None),
        |path| write::<GrayI8>(path, &[10, 60, 110], None),
        |path| write::<GrayI16>(path, &[10, 60, 110], None),
        |path| write::<GrayI32>(path, &[10, 60, 110], None),
        |path| write::<Gray32Float>(path, &[10.0, 60.0, 110.0], None),
        |path| write::<Gray64Float>(path, &[10.0, 60.0, 110.0], None),
        |path| write::<RGB32>(path, &[10, 60, 110], None),
    ];
    for write in write_all {
        write(&path);
        let read = read(&path, by("10..110", None, false)).unwrap();
        assert_eq!(read, (vec![0, 32_768, 65_535], vec![]));
    }
    // A depth map in millimetres.
    let png = path.with_extension("png");
    let map = ImageBuffer::from_fn(3, 1, |x, _| Luma([x as u16 * 5000]));
    map.save(&png).unwrap();
    let (samples, told) = read(&png, by("0..10000", None, false)).unwrap();
    assert_eq!((samples, told.len()), (vec![0, 32_768, 65_535], 0));
    // The range of the type itself changes nothing.
    let (samples, _) = read(&png, by("0..65535", None, false)).unwrap();
    assert_eq!(
        samples,
        read_picture(&png).unwrap().samples().collect::<Vec<_>>()
    );
}

#[test]
fn what_lies_outside_takes_the_nearest_end_and_is_counted() {
    let (folder, path) = place("a.tif");
    write::<GrayI16>(&path, &[-9999, 0, 1000, 3000], None);
    let other = folder.path().join("b.tif");
    write::<Gray32Float>(&other, &[f32::INFINITY, f32::NEG_INFINITY, 500.0], None);
    let options = by("0..1000", None, false);
    let mut tally = ReadTally::default();
    let mut samples = |path| {
        let picture = options.read(path, &mut tally).unwrap();
        picture.samples().collect::<Vec<_>>()
    };
    assert_eq!(samples(&path), [0, 0, 65_535, 65_535]);
    assert_eq!(samples(&other), [65_535, 0, 32_768]);
    let lines: Vec<String> = tally.lines().collect();
    let expected = format!(
        "numbers outside of the value range 0..1000, which take its nearest end: 4 in 2 files, \
         such as inf in {}",
        other.display()
    );
    assert_eq!(lines, [expected]);
}

#[test]
fn what_is_missing_is_refused_with_its_pixel_or_filled() {
    let (_folder, path) = place("a.tif");
    write::<RGB32Float>(&path, &[0.0, 1.0, 2.0, 3.0, f32::NAN, 4.0], None);
    let error = read(&path, by("0..4", None, false)).unwrap_err();
    let expected = format!(
        "{}: the pixel at (1, 0) has no number (NaN), channel 2; fill such pixels, or use \
         `reading.nodata` VALUE",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    let error = read_picture(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("VALUE with `reading.value_range` LO..HI"),
        "{error}"
    );
    let (samples, told) = read(&path, by("0..4", Some(2.0), false)).unwrap();
    assert_eq!(samples, [0, 16_384, 32_768, 49_151, 32_768, 65_535]);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("missing values, which are filled with 2: 1 in 1 file"),
        "{told:?}"
    );
}

/// The tag of geographic files counts where a range is given. Else 8 bits stay as they are.
#[test]
fn what_a_file_calls_no_data_is_missing() {
    let (_folder, path) = place("a.tif");
    write::<GrayI16>(&path, &[7, -9999, 10], Some("-9999"));
    let error = read(&path, by("0..10", None, false))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("(1, 0) has -9999, which the file calls no data"),
        "{error}"
    );
    let (samples, _) = read(&path, by("0..10", Some(0.0), false)).unwrap();
    assert_eq!(samples, [45_875, 0, 65_535]);
    // Text of more digits than a float has.
    write::<Gray32Float>(&path, &[0.1, 0.5], Some("0.1"));
    let (samples, told) = read(&path, by("0..1", Some(1.0), false)).unwrap();
    assert_eq!((samples, told.len()), (vec![65_535, 32_768], 1));
    assert_eq!(read_picture(&path).unwrap().pixel(0, 0).next(), Some(6554));
    write::<RGB8>(&path, &[0, 0, 0, 9, 9, 9], Some("0"));
    assert_eq!(read_picture(&path).unwrap().bytes(), [0, 0, 0, 9, 9, 9]);
    // Outside of 0..1 the refusal says which number is no data.
    write::<Gray32Float>(&path, &[-9999.0, 0.5], Some("-9999"));
    let error = read_picture(&path).unwrap_err().to_string();
    assert!(
        error.contains("between -9999 and 0.5 (-9999 is no data)"),
        "{error}"
    );
}

/// Opacity has the range of its type, unless all channels are numbers of any meaning.
#[test]
fn opacity_is_not_mapped() {
    let (_folder, path) = place("a.png");
    let image = ImageBuffer::from_pixel(1, 1, LumaA([500u16, 65_535]));
    image.save(&path).unwrap();
    let read = |path: &Path, all| read(path, by("0..1000", None, all)).unwrap();
    assert_eq!(read(&path, false), (vec![32_768, 65_535], vec![]));
    assert_eq!(read(&path, true).0, [32_768, 65_535]);
    assert_eq!(read(&path, true).1.len(), 1);
    let tiff = path.with_extension("tif");
    write::<RGBA32Float>(&tiff, &[0.0, 500.0, 1000.0, 0.5], None);
    assert_eq!(
        read(&tiff, false),
        (vec![0, 32_768, 65_535, 32_768], vec![])
    );
    assert_eq!(read(&tiff, true).0, [0, 32_768, 65_535, 33]);
}

#[test]
fn ranges_are_read_and_written_with_all_digits() {
    for text in ["0..1", "-10.5..50", "0.1..0.30000000000000004"] {
        let json = serde_json::to_string(&range(text)).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(
            serde_json::from_str::<ValueRange>(&json).unwrap(),
            range(text)
        );
    }
    assert_eq!(range("-1e3 .. 2"), range("-1000..2"));
    for (text, part) in [
        ("5", "write two numbers as LO..HI"),
        ("1..x", "write two numbers as LO..HI"),
        ("3..1", "3..1 is no range; the first number must be smaller"),
        ("1..1", "the first number must be smaller"),
        ("NaN..1", "must be finite"),
        ("-1e308..1e308", "must be finite"),
    ] {
        let error = text.parse::<ValueRange>().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(range("100..300").at(0.75), 250.0);
    let outside = ValueMapping::new(range("0..10"), Some(-9999.0), false).unwrap_err();
    assert!(
        outside
            .to_string()
            .contains("-9999 lies outside of the value range 0..10")
    );
}

/// Pairs in `A/` and `B/`: heights that one file calls no data in part, and photos.
fn heights_and_photos() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for split in ["train", "val"] {
        for side in ["A", "B"] {
            fs::create_dir_all(root.path().join(split).join(side)).unwrap();
        }
    }
    let file = |name: &str| root.path().join(name);
    write::<GrayI16>(&file("train/A/0.tif"), &[-5, 20, -9999, 7], Some("-9999"));
    write::<GrayI16>(&file("train/A/1.tif"), &[1, 2, 3, 195], None);
    write::<GrayI16>(&file("val/A/2.tif"), &[500, 2, 3, 4], None);
    for name in ["train/B/0.png", "train/B/1.png", "val/B/2.png"] {
        image::RgbImage::new(4, 1).save(file(name)).unwrap();
    }
    root
}

#[test]
fn a_range_is_measured_on_the_training_files_of_its_side() {
    let root = heights_and_photos();
    let measure =
        |direction, side| training_range(root.path(), direction, (1, 1), side, false, None);
    for (direction, side) in [
        (Direction::AtoB, Side::Input),
        (Direction::BtoA, Side::Output),
    ] {
        let found = measure(direction, side).unwrap();
        assert_eq!((found.range, found.suspect), (range("-5..195"), None));
    }
    let error = measure(Direction::AtoB, Side::Output).unwrap_err();
    let is_measured = matches!(error, DataError::Value(ValueError::Measured { .. }));
    assert!(
        is_measured && error.to_string().contains("0..0 is no range"),
        "{error}"
    );
}

/// A range can be absurd because files do not say which number stands for missing values.
#[test]
fn a_usual_mark_that_files_do_not_name_is_told() {
    let root = heights_and_photos();
    let unmarked = root.path().join("train/A/0.tif");
    write::<GrayI16>(&unmarked, &[-5, 20, -9999, 7], None);
    let measure = |direction, side| {
        let found = training_range(root.path(), direction, (1, 1), side, false, None).unwrap();
        (found.range, found.suspect.unwrap().to_string())
    };
    let (found, line) = measure(Direction::AtoB, Side::Input);
    assert_eq!(found, range("-9999..195"));
    let start = "-9999 may stand for missing values, because all other numbers lie in -5..195; ";
    assert!(line.starts_with(start), "{line}");
    for part in [
        &format!("do not say so: 1, such as {}; ", unmarked.display()),
        "`reading.value_range` -5..195 ",
        "`reading.nodata` VALUE",
    ] {
        assert!(line.contains(part), "{line}");
    }
    let (_, line) = measure(Direction::BtoA, Side::Output);
    assert!(
        line.contains("`reading.output_value_range` -5..195 "),
        "{line}"
    );
}

#[test]
fn each_side_of_a_data_set_has_its_range_and_all_changes_are_counted() {
    let root = heights_and_photos();
    let options = DataOptions {
        preprocess: crate::data::Preprocess::None,
        input: Pixels::Gray,
        reading: PairReading {
            value_range: Some(range("-5..195")),
            nodata: Some(-5.0),
            ..PairReading::default()
        },
        ..DataOptions::new(4)
    };
    let dataset = Dataset::open(root.path(), &options).unwrap();
    let train = dataset.require(Split::Train).unwrap().plain(&[0]).unwrap();
    let units: Vec<f32> = train
        .input
        .iter()
        .map(|value| (value * 100.0).round())
        .collect();
    assert_eq!(units, [-100.0, -75.0, -100.0, -88.0]);
    assert!(train.target.iter().all(|&value| value == -1.0));
    let lines: Vec<String> = dataset.tally().lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let (filled, outside) = (&lines[0], &lines[1]);
    assert!(filled.contains("filled with -5: 1 in 1 file"), "{filled}");
    assert!(
        outside.contains("1 in 1 file, such as 500 in "),
        "{outside}"
    );

    let combined = tempfile::tempdir().unwrap();
    fs::create_dir(combined.path().join("train")).unwrap();
    write::<Gray16>(&combined.path().join("train/0.tif"), &[0, 5, 0, 5], None);
    let error = Dataset::open(combined.path(), &options).unwrap_err();
    let is_halves = matches!(error, DataError::Value(ValueError::Halves { .. }));
    assert!(
        is_halves && error.to_string().contains("into A/ and targets into B/"),
        "{error}"
    );
}

/// Read by rows, files are as they are in one piece: samples, changes, and the place of what is
/// missing.
#[test]
fn rows_are_mapped_as_the_whole_picture_is() {
    let (folder, path) = place("deep.png");
    let map = ImageBuffer::from_fn(31, 23, |x, y| Luma([(x * 97 + y * 400) as u16]));
    map.save(&path).unwrap();
    let mut files = vec![path];
    let heights: Vec<f32> = (0..31 * 23 * 3).map(|at| at as f32 * 0.75 - 9.0).collect();
    let with_gaps = heights
        .iter()
        .map(|&height| if height == 300.0 { f32::NAN } else { height });
    let with_gaps: Vec<f32> = with_gaps.collect();
    let small: Vec<i8> = (0..31 * 23).map(|at| (at % 251 - 125) as i8).collect();
    macro_rules! write_strips {
        ($name:literal, $colour:ty, $samples:expr, $nodata:literal) => {{
            let path = folder.path().join($name);
            let mut file = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
            let mut image = file.new_image::<$colour>(31, 23).unwrap();
            image.encoder().write_tag(Tag::GdalNodata, $nodata).unwrap();
            image.rows_per_strip(4).unwrap();
            image.write_data($samples).unwrap();
            files.push(path);
        }};
    }
    write_strips!("floats.tif", RGB32Float, &heights, "-9");
    write_strips!("gaps.tif", RGB32Float, &with_gaps, "none");
    write_strips!("small.tif", GrayI8, &small, "-9");
    for path in &files {
        for nodata in [None, Some(5.0)] {
            let options = by("0..1000.5", nodata, false);
            let whole = {
                let mut tally = ReadTally::default();
                options
                    .read(path, &mut tally)
                    .map(|picture| (picture, tally))
            };
            let by_rows = || {
                let mut reader = RowReader::open(path, &options)?;
                assert!(!reader.is_whole());
                let mut picture = reader.read(5)?;
                while picture.height() < 23 {
                    picture.append(reader.read(5)?);
                }
                Ok::<_, DataError>((picture, reader.tally().clone()))
            };
            match (whole, by_rows()) {
                (Ok((whole, tally)), Ok((rows, tally_of_rows))) => {
                    assert_eq!(rows, whole);
                    let lines = |tally: ReadTally| tally.lines().collect::<Vec<_>>();
                    assert_eq!(lines(tally_of_rows), lines(tally));
                }
                (Err(whole), Err(rows)) => assert_eq!(rows.to_string(), whole.to_string()),
                (whole, rows) => {
                    assert_eq!(whole.is_ok(), rows.is_ok(), "{}", path.display());
                }
            }
        }
    }
}

/// What is written as floats is read by the same range as it was, but for the step of a sample.
#[test]
fn results_in_the_units_of_a_range_come_back() {
    let (_folder, path) = place("a.tiff");
    for (channels, all_channels) in [(1, false), (3, false), (4, false), (4, true), (5, true)] {
        let samples: Vec<u16> = (0..7 * 5 * channels).map(|at| (at * 251) as u16).collect();
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_ne_bytes())
            .collect();
        let picture = Picture::from_bytes(7, 5, channels, Depth::Sixteen, bytes).unwrap();
        let encoding = Encoding {
            floats: Some(Floats {
                range: range("-50..4000"),
                all_channels,
            }),
            ..Encoding::default()
        };
        let file = File::create(&path).unwrap();
        let layout = picture.layout();
        let mut writer = RowWriter::new(Format::Tiff, encoding, layout, file).unwrap();
        writer.push(&picture.crop(0, 0, 7, 2)).unwrap();
        writer.push(&picture.crop(0, 2, 7, 3)).unwrap();
        writer.finish().unwrap();
        let (back, told) = read(&path, by("-50..4000", None, all_channels)).unwrap();
        assert_eq!((back, told.len()), (samples, 0), "{channels} channels");
    }
    let sink = RowWriter::new(
        Format::Png,
        Encoding {
            floats: Some(Floats {
                range: range("0..1"),
                all_channels: false,
            }),
            ..Encoding::default()
        },
        Picture::white(1, 1, 1, Depth::Sixteen).layout(),
        Vec::new(),
    );
    assert!(sink.err().unwrap().to_string().contains("hold no floats"));
}
