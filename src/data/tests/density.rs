//! Pixels of an inch: what each format says, in which unit, and of which side.

use super::raw_tiff::RawTiff;
use crate::data::tools::{Filter, Squared, Task, Tool};
use crate::data::{Density, Encoding, Format, Picture, ReadOptions, RowWriter};
use std::fs;

fn density(across: f64, down: f64) -> Density {
    let per_inch = [across, down];
    Density { per_inch }
}

fn read(bytes: &[u8], reading: &ReadOptions) -> Option<Density> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, bytes).unwrap();
    Density::of(&path, reading)
}

fn written(format: Format, density: Option<Density>) -> Vec<u8> {
    let picture = Picture::from(image::RgbImage::new(3, 2));
    let encoding = Encoding {
        density,
        ..Encoding::default()
    };
    let mut writer = RowWriter::new(format, encoding, picture.layout(), Vec::new()).unwrap();
    writer.push(&picture).unwrap();
    writer.finish().unwrap()
}

#[test]
fn each_format_says_what_was_written() {
    let reading = ReadOptions::default();
    for format in [Format::Png, Format::Tiff, Format::Jpg] {
        for density in [density(300.0, 300.0), density(72.0, 1200.0)] {
            let bytes = written(format, Some(density));
            assert_eq!(read(&bytes, &reading), Some(density), "{format:?}");
        }
        assert_eq!(read(&written(format, None), &reading), None, "{format:?}");
    }
    assert_eq!(read(&written(Format::Pnm, None), &reading), None);
    // Not whole.
    let bytes = written(Format::Tiff, Some(density(118.11, 0.5)));
    assert_eq!(read(&bytes, &reading), Some(density(118.11, 0.5)));
}

#[test]
fn units_and_turned_pictures_are_minded() {
    let [reading, as_stored] = [false, true].map(|ignore_orientation| ReadOptions {
        ignore_orientation,
        ..ReadOptions::default()
    });
    let tiff = |unit: Option<u16>, orientation: u16| {
        let mut file = RawTiff::new(false, true);
        for (tag, value) in [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (277, 1)] {
            file.shorts(tag, &[value]);
        }
        file.shorts(274, &[orientation]);
        file.rational(282, [1000, 10]);
        file.rational(283, [50, 1]);
        unit.iter().for_each(|&unit| file.shorts(296, &[unit]));
        file.finish([273, 279], &[vec![7]])
    };
    for (unit, expected) in [
        (None, Some(density(100.0, 50.0))),
        (Some(2), Some(density(100.0, 50.0))),
        (Some(3), Some(density(254.0, 127.0))),
        (Some(1), None),
        (Some(9), None),
    ] {
        assert_eq!(read(&tiff(unit, 1), &reading), expected, "{unit:?}");
    }
    let turned = tiff(None, 6);
    assert_eq!(read(&turned, &reading), Some(density(50.0, 100.0)));
    assert_eq!(read(&turned, &as_stored), Some(density(100.0, 50.0)));
    let mut jpeg = written(Format::Jpg, Some(density(40.0, 20.0)));
    jpeg[13] = 2;
    assert_eq!(read(&jpeg, &reading), Some(density(101.6, 50.8)));
    assert_eq!(read(&jpeg[..9], &reading), None);
    assert_eq!(read(b"", &reading), None);
}

/// An image that is made of another one has its resolution where it has its pixels.
#[test]
fn a_tool_keeps_it_where_it_keeps_the_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.png");
    let said = density(300.0, 150.0);
    fs::write(&source, written(Format::Png, Some(said))).unwrap();
    let task = Task {
        sources: vec![source],
        output: folder.path().join("b.png"),
    };
    // What an image has, and whether it has less than its source.
    let of_task = |tool: Tool, task: &Task| {
        let made = tool.make(task, &ReadOptions::default()).unwrap();
        (made.density, made.without_density)
    };
    let of = |tool: Tool| of_task(tool, &task);
    assert_eq!(of(Tool::Grayscale), (Some(said), false));
    assert_eq!(of(Tool::Blank { fraction: 0.5 }), (Some(said), false));
    let resize = Tool::Resize {
        size: 5,
        fit: Squared::Stretch,
        filter: Filter::Bicubic,
    };
    assert_eq!(of(resize), (None, true));
    let plain = folder.path().join("plain.png");
    fs::write(&plain, written(Format::Png, None)).unwrap();
    for (b, size, expected) in [
        (&task.sources[0], None, (Some(said), false)),
        (&task.sources[0], Some(4), (None, true)),
        (&plain, None, (None, true)),
    ] {
        let tool = Tool::Combine {
            size,
            filters: [Filter::Bicubic; 2],
        };
        let pair = Task {
            sources: vec![task.sources[0].clone(), b.clone()],
            output: folder.path().join("ab.png"),
        };
        assert_eq!(of_task(tool, &pair), expected, "{b:?} {size:?}");
    }
}
