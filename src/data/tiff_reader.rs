//! TIFF files that are not only colours of 8 or 16 bits: multispectral images, depth beside RGB,
//! grey with opacity, palettes, floats and wide whole numbers.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{SampleFormat, Tag};
use tiff::{ColorType, TiffError};

use super::error::DataError;
use super::limits::{MAX_BYTES, MAX_SIDE};
use super::picture::Picture;
use super::tiff_palette::{TiffPalette, said_to_be_grey};
use super::tiff_samples::unpacked;
use super::values::floats::floats;
use super::values::stored::{Stored, Wide};

/// PhotometricInterpretation of indices into a palette.
const PALETTE: u32 = 3;
/// Compression by JPEG, which has colours of its own.
const JPEG: u32 = 7;
/// Bits of NewSubfileType (TIFF 6.0, section 8): a smaller version of another picture, and its
/// mask.
const NO_PAGE: u32 = 0b101;
/// SubfileType, its predecessor, of a smaller version.
const SMALLER: u32 = 2;

/// Reads a TIFF. `None` for what the `image` crate reads: colours of 8 or 16 bits with nothing but
/// opacity beside them, and colours that have to be computed, such as CMYK.
///
/// # Errors
/// [`DataError::Pages`] for a file of several pictures, whatever their channels, and those of
/// [`super::read_picture`].
pub(super) fn read_tiff(path: &Path, bytes: &[u8]) -> Result<Option<Stored>, DataError> {
    let open = || Decoder::new(Cursor::new(bytes)).map(|decoder| decoder.with_limits(limits()));
    // What cannot be read here cannot be read by the reader of colours either, and its error says
    // why.
    let Ok(mut decoder) = open() else {
        return Ok(None);
    };
    if open().is_ok_and(has_pages) {
        return Err(DataError::Pages {
            path: path.to_owned(),
        });
    }
    let grey = || said_to_be_grey(bytes).unwrap_or_default();
    let changed = |bytes| {
        let decoder = Decoder::new(Cursor::new(bytes)).map_err(|error| tiff_error(path, error));
        decoder.map(|decoder| decoder.with_limits(limits()))
    };
    if tag_or_one(&mut decoder, Tag::PhotometricInterpretation) == PALETTE {
        return read_indexed(path, changed(grey())?).map(|picture| Some(picture.into()));
    }
    let Ok(kind) = decoder.colortype() else {
        return Ok(None);
    };
    let beside = tag_or_one(&mut decoder, Tag::SamplesPerPixel)
        .saturating_sub(kind.num_samples().into()) as usize;
    let is_jpeg = tag_or_one(&mut decoder, Tag::Compression) == JPEG;
    match kind {
        ColorType::Multiband { .. } => read_channels(path, decoder, kind, 0).map(Some),
        ColorType::RGB(_) | ColorType::RGBA(_) if beside > 0 && !is_jpeg => {
            let mut decoder = changed(grey())?;
            let kind = decoder
                .colortype()
                .map_err(|error| tiff_error(path, error))?;
            read_channels(path, decoder, kind, beside).map(Some)
        }
        ColorType::RGB(_) | ColorType::RGBA(_) | ColorType::Gray(_) if beside == 0 => {
            let layout = decoder.image_buffer_layout();
            match layout.map(|layout| layout.sample_format) {
                Ok(SampleFormat::Uint) if matches!(kind.bit_depth(), 8 | 16) => Ok(None),
                _ => read_channels(path, decoder, kind, 0).map(Some),
            }
        }
        _ => refuse_storage(path, &mut decoder, kind).map(|()| None),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    limits.intermediate_buffer_size = MAX_BYTES as usize;
    limits
}

/// Refuses samples that lie so that they would take too much memory.
fn refuse_storage<R: Read + Seek>(
    path: &Path,
    decoder: &mut Decoder<R>,
    kind: ColorType,
) -> Result<(), DataError> {
    if chunk_row_bytes(decoder, kind) > MAX_BYTES {
        return Err(DataError::too_large(
            path,
            format!(
                "strips or tiles of {} pixels a row",
                decoder.chunk_dimensions().0
            ),
        ));
    }
    Ok(())
}

/// Reads a picture of indices, as the colours that its palette gives them.
fn read_indexed<R: Read + Seek>(
    path: &Path,
    mut decoder: Decoder<R>,
) -> Result<Picture, DataError> {
    let damaged = |reason: &str| DataError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let kind = decoder
        .colortype()
        .map_err(|error| tiff_error(path, error))?;
    let ColorType::Gray(bits @ 1..=16) = kind else {
        let reason = "a palette with other channels beside it".to_owned();
        return Err(unusable(path, reason));
    };
    let palette = TiffPalette::read(&mut decoder, bits)
        .ok_or_else(|| damaged("its palette is missing or has another length"))?;
    let (width, height) = decoder
        .dimensions()
        .map_err(|error| tiff_error(path, error))?;
    let bytes = match read_samples(path, &mut decoder, kind)? {
        DecodingResult::U8(bytes) if bits < 8 => {
            let indices = unpacked(&bytes, width as usize, bits);
            palette.colour(indices.into_iter().map(u16::from))
        }
        DecodingResult::U8(bytes) => palette.colour(bytes.into_iter().map(u16::from)),
        DecodingResult::U16(words) => palette.colour(words.into_iter()),
        _ => return Err(damaged("its indices are no whole numbers")),
    };
    Picture::from_bytes(width, height, 3, palette.depth, bytes)
        .ok_or_else(|| damaged("its rows are too short"))
}

/// All samples as they lie in the file, plane behind plane if it has planes.
fn read_samples<R: Read + Seek>(
    path: &Path,
    decoder: &mut Decoder<R>,
    kind: ColorType,
) -> Result<DecodingResult, DataError> {
    refuse_storage(path, decoder, kind)?;
    let explain = |error| tiff_error(path, error);
    let (width, height) = decoder.dimensions().map_err(explain)?;
    let layout = decoder.image_buffer_layout().map_err(explain)?;
    // If the planes are too large, the decoder would read only the first one.
    if width.max(height) > MAX_SIDE || layout.complete_len as u64 > MAX_BYTES {
        let channels = kind.num_samples();
        return Err(DataError::too_large(
            path,
            format!("{width}x{height} pixels of {channels} channels"),
        ));
    }
    let mut samples = DecodingResult::U8(Vec::new());
    decoder
        .read_image_to_buffer(&mut samples)
        .map_err(explain)?;
    Ok(samples)
}

/// Reads all channels of a picture, whatever they mean. Behind colours and opacity are `surplus`
/// ones.
fn read_channels<R: Read + Seek>(
    path: &Path,
    mut decoder: Decoder<R>,
    kind: ColorType,
    surplus: usize,
) -> Result<Stored, DataError> {
    let explain = |error| tiff_error(path, error);
    let (channels, bits) = (usize::from(kind.num_samples()), kind.bit_depth());
    let mut numbers = read_samples(path, &mut decoder, kind)?;
    let (width, height) = decoder.dimensions().map_err(explain)?;
    let is_planar = decoder.image_buffer_layout().map_err(explain)?.planes > 1;
    if let (DecodingResult::U8(bytes), 1..8) = (&mut numbers, bits) {
        let row = width as usize * if is_planar { 1 } else { channels };
        let white = (1u16 << bits) - 1;
        let scaled = |sample: u8| (u16::from(sample) * 255 / white) as u8;
        *bytes = unpacked(bytes, row, bits).into_iter().map(scaled).collect();
    }
    let expected = (width as usize * height as usize).checked_mul(channels);
    if expected != Some(floats(&numbers).size_hint().0) {
        return Err(unusable(
            path,
            format!("{channels} channels of {bits} bits"),
        ));
    }
    Ok(Stored::Wide(Wide {
        width,
        height,
        channels,
        surplus,
        is_planar,
        numbers,
    }))
}

/// The number that a geographic TIFF calls no data (the tag GDAL_NODATA). It is written as text.
pub(super) fn marked_nodata<R: Read + Seek>(decoder: &mut Decoder<R>) -> Option<f64> {
    let text = decoder.get_tag_ascii_string(Tag::GdalNodata).ok()?;
    text.trim_matches(['\0', ' ', '\n']).parse().ok()
}

/// The same, of a file's bytes. `None` for what is no TIFF.
pub(super) fn marked_nodata_of(bytes: &[u8]) -> Option<f64> {
    marked_nodata(&mut Decoder::new(Cursor::new(bytes)).ok()?)
}

/// Whether there are channels beside those that the decoder returns.
pub(super) fn has_more_channels<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> bool {
    tag_or_one(decoder, Tag::SamplesPerPixel) > kind.num_samples().into()
}

/// Bytes of a row of a strip or tile. A tile can be far wider than the picture.
pub(super) fn chunk_row_bytes<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> u64 {
    let samples = u64::from(decoder.chunk_dimensions().0)
        .saturating_mul(tag_or_one(decoder, Tag::SamplesPerPixel).into());
    samples.saturating_mul(kind.bit_depth().into()) / 8
}

/// The value of a tag whose default is 1.
fn tag_or_one<R: Read + Seek>(decoder: &mut Decoder<R>, tag: Tag) -> u32 {
    decoder.find_tag_unsigned(tag).ok().flatten().unwrap_or(1)
}

/// Whether there is more than one picture. The first one always counts, because it is the one that
/// would be read; others do not count if they are smaller versions.
pub(super) fn has_pages<R: Read + Seek>(mut decoder: Decoder<R>) -> bool {
    while decoder.more_images() && decoder.next_image().is_ok() {
        let mut kind = |tag| {
            decoder
                .find_tag_unsigned::<u32>(tag)
                .ok()
                .flatten()
                .unwrap_or(0)
        };
        if kind(Tag::NewSubfileType) & NO_PAGE == 0 && kind(Tag::SubfileType) != SMALLER {
            return true;
        }
    }
    false
}

fn unusable(path: &Path, reason: String) -> DataError {
    DataError::NotAnImage {
        path: path.to_owned(),
        reason,
    }
}

pub(super) fn tiff_error(path: &Path, error: TiffError) -> DataError {
    match error {
        TiffError::LimitsExceeded => DataError::too_large(path, error.to_string()),
        TiffError::UnsupportedError(what) => unusable(path, what.to_string()),
        other => DataError::Damaged {
            path: path.to_owned(),
            reason: other.to_string(),
        },
    }
}
