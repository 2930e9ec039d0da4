//! Pictures that are stored turned: all eight orientations in every format that says them.

use crate::data::orientation::orientation_of;
use crate::data::tools::{Filter, Task, Tool};
use crate::data::{
    DataError, PairSource, Picture, PictureLayout, ReadOptions, ReadTally, RowReader, read_picture,
};
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use std::fs;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

const AS_STORED: ReadOptions = ReadOptions {
    ignore_orientation: true,
    values: None,
    max_pixels: None,
    are_labels: false,
    are_channels: false,
    background: None,
};

/// EXIF that says nothing but this orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [b"II*\0\x08\0\0\0\x01\0", &entry[..], &[0; 4]].concat()
}

/// A picture without any symmetry.
fn stored() -> RgbImage {
    RgbImage::from_fn(24, 16, |x, y| {
        Rgb([(10 * x) as u8, (15 * y) as u8, (x * y / 2) as u8])
    })
}

fn write<E: ImageEncoder>(mut encoder: E, exif: Vec<u8>) {
    encoder.set_exif_metadata(exif).unwrap();
    let image = stored();
    let (width, height) = image.dimensions();
    let colour = image::ExtendedColorType::Rgb8;
    encoder
        .write_image(image.as_raw(), width, height, colour)
        .unwrap();
}

/// The picture as a file of this format, with this EXIF.
fn file(format: &str, exif: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    match format {
        "jpg" => write(JpegEncoder::new_with_quality(&mut bytes, 100), exif),
        "png" => write(PngEncoder::new(&mut bytes), exif),
        _ => write(WebPEncoder::new_lossless(&mut bytes), exif),
    }
    bytes
}

fn tiff(orientation: u16) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<colortype::RGB8>(24, 16).unwrap();
    image
        .encoder()
        .write_tag(Tag::Orientation, orientation)
        .unwrap();
    image.write_data(stored().as_raw()).unwrap();
    bytes.into_inner()
}

/// Small files of each format that are turned.
pub fn corpus() -> Vec<Vec<u8>> {
    let formats = ["jpg", "png", "webp"].map(|format| file(format, exif(6)));
    [formats.into(), vec![tiff(6)]].concat()
}

/// A turned WebP whose EXIF says that it has 4 GiB.
pub fn webp_that_says_too_much() -> Vec<u8> {
    let mut bytes = file("webp", exif(6));
    let chunk = bytes.windows(4).position(|window| window == b"EXIF");
    let length = chunk.unwrap() + 4;
    bytes[length..length + 4].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
    bytes
}

fn saved(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The file read by 5 rows at a time, and what it is said to be before.
fn in_bands(path: &Path, options: &ReadOptions) -> Result<(PictureLayout, Picture), DataError> {
    let mut reader = RowReader::open(path, options)?;
    let layout = reader.layout();
    let mut whole = Picture::default();
    while whole.height() < layout.height {
        whole.append(reader.read(5)?);
    }
    Ok((layout, whole))
}

/// A chunk of a WebP that says it has 4 GiB takes no more memory than the file has, and what it
/// holds counts.
#[test]
fn the_length_of_a_chunk_is_not_believed() {
    let mut file = BufReader::new(Cursor::new(webp_that_says_too_much()));
    let orientation = orientation_of(ImageFormat::WebP, &mut file);
    assert_eq!(orientation, Orientation::Rotate90);
}

#[test]
fn all_orientations_of_all_formats_are_turned_upright_whole_and_by_rows() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["jpg", "png", "webp", "tif"] {
        for orientation in 1..=8 {
            let bytes = match format {
                "tif" => tiff(orientation.into()),
                _ => file(format, exif(orientation)),
            };
            let path = saved(folder.path(), &format!("{orientation}.{format}"), &bytes);
            let mut turned = image::load_from_memory(&bytes).unwrap();
            let as_stored: Picture = turned.clone().into();
            turned.apply_orientation(Orientation::from_exif(orientation).unwrap());
            let upright: Picture = turned.into();
            assert_eq!(read_picture(&path).unwrap(), upright, "{path:?}");
            assert_eq!(
                AS_STORED.read(&path, &mut Default::default()).unwrap(),
                as_stored,
                "{path:?}"
            );
            for (options, expected) in [(ReadOptions::default(), upright), (AS_STORED, as_stored)] {
                let (layout, by_rows) = in_bands(&path, &options).unwrap();
                assert_eq!(layout, expected.layout(), "{path:?}");
                assert_eq!(by_rows, expected, "{path:?}");
            }
        }
    }
}

#[test]
fn the_exif_of_a_png_may_stand_behind_its_pixels() {
    let mut bytes = file("png", exif(6));
    let at = bytes.windows(4).position(|kind| kind == b"eXIf").unwrap() - 4;
    let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize + 12;
    let chunk: Vec<u8> = bytes.drain(at..at + length).collect();
    let end = bytes.len() - 12;
    bytes.splice(end..end, chunk);
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), "behind.png", &bytes);
    assert_eq!(read_picture(&path).unwrap().dimensions(), (16, 24));
    let (layout, _) = in_bands(&path, &ReadOptions::default()).unwrap();
    assert_eq!((layout.width, layout.height), (16, 24));
}

/// JPEG's own prefix is written into other formats by some programs.
#[test]
fn exif_with_the_prefix_of_a_jpeg_is_understood_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["png", "webp"] {
        let bytes = file(format, [b"Exif\0\0", &exif(8)[..]].concat());
        let path = saved(folder.path(), &format!("a.{format}"), &bytes);
        assert_eq!(read_picture(&path).unwrap().dimensions(), (16, 24));
    }
}

/// Some writers take 32 bits for the number, where EXIF has 16.
#[test]
fn the_orientation_may_have_32_bits() {
    let folder = tempfile::tempdir().unwrap();
    for big in [false, true] {
        let mut long = exif(6);
        if big {
            let entry = [1, 0x12, 0, 4, 0, 0, 0, 1, 0, 0, 0, 6];
            long = [b"MM\0*\0\0\0\x08\0\x01", &entry[..], &[0; 4]].concat();
        } else {
            long[12] = 4;
        }
        for format in ["jpg", "png", "webp"] {
            let path = saved(folder.path(), "a", &file(format, long.clone()));
            assert_eq!(read_picture(&path).unwrap().dimensions(), (16, 24));
        }
    }
}

/// ImageMagick wrote EXIF so before PNG had a chunk for it. The chunk goes first.
#[test]
fn exif_in_a_text_of_a_png_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, is_packed: bool, text: String| {
        let path = folder.path().join("text.png");
        let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 24, 16);
        encoder.set_color(png::ColorType::Rgb);
        match is_packed {
            true => encoder.add_ztxt_chunk(name.to_owned(), text).unwrap(),
            false => encoder.add_text_chunk(name.to_owned(), text).unwrap(),
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(stored().as_raw()).unwrap();
        writer.finish().unwrap();
        path
    };
    let text = |exif: &[u8], length: usize| {
        let digits: Vec<String> = exif.iter().map(|byte| format!("{byte:02x}")).collect();
        let lines: Vec<String> = digits.chunks(18).map(<[String]>::concat).collect();
        format!("\nexif\n{length:8}\n{}\n", lines.join("\n"))
    };
    let whole = [b"Exif\0\0", &exif(6)[..]].concat();
    let said = text(&whole, whole.len());
    let turned = |path: &Path| {
        let picture = read_picture(path).unwrap();
        let (layout, by_rows) = in_bands(path, &ReadOptions::default()).unwrap();
        assert_eq!((layout, &by_rows), (picture.layout(), &picture));
        picture.dimensions() == (16, 24)
    };
    for is_packed in [false, true] {
        for name in ["Raw profile type exif", "Raw profile type APP1"] {
            assert!(turned(&write(name, is_packed, said.clone())), "{name}");
        }
        assert!(!turned(&write("Comment", is_packed, said.clone())));
        let name = "Raw profile type exif";
        for damaged in [
            "",
            "\nexif\n",
            "\nexif\nx\n49",
            &text(&whole, 12),
            &said[..40],
        ] {
            assert!(
                !turned(&write(name, is_packed, damaged.to_owned())),
                "{damaged}"
            );
        }
    }
}

#[test]
fn damaged_exif_is_no_error_and_turns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = exif(6);
    let far = [b"II*\0", &u32::MAX.to_le_bytes()[..]].concat();
    for damaged in [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        b"nothing of the kind".to_vec(),
        far,
        exif(0),
        exif(9),
        exif(255),
    ] {
        for format in ["jpg", "png", "webp"] {
            let bytes = file(format, damaged.clone());
            let path = saved(folder.path(), &format!("a.{format}"), &bytes);
            let upright = read_picture(&path).unwrap();
            assert_eq!(
                upright,
                AS_STORED.read(&path, &mut Default::default()).unwrap(),
                "{damaged:?}"
            );
            let (_, by_rows) = in_bands(&path, &ReadOptions::default()).unwrap();
            assert_eq!(by_rows, upright);
        }
    }
    let path = saved(folder.path(), "a.tif", &tiff(77));
    assert_eq!(read_picture(&path).unwrap().dimensions(), (24, 16));
}

/// A picture of any number of channels and of 16 bits is turned like one of colours.
#[test]
fn channels_and_depth_are_kept() {
    let deep = DynamicImage::from(stored()).into_rgba16();
    for orientation in (1..=8).filter_map(Orientation::from_exif) {
        let mut turned = DynamicImage::from(deep.clone());
        turned.apply_orientation(orientation);
        let picture = Picture::from(DynamicImage::from(deep.clone()));
        assert_eq!(picture.upright(orientation), turned.into());
    }
}

/// The pair of an upright picture and one of the same pixels that says this orientation.
fn pair(folder: &Path, size: [u32; 2], orientation: u8) -> PairSource {
    let [a, b] = ["a.png", "b.png"].map(|name| folder.join(name));
    RgbImage::new(size[0], size[1]).save(&b).unwrap();
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    RgbImage::new(size[0], size[1])
        .write_with_encoder(encoder)
        .unwrap();
    fs::write(&a, bytes).unwrap();
    let (a, b) = (vec![a], vec![b]);
    PairSource::Separate { a, b }
}

#[test]
fn sizes_that_orientation_alone_makes_differ_are_named_so() {
    let folder = tempfile::tempdir().unwrap();
    let source = pair(folder.path(), [24, 16], 6);
    let read = |options: ReadOptions| {
        let reading = [options; 2];
        source.read(&reading, &mut ReadTally::default())
    };
    let text = read(ReadOptions::default()).unwrap_err().to_string();
    assert!(text.contains("is 16x24, but"), "{text}");
    assert!(
        text.contains("`reading.ignore_orientation` leaves"),
        "{text}"
    );
    assert!(!text.contains("combine"), "{text}");
    assert!(read(AS_STORED).is_ok());
    // The other way round: the second was drawn over the upright picture.
    let upright = folder.path().join("b.png");
    RgbImage::new(16, 24).save(&upright).unwrap();
    assert!(read(ReadOptions::default()).is_ok());
    let text = read(AS_STORED).unwrap_err().to_string();
    assert!(
        text.contains("without `reading.ignore_orientation`"),
        "{text}"
    );
    RgbImage::new(20, 20).save(&upright).unwrap();
    let text = read(ReadOptions::default()).unwrap_err().to_string();
    assert!(text.contains("prepare combine with `size`"), "{text}");
}

#[test]
fn pairs_with_one_image_turned_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |size, orientation, upright: Option<[u32; 2]>, options: &ReadOptions| {
        let source = pair(folder.path(), size, orientation);
        if let Some([width, height]) = upright {
            let path = folder.path().join("b.png");
            RgbImage::new(width, height).save(path).unwrap();
        }
        let mut tally = ReadTally::default();
        // Sizes that differ are an error here, and combine brings them to one.
        let _ = source.read(&[*options; 2], &mut tally);
        let task = Task {
            sources: source.paths().cloned().collect(),
            output: folder.path().join("pair.png"),
        };
        let filters = [Filter::Bicubic; 2];
        let size = Some(8);
        let made = Tool::Combine { size, filters }
            .make(&task, options)
            .unwrap();
        [tally, made.tally].map(|tally| tally.lines().collect::<Vec<String>>().concat())
    };
    let reading = ReadOptions::default();
    for line in told([16, 16], 6, None, &reading) {
        assert!(line.starts_with("pairs whose images are turned"), "{line}");
        assert!(
            line.contains(": 1, such as") && line.contains("a.png"),
            "{line}"
        );
    }
    let [read, combined] = told([24, 16], 6, None, &reading);
    assert!(read.is_empty() && !combined.is_empty(), "{read}");
    // A half turn or a mirror does not show in the size.
    assert!(
        told([24, 16], 3, None, &reading)
            .iter()
            .all(|line| !line.is_empty())
    );
    // Not turned, turned alike as the sizes say, and turns that are left aside.
    for nothing in [
        told([16, 16], 1, None, &reading),
        told([24, 16], 6, Some([16, 24]), &reading),
        told([16, 16], 6, None, &AS_STORED),
    ] {
        assert_eq!(nothing, ["", ""]);
    }
}
