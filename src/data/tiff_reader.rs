//! TIFF files of any number of channels that are not only colours: multispectral images, depth
//! beside RGB, grey with opacity.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::depth::Depth;
use super::error::DataError;
use super::limits::{MAX_BYTES, MAX_SIDE};
use super::picture::Picture;

/// Bits of NewSubfileType (TIFF 6.0, section 8): a smaller version of another picture, and its
/// mask.
const NO_PAGE: u32 = 0b101;
/// SubfileType, its predecessor, of a smaller version.
const SMALLER: u32 = 2;

/// Reads a TIFF whose channels are grey, followed by channels of any meaning. `None` for a TIFF of
/// colours. The decoder keeps the colours and the opacity of these, and drops their other channels.
///
/// # Errors
/// [`DataError::Pages`] for a file of several pictures, whatever their channels, and those of
/// [`super::read_picture`].
pub(super) fn read_channels(path: &Path, bytes: &[u8]) -> Result<Option<Picture>, DataError> {
    let open = || Decoder::new(Cursor::new(bytes));
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
    let Ok(kind) = decoder.colortype() else {
        return Ok(None);
    };
    refuse_storage(path, &mut decoder, kind)?;
    match kind {
        ColorType::Multiband { num_samples, .. } => {
            read_multiband(path, decoder, num_samples).map(Some)
        }
        _ => Ok(None),
    }
}

/// Refuses samples that lie so that the decoder would return wrong ones, or take too much memory.
fn refuse_storage<R: Read + Seek>(
    path: &Path,
    decoder: &mut Decoder<R>,
    kind: ColorType,
) -> Result<(), DataError> {
    if mixes_samples(decoder, kind) {
        return Err(unusable(
            path,
            "channels beside its colours, stored with a predictor: save it without one".to_owned(),
        ));
    }
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

/// Reads a picture whose channels are no colours.
fn read_multiband<R: Read + Seek>(
    path: &Path,
    mut decoder: Decoder<R>,
    channels: u16,
) -> Result<Picture, DataError> {
    let explain = |error| tiff_error(path, error);
    let (width, height) = decoder.dimensions().map_err(explain)?;
    let layout = decoder.image_buffer_layout().map_err(explain)?;
    // If the planes are too large, the decoder would read only the first one.
    if width.max(height) > MAX_SIDE || layout.complete_len as u64 > MAX_BYTES {
        return Err(DataError::too_large(
            path,
            format!("{width}x{height} pixels of {channels} channels"),
        ));
    }
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    limits.intermediate_buffer_size = MAX_BYTES as usize;
    let mut samples = DecodingResult::U8(Vec::new());
    decoder
        .with_limits(limits)
        .read_image_to_buffer(&mut samples)
        .map_err(explain)?;
    let (depth, bytes) = match samples {
        DecodingResult::U8(bytes) => (Depth::Eight, bytes),
        DecodingResult::U16(words) => (Depth::Sixteen, bytemuck::cast_slice(&words).to_vec()),
        _ => {
            return Err(unusable(
                path,
                format!("{channels} channels of other than unsigned whole numbers of 8 or 16 bits"),
            ));
        }
    };
    let bytes = if layout.planes > 1 {
        interleave(&bytes, channels.into(), depth.bytes())
    } else {
        bytes
    };
    Picture::from_bytes(width, height, channels.into(), depth, bytes)
        .ok_or_else(|| unusable(path, format!("{channels} channels of less than 8 bits")))
}

/// Whether the decoder would return wrong samples. It drops the channels beside the colours first,
/// and only then undoes the predictor, with the number of channels in the file (tiff 0.11.3). In
/// planes the channels lie apart, so nothing can go wrong.
pub(super) fn mixes_samples<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> bool {
    tag_or_one(decoder, Tag::Predictor) != 1
        && tag_or_one(decoder, Tag::PlanarConfiguration) == 1
        && tag_or_one(decoder, Tag::SamplesPerPixel) > kind.num_samples().into()
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

/// `[channels, pixels]` to `[pixels, channels]`, of samples of so many bytes.
fn interleave(planes: &[u8], channels: usize, sample: usize) -> Vec<u8> {
    let plane = planes.len() / channels.max(1);
    let sample_of =
        |pixel: usize, channel: usize| &planes[channel * plane + pixel * sample..][..sample];
    (0..plane / sample)
        .flat_map(|pixel| (0..channels).flat_map(move |channel| sample_of(pixel, channel)))
        .copied()
        .collect()
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
