//! One file to a picture, within limits.

use std::io::{self, BufReader, Cursor};
use std::path::Path;

#[cfg(feature = "jpeg")]
use image::ImageReader;
#[cfg(not(feature = "jpeg"))]
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageResult, RgbImage};

use super::depth::Depth;
use super::error::DataError;
use super::foreign::foreign_format;
use super::head::{format_of, size_of};
use super::jpeg::check_jpeg;
use super::limits::{ALL_FORMATS, SizeLimit, decoder_limits, is_read};
#[cfg(feature = "formats")]
use super::open_exr::read_exr;
use super::orientation::orientation_of;
use super::picture::{Extra, Picture};
#[cfg(feature = "formats")]
use super::pnm::read_pnm;
use super::read_options::ReadOptions;
use super::read_tally::{ReadTally, nearly_black};
use super::tiff_head::marked_nodata;
use super::tiff_reader::read_tiff;
use super::values::Extent;
use super::values::stored::{Origin, Stored};
use crate::files;

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
        decode_counted(path, &read_bytes(path, self.limit())?, self, tally)
    }

    /// The picture of pixels in memory, as if a PNG file held them: 8 bits of red, green, blue and
    /// opacity each. Where all of them are opaque, they are those of a file without opacity.
    ///
    /// # Errors
    /// [`DataError::Value`]. Pixels of another number are an image without any.
    pub fn of_rgba(&self, width: u32, height: u32, rgba: Vec<u8>) -> Result<Picture, DataError> {
        let path = Path::new("drawing");
        let picture = Picture::from_bytes(width, height, 4, Depth::Eight, rgba).unwrap_or_default();
        let picture = match picture.is_translucent() {
            true => picture,
            false => picture.to_rgb(),
        };
        let (origin, mut tally) = (Origin { path, marked: None }, ReadTally::default());
        let stored = Stored::from(picture);
        let picture = stored.picture(origin, self.values.as_ref(), &mut tally)?;
        Ok(self.lay(path, picture, &mut tally))
    }
}

/// The least and the largest number of an image file, without those that are missing.
/// `all_channels` says that opacity counts as well.
///
/// # Errors
/// Those of [`read_picture`].
pub(super) fn extent_of(
    path: &Path,
    limit: SizeLimit,
    all_channels: bool,
) -> Result<Extent, DataError> {
    let bytes = read_bytes(path, limit)?;
    let stored = decode_as_stored(path, &bytes, limit)?;
    Ok(stored.extent(origin_of(path, &bytes), all_channels))
}

/// What is known of a file beside its numbers.
fn origin_of<'a>(path: &'a Path, bytes: &[u8]) -> Origin<'a> {
    let is_tiff = ALL_FORMATS && format_of(bytes) == Some(ImageFormat::Tiff);
    Origin {
        path,
        marked: is_tiff
            .then(|| marked_nodata(&mut Cursor::new(bytes)))
            .flatten(),
    }
}

/// Reads an image file as 8-bit RGB: see [`Picture::to_rgb`]; 16-bit samples are scaled to 8.
///
/// # Errors
/// Those of [`read_picture`].
pub fn read_rgb(path: &Path) -> Result<RgbImage, DataError> {
    Ok((&read_picture(path)?).into())
}

/// Reads a file whose picture is not too large, as far as its head says.
fn read_bytes(path: &Path, limit: SizeLimit) -> Result<Vec<u8>, DataError> {
    let length = check_regular(path)?;
    if let Some(size) = size_of(path, true) {
        limit.check(path, size, 0)?;
    }
    limit.check_file(path, length)?;
    files::read(path).map_err(|source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    })
}

/// Longest text of a palette: 256 lines need a hundredth.
const PALETTE_BYTES: u64 = 1 << 20;

/// The bytes of a palette's text file.
///
/// # Errors
/// [`DataError::ReadFile`], also for what is no file or longer than 1 MiB.
pub fn read_palette_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let read_error = |source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    };
    if check_regular(path)? > PALETTE_BYTES {
        let reason = "longer than 1 MiB, so it is no list of colours";
        return Err(read_error(io::Error::other(reason)));
    }
    files::read(path).map_err(read_error)
}

/// Refuses anything but a file, and returns the number of its bytes.
pub(super) fn check_regular(path: &Path) -> Result<u64, DataError> {
    let read_error = |source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    };
    files::length(path).map_err(read_error)
}

/// Decodes a whole image file that is in memory; `path` only names it in errors.
///
/// # Errors
/// Those of [`ReadOptions::read`].
pub fn decode(path: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Picture, DataError> {
    decode_counted(path, bytes, options, &mut ReadTally::default())
}

/// Decodes as [`decode`] does. What is to be told of the file is counted in `tally`.
///
/// # Errors
/// Those of [`ReadOptions::read`].
pub fn decode_counted(
    path: &Path,
    bytes: &[u8],
    options: &ReadOptions,
    tally: &mut ReadTally,
) -> Result<Picture, DataError> {
    let stored = decode_as_stored(path, bytes, options.limit())?;
    let (origin, format) = (origin_of(path, bytes), format_of(bytes));
    let is_exr = format == Some(ImageFormat::OpenExr);
    if is_exr && options.background.is_none() {
        stored.count_multiplied(origin, tally);
    }
    let mut picture = stored.picture(origin, options.values.as_ref(), tally)?;
    if is_exr && options.background.is_some() && picture.has_opacity() {
        let extra = Extra {
            is_premultiplied: true,
            ..picture.extra()
        };
        picture = picture.with_extra(extra);
    }
    if !options.are_channels {
        tally.count_brighter(path, &picture);
    }
    let picture = options.lay(path, picture, tally);
    let file = || BufReader::new(Cursor::new(bytes));
    if let Some(format) = format {
        tally.count_unused(path, format, options.values.is_some(), || Some(file()));
    }
    if options.tells_dark()
        && let Some(largest) = nearly_black(&picture)
    {
        tally.count_dark(path, largest, picture.depth());
    }
    match format {
        Some(format) if !options.ignore_orientation => {
            Ok(picture.upright(orientation_of(format, &mut file())))
        }
        _ => Ok(picture),
    }
}

fn decode_as_stored(path: &Path, bytes: &[u8], limit: SizeLimit) -> Result<Stored, DataError> {
    if bytes.is_empty() {
        return Err(DataError::EmptyFile {
            path: path.to_owned(),
        });
    }
    if let Some((reason, remedy)) = foreign_format(bytes) {
        return Err(DataError::NotAnImage {
            path: path.to_owned(),
            reason: reason.to_owned(),
            remedy,
        });
    }
    let format = format_of(bytes);
    if let Some(format) = format.filter(|&format| !is_read(format)) {
        return Err(DataError::NotAnImage {
            path: path.to_owned(),
            reason: format!("it is {format:?}, which this program was built without"),
            remedy: "convert it to PNG",
        });
    }
    match format {
        #[cfg(feature = "formats")]
        Some(ImageFormat::OpenExr) => read_exr(path, bytes, limit),
        #[cfg(feature = "formats")]
        Some(ImageFormat::Pnm) => read_pnm(path, bytes, limit).map(Stored::from),
        Some(ImageFormat::Tiff) if ALL_FORMATS => match read_tiff(path, bytes, limit)? {
            Some(stored) => Ok(stored),
            None => read_other(path, bytes, format, limit),
        },
        Some(ImageFormat::Jpeg) if is_read(ImageFormat::Jpeg) => {
            check_jpeg(bytes).map_err(|fault| DataError::of_jpeg(path, fault))?;
            read_other(path, bytes, format, limit)
        }
        _ => read_other(path, bytes, format, limit),
    }
}

/// Decodes what the `image` crate reads.
fn read_other(
    path: &Path,
    bytes: &[u8],
    format: Option<ImageFormat>,
    limit: SizeLimit,
) -> Result<Stored, DataError> {
    let explain = |error| DataError::of_decoder(path, error, limit);
    let mut decoder = decoder_of(bytes, format).map_err(explain)?;
    let decoded = decoder.total_bytes();
    limit.check(path, decoder.dimensions(), decoded)?;
    let limits = decoder_limits(decoded);
    decoder.set_limits(limits).map_err(explain)?;
    let image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    Ok(Picture::from(image).into())
}

#[cfg(feature = "jpeg")]
fn decoder_of(bytes: &[u8], format: Option<ImageFormat>) -> ImageResult<impl ImageDecoder> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    if let Some(format) = format {
        reader.set_format(format);
    }
    reader.limits(decoder_limits(0));
    reader.into_decoder()
}

/// Names the only decoder that there is, so that no other one is part of the program.
#[cfg(not(feature = "jpeg"))]
fn decoder_of(bytes: &[u8], _format: Option<ImageFormat>) -> ImageResult<impl ImageDecoder> {
    PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::limits::MAX_SIDE;
    use image::{Luma, LumaA, Rgb, Rgba};
    use std::fs;

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
