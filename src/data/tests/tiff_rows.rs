//! TIFF files that are read by rows are the same as those that are read whole.

use crate::data::depth::{Depth, PictureLayout};
use crate::data::tiff::{TiffSample, header};
use crate::data::tiff_rows::TiffRows;
use crate::data::{DataError, Picture, RowReader, read_picture};
use ::tiff::encoder::{Compression, Predictor, TiffEncoder, colortype};
use ::tiff::tags::{PhotometricInterpretation, PlanarConfiguration, Tag};
use std::fs;
use std::io::BufReader;
use std::path::Path;

const SIDES: [u32; 2] = [31, 23];

fn samples(channels: u32) -> Vec<u16> {
    (0..SIDES[0] * SIDES[1] * channels)
        .map(|at| crate::data::random::philox4x32_10([3, 4], [at, 0, 0, 0])[0] as u16)
        .collect()
}

/// RGB of 16 bits in tiles of 16 × 8 pixels.
fn write_tiles(path: &Path) {
    let [width, height] = SIDES;
    let samples = samples(3);
    let mut file = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    let mut entries = file.image_directory().unwrap();
    let mut places: Vec<u32> = Vec::new();
    for (top, left) in (0..height)
        .step_by(8)
        .flat_map(|top| (0..width).step_by(16).map(move |left| (top, left)))
    {
        let pixels = (top..top + 8).flat_map(|y| (left..left + 16).map(move |x| (x, y)));
        let sample = |(x, y, c)| {
            if x < width && y < height {
                samples[((y * width + x) * 3 + c) as usize]
            } else {
                7
            }
        };
        let tile: Vec<u16> = pixels
            .flat_map(|(x, y)| [0, 1, 2].map(|c| sample((x, y, c))))
            .collect();
        places.push(entries.write_data(&tile[..]).unwrap() as u32);
    }
    for (tag, value) in [
        (Tag::ImageWidth, width),
        (Tag::ImageLength, height),
        (Tag::TileWidth, 16),
        (Tag::TileLength, 8),
    ] {
        entries.write_tag(tag, value).unwrap();
    }
    entries
        .write_tag(Tag::BitsPerSample, &[16u16; 3][..])
        .unwrap();
    entries.write_tag(Tag::SamplesPerPixel, 3u16).unwrap();
    entries
        .write_tag(
            Tag::PhotometricInterpretation,
            PhotometricInterpretation::RGB,
        )
        .unwrap();
    entries.write_tag(Tag::TileOffsets, &places[..]).unwrap();
    entries
        .write_tag(Tag::TileByteCounts, &vec![16 * 8 * 6u32; places.len()][..])
        .unwrap();
    entries.finish().unwrap();
}

/// Strips of 4 rows, compressed: grey or RGB, 16 bits or 8.
fn write_strips(path: &Path, kind: usize) {
    let file = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    let mut file = file
        .with_compression(Compression::Lzw)
        .with_predictor(Predictor::Horizontal);
    let bytes = |channels| {
        samples(channels)
            .iter()
            .map(|&word| word as u8)
            .collect::<Vec<u8>>()
    };
    macro_rules! write {
        ($colour:ident, $samples:expr) => {{
            let mut image = file
                .new_image::<colortype::$colour>(SIDES[0], SIDES[1])
                .unwrap();
            image.rows_per_strip(4).unwrap();
            image.write_data(&$samples).unwrap();
        }};
    }
    match kind {
        0 => write!(Gray8, bytes(1)),
        1 => write!(Gray16, samples(1)),
        2 => write!(RGB8, bytes(3)),
        _ => write!(RGBA16, samples(4)),
    }
}

/// Three planes of one strip.
fn write_planes(path: &Path) {
    let [width, height] = SIDES;
    let mut file = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    let mut entries = file.image_directory().unwrap();
    let planes = [1u8, 2, 3].map(|value| {
        entries
            .write_data(&vec![value; (width * height) as usize][..])
            .unwrap() as u32
    });
    entries.write_tag(Tag::ImageWidth, width).unwrap();
    entries.write_tag(Tag::ImageLength, height).unwrap();
    entries
        .write_tag(Tag::BitsPerSample, &[8u16; 3][..])
        .unwrap();
    entries.write_tag(Tag::SamplesPerPixel, 3u16).unwrap();
    entries
        .write_tag(
            Tag::PhotometricInterpretation,
            PhotometricInterpretation::RGB,
        )
        .unwrap();
    entries
        .write_tag(Tag::PlanarConfiguration, PlanarConfiguration::Planar)
        .unwrap();
    entries.write_tag(Tag::StripOffsets, &planes[..]).unwrap();
    entries
        .write_tag(Tag::StripByteCounts, &[width * height; 3][..])
        .unwrap();
    entries.finish().unwrap();
}

fn in_bands(path: &Path) -> Result<Picture, DataError> {
    let mut reader = RowReader::open(path, &Default::default())?;
    let mut whole = Picture::default();
    while whole.height() < reader.layout().height {
        whole.append(reader.read(5)?);
    }
    Ok(whole)
}

/// Whether a file is read in bands, and whole as in bands.
fn is_banded(path: &Path) -> bool {
    assert_eq!(
        in_bands(path).unwrap(),
        read_picture(path).unwrap(),
        "{}",
        path.display()
    );
    TiffRows::open(
        BufReader::new(crate::files::File::open(path).unwrap()),
        path,
        &Default::default(),
    )
    .is_some()
}

#[test]
fn rows_of_strips_and_tiles_are_those_of_the_whole_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tiff");
    for kind in 0..4 {
        write_strips(&path, kind);
        assert!(is_banded(&path), "{kind}");
    }
    write_tiles(&path);
    assert!(is_banded(&path), "tiles");
    let mut reader = TiffRows::open(
        BufReader::new(crate::files::File::open(&path).unwrap()),
        &path,
        &Default::default(),
    )
    .unwrap();
    reader.read(1, &mut Default::default()).unwrap();
    assert_eq!(
        reader.band.height(),
        7,
        "no more than the first row of tiles is decoded"
    );
    write_planes(&path);
    assert!(!is_banded(&path), "planes lie apart");
    image::RgbImage::new(3, 2)
        .save_with_format(&path, image::ImageFormat::Png)
        .unwrap();
    assert_eq!(
        in_bands(&path).unwrap().dimensions(),
        (3, 2),
        "the content decides"
    );
}

#[test]
fn what_is_cut_or_no_tiff_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tiff");
    let layout = PictureLayout {
        width: 300,
        height: 400,
        channels: 3,
        depth: Depth::Sixteen,
    };
    let mut bytes = header((layout, TiffSample::Whole), false, (None, None)).unwrap();
    let rows = bytes.len();
    bytes.resize(rows + 400 * layout.row_bytes(), 9);
    for (length, what) in [
        (rows + 300 * layout.row_bytes(), "rows"),
        (rows - 5, "where they lie"),
        (5, "nearly all"),
    ] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = in_bands(&path).unwrap_err();
        assert!(
            matches!(error, DataError::Damaged { .. }) && read_picture(&path).is_err(),
            "without {what}: {error}"
        );
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(in_bands(&path).unwrap().layout(), layout);
}
