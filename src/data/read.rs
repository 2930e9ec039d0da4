//! One file to a picture, within limits.

use std::fs;
use std::io::{self, BufReader, Cursor};
use std::path::Path;

use image::{ImageFormat, ImageReader, Limits, RgbImage};

use super::error::DataError;
use super::foreign::foreign_format;
use super::jpeg::check_jpeg;
use super::limits::{MAX_BYTES, MAX_SIDE};
use super::open_exr::read_exr;
use super::orientation::orientation_of;
use super::picture::Picture;
use super::pnm::read_pnm;
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use super::tiff_reader::{marked_nodata_of, read_tiff};
use super::values::Extent;
use super::values::stored::{Origin, Stored};

/// Reads an image file of any supported format, channels and depth as they are; the content decides
/// on the format, not the name. The picture stands upright, as its EXIF orientation says.
///
/// # Errors
/// [`DataError::ReadFile`], [`DataError::EmptyFile`], [`DataError::NotAnImage`],
/// [`DataError::Damaged`] (truncated, too), [`DataError::Pages`] and [`DataError::TooLarge`].
pub fn read_picture(path: &Path) -> Result<Picture, DataError> {
    ReadOptions::default().read(path, &mut ReadTally::default())
}

impl ReadOptions {
    /// Reads an image file as [`read_picture`] does, but as these options say. What is to be told
    /// of it is counted in `tally`.
    ///
    /// # Errors
    /// Those of [`read_picture`], and [`DataError::Value`].
    pub fn read(&self, path: &Path, tally: &mut ReadTally) -> Result<Picture, DataError> {
        decode_counted(path, &read_bytes(path)?, self, tally)
    }
}

/// The least and the largest number of an image file, without those that are missing.
/// `all_channels` says that opacity counts as well.
///
/// # Errors
/// Those of [`read_picture`].
pub fn extent_of(path: &Path, all_channels: bool) -> Result<Extent, DataError> {
    let bytes = read_bytes(path)?;
    let stored = decode_as_stored(path, &bytes)?;
    Ok(stored.extent(origin_of(path, &bytes), all_channels))
}

/// What is known of a file beside its numbers.
fn origin_of<'a>(path: &'a Path, bytes: &[u8]) -> Origin<'a> {
    let is_tiff = format_of(bytes) == Some(ImageFormat::Tiff);
    Origin {
        path,
        marked: is_tiff.then(|| marked_nodata_of(bytes)).flatten(),
    }
}

/// Reads an image file as 8-bit RGB: see [`Picture::to_rgb`]; 16-bit samples are scaled to 8.
///
/// # Errors
/// Those of [`read_picture`].
pub fn read_rgb(path: &Path) -> Result<RgbImage, DataError> {
    Ok((&read_picture(path)?).into())
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let length = check_regular(path)?;
    if length > MAX_BYTES {
        return Err(DataError::too_large(
            path,
            format!("the file has {} MiB", length >> 20),
        ));
    }
    fs::read(path).map_err(|source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    })
}

/// Refuses anything but a file, and returns the number of its bytes.
pub(super) fn check_regular(path: &Path) -> Result<u64, DataError> {
    let read_error = |source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(read_error)?;
    match metadata.is_file() {
        true => Ok(metadata.len()),
        // A pipe would block for ever, and a folder has no bytes.
        false => Err(read_error(io::Error::other("not a regular file"))),
    }
}

/// Decodes a whole image file that is in memory; `path` only names it in errors.
pub(super) fn decode(
    path: &Path,
    bytes: &[u8],
    options: &ReadOptions,
) -> Result<Picture, DataError> {
    decode_counted(path, bytes, options, &mut ReadTally::default())
}

pub(super) fn decode_counted(
    path: &Path,
    bytes: &[u8],
    options: &ReadOptions,
    tally: &mut ReadTally,
) -> Result<Picture, DataError> {
    let stored = decode_as_stored(path, bytes)?;
    let (origin, format) = (origin_of(path, bytes), format_of(bytes));
    if format == Some(ImageFormat::OpenExr) {
        stored.count_multiplied(origin, tally);
    }
    let picture = stored.picture(origin, options.values.as_ref(), tally)?;
    let Some(format) = format else {
        return Ok(picture);
    };
    let file = || BufReader::new(Cursor::new(bytes));
    tally.count_unused(path, format, || Some(file()));
    if options.ignore_orientation {
        return Ok(picture);
    }
    Ok(picture.upright(orientation_of(format, &mut file())))
}

/// The format of a file that starts with these bytes.
pub(super) fn format_of(bytes: &[u8]) -> Option<ImageFormat> {
    const BIG_TIFF: [[u8; 4]; 2] = [*b"II+\0", *b"MM\0+"];
    let is_tiff = BIG_TIFF.iter().any(|start| bytes.starts_with(start));
    if is_tiff {
        Some(ImageFormat::Tiff)
    } else {
        image::guess_format(bytes).ok()
    }
}

fn decode_as_stored(path: &Path, bytes: &[u8]) -> Result<Stored, DataError> {
    if bytes.is_empty() {
        return Err(DataError::EmptyFile {
            path: path.to_owned(),
        });
    }
    if format_of(bytes) == Some(ImageFormat::OpenExr) {
        return read_exr(path, bytes);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|source| DataError::ReadFile {
            path: path.to_owned(),
            source,
        })?;
    if let Some(format) = format_of(bytes) {
        reader.set_format(format);
    }
    if let Some(reason) = foreign_format(bytes) {
        return Err(DataError::NotAnImage {
            path: path.to_owned(),
            reason: reason.to_owned(),
        });
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    if reader.format() == Some(ImageFormat::Jpeg) {
        check_jpeg(bytes).map_err(|fault| DataError::of_jpeg(path, fault))?;
    }
    if reader.format() == Some(ImageFormat::Tiff)
        && let Some(stored) = read_tiff(path, bytes)?
    {
        return Ok(stored);
    }
    if reader.format() == Some(ImageFormat::Pnm) {
        return read_pnm(path, bytes).map(Stored::from);
    }
    let image = reader.decode();
    let image = image.map_err(|error| DataError::of_decoder(path, error))?;
    Ok(Picture::from(image).into())
}

/// Whether an image of this size can be read back after it is written.
///
/// # Errors
/// [`DataError::TooLarge`].
pub(super) fn check_size(path: &Path, width: u32, height: u32) -> Result<(), DataError> {
    match width.max(height) <= MAX_SIDE && 3 * u64::from(width) * u64::from(height) <= MAX_BYTES {
        true => Ok(()),
        false => Err(DataError::too_large(
            path,
            format!("{width}x{height} pixels"),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::limits::MAX_SQUARE;
    use image::{DynamicImage, Luma, LumaA, Rgb, Rgba};

    fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn decode(bytes: &[u8]) -> Result<RgbImage, DataError> {
        Ok((&super::decode(Path::new("pair.png"), bytes, &ReadOptions::default())?).into())
    }

    fn noise() -> DynamicImage {
        RgbImage::from_fn(64, 48, |x, y| {
            let word = crate::data::random::philox4x32_10([3, 4], [x, y, 0, 0]);
            Rgb([word[0] as u8, word[1] as u8, word[2] as u8])
        })
        .into()
    }

    const FORMATS: [ImageFormat; 7] = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Bmp,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Gif,
        ImageFormat::Pnm,
    ];

    #[test]
    fn every_format_is_read_whatever_the_name_says() {
        for format in FORMATS {
            let image = decode(&encode(&noise(), format)).unwrap();
            assert_eq!(image.dimensions(), (64, 48), "{format:?}");
        }
    }

    #[test]
    fn every_format_cut_short_is_damaged_at_any_length() {
        for format in FORMATS {
            let bytes = encode(&noise(), format);
            for percent in [12, 30, 60, 90] {
                let error = decode(&bytes[..bytes.len() * percent / 100]).unwrap_err();
                assert!(
                    matches!(error, DataError::Damaged { .. }),
                    "{format:?} {percent}%: {error}"
                );
            }
        }
    }

    #[test]
    fn grey_alpha_and_16_bits_become_rgb8() {
        let png = |image: DynamicImage| {
            *decode(&encode(&image, ImageFormat::Png))
                .unwrap()
                .get_pixel(0, 0)
        };
        let grey = image::GrayImage::from_pixel(2, 2, Luma([77]));
        assert_eq!(png(grey.into()), Rgb([77; 3]));
        let grey_alpha = image::GrayAlphaImage::from_pixel(2, 2, LumaA([77, 9]));
        assert_eq!(png(grey_alpha.into()), Rgb([77; 3]));
        let transparent = image::RgbaImage::from_pixel(2, 2, Rgba([10, 20, 30, 0]));
        assert_eq!(
            png(transparent.into()),
            Rgb([10, 20, 30]),
            "alpha is dropped, not composited"
        );
        let deep = image::ImageBuffer::from_pixel(2, 2, Rgb([0u16, 0x8080, 0xFFFF]));
        assert_eq!(png(deep.into()), Rgb([0, 128, 255]));
    }

    #[test]
    fn bad_files_are_named_with_a_typed_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let empty = read_rgb(&file("empty.png", b"")).unwrap_err();
        assert!(matches!(empty, DataError::EmptyFile { .. }), "{empty}");
        assert!(empty.to_string().contains("empty.png"));
        let text = read_rgb(&file("text.png", b"no image at all")).unwrap_err();
        assert!(matches!(text, DataError::NotAnImage { .. }), "{text}");
        let missing = read_rgb(&folder.path().join("missing.png")).unwrap_err();
        assert!(matches!(missing, DataError::ReadFile { .. }), "{missing}");
        let not_a_file = read_rgb(folder.path()).unwrap_err();
        assert!(
            matches!(not_a_file, DataError::ReadFile { .. }),
            "{not_a_file}"
        );
    }

    #[test]
    fn the_largest_square_fits() {
        let bytes = |side: u32| 3 * u64::from(side).pow(2);
        assert!(bytes(MAX_SQUARE) <= MAX_BYTES && bytes(MAX_SQUARE + 1) > MAX_BYTES);
        let fits = |width, height| check_size(Path::new("pair.png"), width, height).is_ok();
        assert!(fits(MAX_SQUARE, MAX_SQUARE) && !fits(MAX_SQUARE + 1, MAX_SQUARE + 1));
        assert!(
            fits(MAX_SIDE, MAX_SIDE / 2) && !fits(MAX_SIDE + 2, 1),
            "two squares side by side"
        );
    }

    /// A few bytes that claim 60000 x 60000 pixels are refused before anything is allocated.
    #[test]
    fn a_decompression_bomb_is_too_large() {
        let mut bmp = encode(&noise(), ImageFormat::Bmp);
        bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
        bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
        let error = decode(&bmp).unwrap_err();
        assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
        let long = encode(&RgbImage::new(MAX_SIDE + 1, 1).into(), ImageFormat::Png);
        assert!(matches!(
            decode(&long).unwrap_err(),
            DataError::TooLarge { .. }
        ));
        let wide = encode(&image::GrayImage::new(MAX_SIDE, 1).into(), ImageFormat::Png);
        assert_eq!(decode(&wide).unwrap().dimensions(), (MAX_SIDE, 1));
    }

    /// The reason stands in the message about the file, with the remedy behind it.
    #[test]
    fn the_message_says_what_it_is_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        fs::write(&path, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap();
        let message = read_picture(&path).unwrap_err().to_string();
        assert!(message.contains("it is HEIC"), "{message}");
        assert!(message.contains("convert it to PNG or JPEG"), "{message}");
    }
}
