//! What the head of an image file says: its format and its size. Nothing is decoded.

use std::io::{BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use image::ImageFormat;
use image::metadata::Orientation;
#[cfg(feature = "formats")]
use image::{ImageDecoder, ImageReader};

use super::jpeg_head::size_of_jpeg;
#[cfg(feature = "formats")]
use super::limits::decoder_limits;
#[cfg(feature = "formats")]
use super::open_exr::size_of_exr;
use super::orientation::{is_quarter_turn, orientation_of};
use super::tiff_head::TiffHead;
use crate::files::{self, File};

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

/// Opens a file to look at its head. Anything else, such as a pipe, would block or fail.
pub(super) fn open_regular(path: &Path) -> Option<BufReader<File>> {
    files::is_file(path).then_some(())?;
    Some(BufReader::new(File::open(path).ok()?))
}

/// Width and height of an image by the head of its file. `as_stored` is how they are stored,
/// otherwise they are those that viewers show. `None` if the file has none that is known here; then
/// the decoder says more.
pub(super) fn size_of(path: &Path, as_stored: bool) -> Option<(u32, u32)> {
    let mut file = open_regular(path)?;
    let format = format_of(file.fill_buf().ok()?)?;
    let (width, height) = match format {
        ImageFormat::Tiff => TiffHead::read(&mut file).ok()?.size()?,
        #[cfg(feature = "formats")]
        ImageFormat::OpenExr => size_of_exr(&mut file)?,
        // Other decoders take the whole file, or what it holds beside the picture.
        ImageFormat::Jpeg => size_of_jpeg(&mut file)?,
        ImageFormat::Png => {
            let mut decoder = png::Decoder::new(&mut file);
            let info = decoder.read_header_info().ok()?;
            (info.width, info.height)
        }
        // Without this the module of a tab would carry decoders of formats that it does not read.
        #[cfg(not(feature = "formats"))]
        _ => return None,
        #[cfg(feature = "formats")]
        _ => {
            let mut reader = ImageReader::with_format(&mut file, format);
            reader.limits(decoder_limits(0));
            reader.into_decoder().ok()?.dimensions()
        }
    };
    if as_stored {
        return Some((width, height));
    }
    file.rewind().ok()?;
    Some(match is_quarter_turn(orientation_of(format, &mut file)) {
        true => (height, width),
        false => (width, height),
    })
}

/// Whether the files of a pair are turned in different ways when they are read, and their sizes do
/// not say that this is right.
pub(super) fn are_turned_apart<'a>(mut files: impl Iterator<Item = &'a PathBuf>) -> bool {
    let Some(first) = files.next() else {
        return false;
    };
    let is_unlike =
        |file: &PathBuf, as_stored| size_of(file, as_stored) != size_of(first, as_stored);
    let turn = turn_of(first);
    files.any(|file| {
        let is_right = || is_unlike(file, true) && !is_unlike(file, false);
        turn_of(file) != turn && !is_right()
    })
}

/// How a file says that its picture is turned.
fn turn_of(path: &Path) -> Orientation {
    let said = || {
        let mut file = open_regular(path)?;
        let format = format_of(file.fill_buf().ok()?)?;
        Some(orientation_of(format, &mut file))
    };
    said().unwrap_or(Orientation::NoTransforms)
}
