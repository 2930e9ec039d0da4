//! How a file says that its picture is turned, and pictures upright.
//!
//! | format | where it is said |
//! |---|---|
//! | JPEG | EXIF in the segment APP1 |
//! | PNG | EXIF in the chunk `eXIf`, before or behind the pixels |
//! | WebP | EXIF in the chunk `EXIF` |
//! | TIFF | the tag 274, which EXIF has taken from there |
//!
//! EXIF that is damaged says nothing: the picture itself may be whole.

use std::io::{BufReader, Read, Seek};

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::picture::Picture;

/// What some writers put in front of EXIF outside of JPEG, where it belongs.
const JPEG_PREFIX: &[u8] = b"Exif\0\0";
/// The longest EXIF, as the segment of a JPEG limits it. PNG and WebP have no limit of their own.
const MAX_EXIF: u64 = 1 << 16;

/// How the picture is turned that is in a file of this format.
pub(super) fn orientation_of<R: Read + Seek>(
    format: ImageFormat,
    file: &mut BufReader<R>,
) -> Orientation {
    let said = match format {
        ImageFormat::Png => exif_of_png(file).and_then(|exif| of_exif(&exif)),
        ImageFormat::Tiff => of_tiff(file),
        ImageFormat::WebP => exif_of_webp(file).and_then(|exif| of_exif(&exif)),
        ImageFormat::Jpeg => {
            let exif = ImageReader::with_format(file, format)
                .into_decoder()
                .and_then(|mut decoder| decoder.exif_metadata());
            exif.ok().flatten().and_then(|exif| of_exif(&exif))
        }
        _ => None,
    };
    said.unwrap_or(Orientation::NoTransforms)
}

/// The EXIF of a PNG. The chunks are walked, because its chunk may stand behind the pixels (PNG
/// specification, third edition, 11.3.4.4).
fn exif_of_png<R: Read + Seek>(file: &mut BufReader<R>) -> Option<Vec<u8>> {
    const SIGNATURE_BYTES: i64 = 8;
    const CHECK_BYTES: i64 = 4;
    file.seek_relative(SIGNATURE_BYTES).ok()?;
    loop {
        let [mut length, mut kind] = [[0; 4]; 2];
        file.read_exact(&mut length).ok()?;
        file.read_exact(&mut kind).ok()?;
        let length = u32::from_be_bytes(length);
        match &kind {
            b"eXIf" => return exif_behind(file, length),
            b"IEND" => return None,
            _ => file.seek_relative(i64::from(length) + CHECK_BYTES).ok()?,
        }
    }
}

/// The EXIF of a WebP. Its decoder would take as much memory as the chunk says it has, whatever
/// the file has (RFC 9649, section 2.3).
fn exif_of_webp<R: Read + Seek>(file: &mut BufReader<R>) -> Option<Vec<u8>> {
    const HEADER_BYTES: i64 = 12;
    file.seek_relative(HEADER_BYTES).ok()?;
    loop {
        let [mut kind, mut length] = [[0; 4]; 2];
        file.read_exact(&mut kind).ok()?;
        file.read_exact(&mut length).ok()?;
        let length = u32::from_le_bytes(length);
        match &kind {
            b"EXIF" => return exif_behind(file, length),
            // Chunks begin at even places.
            _ => file
                .seek_relative(i64::from(length) + i64::from(length % 2))
                .ok()?,
        }
    }
}

/// The EXIF of so many bytes that comes next.
fn exif_behind<R: Read>(file: &mut BufReader<R>, length: u32) -> Option<Vec<u8>> {
    let mut exif = Vec::new();
    let most = u64::from(length).min(MAX_EXIF);
    file.take(most).read_to_end(&mut exif).ok()?;
    Some(exif)
}

fn of_tiff<R: Read + Seek>(file: &mut BufReader<R>) -> Option<Orientation> {
    let value = Decoder::new(file).ok()?.find_tag_unsigned(Tag::Orientation);
    value.ok().flatten().and_then(Orientation::from_exif)
}

fn of_exif(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(JPEG_PREFIX).unwrap_or(exif))
}

impl Picture {
    /// The picture, turned or mirrored so that it stands upright.
    pub(super) fn upright(self, orientation: Orientation) -> Self {
        let (width, height) = self.dimensions();
        let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
        match orientation {
            Orientation::NoTransforms => self,
            Orientation::FlipHorizontal => self.rearrange(width, height, |x, y| (right - x, y)),
            Orientation::Rotate180 => self.rearrange(width, height, |x, y| (right - x, bottom - y)),
            Orientation::FlipVertical => self.rearrange(width, height, |x, y| (x, bottom - y)),
            Orientation::Rotate90FlipH => self.rearrange(height, width, |x, y| (y, x)),
            Orientation::Rotate90 => self.rearrange(height, width, |x, y| (y, bottom - x)),
            Orientation::Rotate270FlipH => {
                self.rearrange(height, width, |x, y| (right - y, bottom - x))
            }
            Orientation::Rotate270 => self.rearrange(height, width, |x, y| (right - y, x)),
        }
    }
}
