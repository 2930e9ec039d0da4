//! How a file says that its picture is turned, and pictures upright.
//!
//! | format | where it is said |
//! |---|---|
//! | JPEG | EXIF in the segment APP1 |
//! | PNG | EXIF in the chunk `eXIf`, before or behind the pixels (11.3.4.4) |
//! | PNG | EXIF as digits in a text before the pixels, as older ImageMagick writes it |
//! | WebP | EXIF in the chunk `EXIF` |
//! | TIFF | the tag 274, which EXIF has taken from there |
//!
//! EXIF that is damaged says nothing: the picture itself may be whole.

use std::io::{BufReader, Cursor, Read, Seek};

use image::ImageFormat;
use image::metadata::Orientation;
use tiff::tags::Tag;

use super::chunks::Chunks;
use super::jpeg_head::exif_of_jpeg;
use super::picture::Picture;
use super::tiff_head::TiffHead;

/// What some writers put in front of EXIF outside of JPEG, where it belongs.
const JPEG_PREFIX: &[u8] = b"Exif\0\0";
/// The names of texts of a PNG that are EXIF.
const TEXTS: [&str; 2] = ["Raw profile type exif", "Raw profile type APP1"];
/// The most bytes of all texts of a PNG. Those of one that has more are not looked at.
const MAX_TEXTS: usize = 2 << 20;
/// The longest EXIF, as the segment of a JPEG limits it. PNG and WebP have no limit of their own.
const MAX_EXIF: u32 = 1 << 16;

/// How the picture is turned that is in a file of this format.
pub(super) fn orientation_of<R: Read + Seek>(
    format: ImageFormat,
    file: &mut BufReader<R>,
) -> Orientation {
    let said = match format {
        ImageFormat::Png => exif_in(Chunks::of_png(file), b"eXIf", Some(b"IEND"))
            .or_else(|| of_exif(&exif_in_text(file)?)),
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

/// The EXIF in a text of a PNG: a line with its kind, one with the number of its bytes, and lines
/// of these as hexadecimal digits.
fn exif_in_text<R: Read + Seek>(file: &mut BufReader<R>) -> Option<Vec<u8>> {
    if !has_exif_text(file, b"tEXt") && !has_exif_text(file, b"zTXt") {
        return None;
    }
    file.rewind().ok()?;
    let limits = png::Limits { bytes: MAX_TEXTS };
    let mut decoder = png::Decoder::new_with_limits(file, limits);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().ok()?;
    let (plain, packed) = (
        &reader.info().uncompressed_latin1_text,
        &reader.info().compressed_latin1_text,
    );
    let is_exif = |name: &str| TEXTS.contains(&name);
    let text = match plain.iter().find(|text| is_exif(&text.keyword)) {
        Some(plain) => plain.text.clone(),
        None => {
            let mut packed = packed.iter().find(|text| is_exif(&text.keyword))?.clone();
            packed.decompress_text_with_limit(MAX_TEXTS).ok()?;
            packed.get_text().ok()?
        }
    };
    let mut lines = text.trim_start().lines().skip(1);
    let bytes: usize = lines.next()?.trim().parse().ok()?;
    let digits = lines
        .flat_map(str::chars)
        .filter_map(|sign| sign.to_digit(16));
    let digits: Vec<u8> = digits
        .take(2 * bytes.min(MAX_EXIF as usize))
        .map(|digit| digit as u8)
        .collect();
    let pairs = digits.chunks_exact(2);
    Some(pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Whether there is such a text in a chunk of this kind.
fn has_exif_text<R: Read + Seek>(file: &mut BufReader<R>, kind: &[u8; 4]) -> bool {
    let mut has = || {
        file.rewind().ok()?;
        let mut chunks = Chunks::of_png(file);
        loop {
            chunks.find(kind, Some(b"IDAT"))?;
            for name in TEXTS {
                if chunks.begins_with(name.as_bytes())? {
                    return Some(());
                }
            }
        }
    };
    has().is_some()
}

fn of_tiff(file: &mut (impl Read + Seek)) -> Option<Orientation> {
    let value = TiffHead::read(file).ok()?.number(Tag::Orientation)?;
    Orientation::from_exif(value.try_into().ok()?)
}

fn of_exif(exif: &[u8]) -> Option<Orientation> {
    let exif = exif.strip_prefix(JPEG_PREFIX).unwrap_or(exif);
    // EXIF is a list of tags as a TIFF has them. Some writers store the number in 32 bits.
    Orientation::from_exif_chunk(exif).or_else(|| of_tiff(&mut Cursor::new(exif)))
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
