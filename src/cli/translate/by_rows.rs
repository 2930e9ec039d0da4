//! Images that are too large to be decoded whole: whether they go through row by row, and what
//! would help where they do not.

use crate::cli::CliError;
use crate::data::{
    DataError, Format, ReadOptions, RowReader, ValueMapping, ValueRange, is_png_of_rows, is_turned,
};
use std::path::{Path, PathBuf};

/// Whether all files can be read row by row. If not, the error of the first that cannot, with what
/// would help. A limit that was asked for holds for rows as well.
pub fn by_rows(error: DataError, files: &[PathBuf], reading: &ReadOptions) -> Result<(), CliError> {
    if reading.max_pixels.is_some() {
        return Err(error.into());
    }
    let refused = |path: &PathBuf| Some((path.clone(), RowReader::open(path, reading).err()?));
    match files.iter().find_map(refused) {
        None => Ok(()),
        Some((path, source @ DataError::TooLarge { .. })) => match remedy(&path, reading) {
            Some(remedy) => Err(CliError::InOnePiece { source, remedy }),
            None => Err(source.into()),
        },
        Some((_, error)) => Err(error.into()),
    }
}

/// How an image that is too large to be read in one piece can be had row by row. `None` for a PNG
/// of rows that are too long themselves. What may have floats or a place on Earth stays a TIFF.
fn remedy(path: &Path, reading: &ReadOptions) -> Option<&'static str> {
    let as_stored = ReadOptions {
        ignore_orientation: true,
        ..*reading
    };
    let is_turned = is_turned(path, reading);
    let is_tiff = Format::of(path) == Some(Format::Tiff);
    match () {
        () if is_turned && RowReader::open(path, &as_stored).is_ok() => {
            Some("save it upright, or take it as it is stored with --ignore-orientation")
        }
        () if is_tiff && !is_turned && opens_with_range(path, reading) => {
            Some("say which numbers are black and white: --value-range LO..HI")
        }
        () if is_tiff && !is_turned => Some(
            "save it as a TIFF of several strips or tiles, without planes and palette, which is \
             read row by row (gdal_translate -co COMPRESS=DEFLATE -co INTERLEAVE=PIXEL)",
        ),
        () if is_turned => {
            Some("save it as an upright PNG that is not interlaced, which is read row by row")
        }
        () if is_png_of_rows(path) => None,
        () => Some("save it as a PNG that is not interlaced, which is read row by row"),
    }
}

/// Whether a file is read row by row once a value range is given.
fn opens_with_range(path: &Path, reading: &ReadOptions) -> bool {
    let any = ValueRange::new(0.0, 1.0).ok();
    let values = any.and_then(|any| ValueMapping::new(any, None, false).ok());
    let with_range = ReadOptions { values, ..*reading };
    reading.values.is_none() && values.is_some() && RowReader::open(path, &with_range).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::ReadTally;
    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};
    use std::fs::File;
    use tiff::encoder::TiffEncoder;
    use tiff::encoder::colortype::{Gray8, Gray32Float};
    use tiff::tags::Tag;

    /// An EXIF segment that says only that the picture is turned by a quarter.
    const TURNED: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

    /// A TIFF with a palette, which is longer than a side may be.
    fn write_palette(file: File) {
        const PALETTE: u16 = 3;
        let mut encoder = TiffEncoder::new(file).unwrap();
        let mut image = encoder.new_image::<Gray8>(16_385, 2).unwrap();
        let tags = image.encoder();
        tags.write_tag(Tag::PhotometricInterpretation, PALETTE)
            .unwrap();
        tags.write_tag(Tag::ColorMap, &[0u16; 768][..]).unwrap();
        image.write_data(&[90; 16_385 * 2]).unwrap();
    }

    /// Writes a grey image that is longer than a side may be.
    fn write(mut encoder: impl ImageEncoder, is_turned: bool) {
        if is_turned {
            encoder.set_exif_metadata(TURNED.to_vec()).unwrap();
        }
        let pixels = [90; 16_385 * 2];
        encoder
            .write_image(&pixels, 16_385, 2, ExtendedColorType::L8)
            .unwrap();
    }

    /// Files that are longer than a side may be.
    fn write_all(folder: &Path) {
        let file = |name: &str| File::create(folder.join(name)).unwrap();
        write(PngEncoder::new(file("plain.png")), false);
        write(PngEncoder::new(file("turned.png")), true);
        write(JpegEncoder::new(file("plain.jpg")), false);
        write(JpegEncoder::new(file("turned.jpg")), true);
        write_palette(file("palette.tif"));
        let mut encoder = TiffEncoder::new(file("floats.tif")).unwrap();
        let floats = [0.5; 16_385 * 2];
        encoder
            .write_image::<Gray32Float>(16_385, 2, &floats)
            .unwrap();
    }

    #[test]
    fn a_remedy_is_one_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_all(folder.path());
        let reading = ReadOptions::default();
        let told = |names: &[&str]| {
            let files: Vec<PathBuf> = names.iter().map(|name| path(name)).collect();
            let error = reading
                .read(&files[0], &mut ReadTally::default())
                .unwrap_err();
            by_rows(error, &files, &reading).map_err(|error| error.to_string())
        };
        assert_eq!(told(&["plain.png"]), Ok(()));
        for (names, file, ending) in [
            (
                &["turned.png"][..],
                "turned.png",
                "or take it as it is stored with --ignore-orientation",
            ),
            // The file that cannot be read by rows is named, and not the first that is large.
            (
                &["plain.png", "turned.png"],
                "turned.png",
                "stored with --ignore-orientation",
            ),
            (
                &["turned.jpg"],
                "turned.jpg",
                "save it as an upright PNG that is not interlaced, which is read row by row",
            ),
            (
                &["plain.jpg"],
                "plain.jpg",
                "or save it as a PNG that is not interlaced, which is read row by row",
            ),
            (
                &["palette.tif"],
                "palette.tif",
                "(gdal_translate -co COMPRESS=DEFLATE -co INTERLEAVE=PIXEL)",
            ),
            (
                &["floats.tif"],
                "floats.tif",
                "say which numbers are black and white: --value-range LO..HI",
            ),
        ] {
            let text = told(names).unwrap_err();
            let is_right =
                text.starts_with(&path(file).display().to_string()) && text.ends_with(ending);
            assert!(is_right, "{names:?}: {text}");
        }
        // What is stored so can be read by rows.
        let as_stored = ReadOptions {
            ignore_orientation: true,
            ..reading
        };
        assert!(RowReader::open(&path("turned.png"), &as_stored).is_ok());
    }
}
