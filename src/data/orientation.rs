//! How a file says that its picture is turned, and pictures upright.
//!
//! | format | where it is said |
//! |---|---|
//! | JPEG | EXIF in the segment APP1 |
//! | PNG | EXIF in the chunk `eXIf`, before or behind the pixels (11.3.4.4) |
//! | WebP | EXIF in the chunk `EXIF` |
//! | TIFF | the tag 274, which EXIF has taken from there |
//!
//! EXIF that is damaged says nothing: the picture itself may be whole.

use std::io::{BufReader, Read, Seek};

use image::ImageFormat;
use image::metadata::Orientation;
use tiff::tags::Tag;

use super::chunks::Chunks;
use super::jpeg_head::exif_of_jpeg;
use super::picture::Picture;
use super::tiff_head::TiffHead;

/// What some writers put in front of EXIF outside of JPEG, where it belongs.
const JPEG_PREFIX: &[u8] = b"Exif\0\0";
/// The longest EXIF, as the segment of a JPEG limits it. PNG and WebP have no limit of their own.
const MAX_EXIF: u32 = 1 << 16;

/// How the picture is turned that is in a file of this format.
pub(super) fn orientation_of<R: Read + Seek>(
    format: ImageFormat,
    file: &mut BufReader<R>,
) -> Orientation {
    let said = match format {
        ImageFormat::Png => exif_in(Chunks::of_png(file), b"eXIf", Some(b"IEND")),
        ImageFormat::Tiff => of_tiff(file),
        ImageFormat::WebP => exif_in(Chunks::of_webp(file), b"EXIF", None),
        ImageFormat::Jpeg => exif_of_jpeg(file).and_then(|exif| of_exif(&exif)),
        _ => None,
    };
    said.unwrap_or(Orientation::NoTransforms)
}

/// Whether width and height change places.
pub(super) fn is_quarter_turn(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn exif_in<R: Read + Seek>(
    mut chunks: Chunks<R>,
    kind: &[u8; 4],
    end: Option<&[u8; 4]>,
) -> Option<Orientation> {
    chunks.find(kind, end)?;
    of_exif(&chunks.data(MAX_EXIF)?)
}

fn of_tiff<R: Read + Seek>(file: &mut BufReader<R>) -> Option<Orientation> {
    let value = TiffHead::read(file).ok()?.number(Tag::Orientation)?;
    Orientation::from_exif(value.try_into().ok()?)
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
