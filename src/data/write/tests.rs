//! What is written is what is read back.

use super::*;
use crate::data::{Pixels, read_picture};
use std::fs::File;
use std::io::Cursor;

fn write(format: Format, picture: &Picture, path: &Path) {
    let mut writer = RowWriter::new(
        format,
        Quality::default(),
        picture.layout(),
        File::create(path).unwrap(),
    )
    .unwrap();
    writer.push(picture).unwrap();
    writer.finish().unwrap();
}

/// From a file through the floats that a network sees into another file: what a network that
/// copies its input would write.
#[test]
fn what_is_read_and_copied_is_written_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Png, Format::Tiff, Format::Pnm] {
        for kind in [
            Pixels::Gray,
            Pixels::Channels(2),
            Pixels::Rgb,
            Pixels::Rgba,
            Pixels::Channels(5),
        ] {
            if !format.holds(kind.channels()) {
                continue;
            }
            let channels = kind.channels();
            // Odd numbers of pixels, and bytes that differ when their order does.
            let words: Vec<u16> = (0..31 * 9 * channels)
                .map(|at| (at * 4099) as u16)
                .collect();
            let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let picture = Picture::from_bytes(31, 9, channels, Depth::Sixteen, bytes).unwrap();
            let [first, second] = ["first", "second"].map(|name| {
                folder
                    .path()
                    .join(format!("{name}-{channels}{}", format.ending()))
            });
            write(format, &picture, &first);
            let read = read_picture(&first).unwrap();
            assert_eq!(read, picture, "{format:?} {kind}");
            let values = kind.units(&kind.colours(&read, &first).unwrap());
            let copy = kind
                .pictures(31, 9, read.depth(), &values, &values)
                .remove(0);
            write(format, &copy, &second);
            assert_eq!(
                std::fs::read(&first).unwrap(),
                std::fs::read(&second).unwrap(),
                "{format:?} {kind}"
            );
            let shallow = Picture::from_unit(31, 9, channels, Depth::Eight, &values);
            write(format, &shallow, &second);
            assert_eq!(read_picture(&second).unwrap(), shallow, "{format:?} {kind}");
        }
    }
}

/// The bands of a picture make the file that the picture makes, strips included.
#[test]
fn a_picture_is_written_in_bands() {
    let folder = tempfile::tempdir().unwrap();
    for (format, depth) in [Format::Png, Format::Tiff]
        .iter()
        .flat_map(|&format| [(format, Depth::Eight), (format, Depth::Sixteen)])
    {
        let values: Vec<f32> = (0..700 * 61 * 3)
            .map(|at| (at as f32 * 0.013).sin())
            .collect();
        let picture = Picture::from_unit(700, 61, 3, depth, &values);
        let [whole, banded] = ["whole", "banded"].map(|name| {
            folder
                .path()
                .join(name)
                .with_extension(&format.ending()[1..])
        });
        write(Format::of(&whole).unwrap(), &picture, &whole);
        let mut writer = RowWriter::new(
            format,
            Quality::default(),
            picture.layout(),
            File::create(&banded).unwrap(),
        )
        .unwrap();
        for (top, rows) in [(0, 1), (1, 40), (41, 0), (41, 20)] {
            writer.push(&picture.crop(0, top, 700, rows)).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(
            std::fs::read(&whole).unwrap(),
            std::fs::read(&banded).unwrap(),
            "{format:?}"
        );
        assert_eq!(
            read_picture(&banded).unwrap(),
            picture,
            "{format:?} {depth:?}"
        );
    }
}

#[test]
fn what_no_file_holds_is_refused() {
    let layout = PictureLayout {
        width: 2,
        height: 3,
        channels: 3,
        depth: Depth::Eight,
    };
    let begin = |format, layout| {
        RowWriter::new(format, Quality::default(), layout, Cursor::new(Vec::new()))
    };
    for (format, channels) in [
        (Format::Png, 5),
        (Format::Png, 0),
        (Format::Tiff, 0),
        (Format::Tiff, 1 << 16),
        (Format::Jpg, 2),
        (Format::Jpg, 4),
    ] {
        let error = begin(format, PictureLayout { channels, ..layout })
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains(&format!("do not have {channels} channels")),
            "{error}"
        );
    }
    let long = begin(
        Format::Tiff,
        PictureLayout {
            width: 1 << 16,
            height: 1 << 16,
            ..layout
        },
    )
    .err()
    .unwrap();
    assert!(long.to_string().contains("write PNG"), "{long}");
    for format in [Format::Png, Format::Tiff, Format::Jpg] {
        let mut writer = begin(format, layout).unwrap();
        let black = |width, height| Picture::from_unit(width, height, 3, Depth::Eight, &[]);
        writer.push(&black(2, 2)).unwrap();
        assert!(
            writer.push(&black(1, 1)).is_err() && writer.push(&black(2, 2)).is_err(),
            "another width, too many rows"
        );
        assert!(
            writer
                .finish()
                .err()
                .unwrap()
                .to_string()
                .contains("the last 1 rows")
        );
    }
}

/// A disk with room for so many bytes.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Wherever the disk ends, in the first bytes and in the last.
#[test]
fn a_full_disk_is_told() {
    let picture = Picture::from_unit(9, 9, 1, Depth::Eight, &[0.5]);
    let attempt = |room| -> io::Result<usize> {
        let mut writer = RowWriter::new(
            Format::Png,
            Quality::default(),
            picture.layout(),
            Disk(room),
        )?;
        writer.push(&picture)?;
        Ok(room - writer.finish()?.0)
    };
    let needed = attempt(1 << 20).unwrap();
    for room in 0..needed {
        assert_eq!(
            attempt(room).unwrap_err().kind(),
            io::ErrorKind::StorageFull,
            "{room} of {needed}"
        );
    }
    assert_eq!(attempt(needed).unwrap(), needed);
}

#[test]
fn a_jpeg_is_close_by_its_quality_and_holds_what_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.JPG");
    for channels in [1, 3] {
        let values: Vec<f32> = (0..64 * 40 * channels)
            .map(|at| (at as f32 * 0.002).sin())
            .collect();
        let picture = Picture::from_unit(64, 40, channels, Depth::Eight, &values);
        let apart = |quality: u8| {
            let quality = Quality::new(quality).unwrap();
            let out = File::create(&path).unwrap();
            let mut writer = RowWriter::new(Format::Jpg, quality, picture.layout(), out).unwrap();
            for (top, rows) in [(0, 17), (17, 23)] {
                writer.push(&picture.crop(0, top, 64, rows)).unwrap();
            }
            writer.finish().unwrap();
            let read = read_picture(&path).unwrap();
            assert_eq!(read.layout(), picture.layout());
            let apart = read.bytes().iter().zip(picture.bytes());
            apart.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        };
        let (good, poor) = (apart(95), apart(5));
        assert!(
            good < 3 * values.len() as u64 && good < poor,
            "{good} {poor}"
        );
    }
    assert!(Quality::new(0).is_none() && Quality::new(101).is_none());
    let layout = PictureLayout {
        width: 1 << 16,
        height: 1,
        channels: 3,
        depth: Depth::Eight,
    };
    let begin = |layout| RowWriter::new(Format::Jpg, Quality::default(), layout, Disk(0));
    let wide = begin(layout).err().unwrap().to_string();
    assert!(wide.contains("65536x1 pixels"), "{wide}");
    let deep = PictureLayout {
        width: 1,
        depth: Depth::Sixteen,
        ..layout
    };
    assert!(begin(deep).err().unwrap().to_string().contains("16 bits"));
    let mut full = begin(PictureLayout { width: 1, ..layout }).unwrap();
    full.push(&Picture::from_unit(1, 1, 3, Depth::Eight, &[]))
        .unwrap();
    let error = full.finish().err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_format_is_known_by_the_ending_of_a_name() {
    for (name, format) in [
        ("a.png", Some(Format::Png)),
        ("a.b.TIF", Some(Format::Tiff)),
        ("a.tiff", Some(Format::Tiff)),
        ("a.Jpeg", Some(Format::Jpg)),
        ("a.webp", None),
        ("png", None),
        ("a.", None),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
}

#[test]
fn a_tiff_keeps_the_form_of_its_ending() {
    for (format, source, ending) in [
        (Format::Tiff, "a.tif", ".tif"),
        (Format::Tiff, "a.b.TIF", ".TIF"),
        (Format::Tiff, "a.tiff", ".tiff"),
        (Format::Tiff, "a.png", ".tiff"),
        (Format::Tiff, "", ".tiff"),
        (Format::Png, "a.tif", ".png"),
        (Format::Jpg, "a.jpeg", ".jpg"),
    ] {
        assert_eq!(format.ending_like(Path::new(source)), ending, "{source}");
    }
}
