//! TIFF files that are not only colours of 8 or 16 bits: multispectral images, depth beside RGB,
//! grey with opacity, palettes, floats and wide whole numbers.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffUnsupportedError};

use super::error::DataError;
use super::limits::{MAX_BYTES, MAX_SIDE, tiff_limits};
use super::picture::{Extra, Picture};
use super::pixels::MOST_COLOURS;
use super::tiff_palette::{TiffPalette, said_to_be_grey};
use super::tiff_planes::read_planes_of_tiles;
use super::tiff_samples::unpacked;
use super::values::floats::floats;
use super::values::stored::{Stored, Wide};

/// PhotometricInterpretation of indices into a palette.
const PALETTE: u32 = 3;
/// PhotometricInterpretation of colours.
const RGB: u32 = 2;
/// PlanarConfiguration of channels that lie apart.
const PLANES: u32 = 2;
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
    let open =
        || Decoder::new(Cursor::new(bytes)).map(|decoder| decoder.with_limits(tiff_limits()));
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
        decoder.map(|decoder| decoder.with_limits(tiff_limits()))
    };
    if tag_or_one(&mut decoder, Tag::PhotometricInterpretation) == PALETTE {
        return read_indexed(path, changed(grey())?).map(|picture| Some(picture.into()));
    }
    let Ok(kind) = decoder.colortype() else {
        return Ok(None);
    };
    let beside = has_more_channels(&mut decoder, kind);
    let extra = extra_of(&mut decoder);
    match kind {
        _ if beside && tag_or_one(&mut decoder, Tag::Compression) == JPEG => {
            let reason = "channels beside colours, stored as JPEG".to_owned();
            Err(unusable(path, reason))
        }
        ColorType::RGB(bits) | ColorType::RGBA(bits) if beside || bits < 8 => {
            let mut decoder = changed(grey())?;
            let kind = decoder.colortype();
            let kind = kind.map_err(|error| tiff_error(path, error))?;
            read_channels(path, decoder, kind, extra).map(Some)
        }
        ColorType::Multiband { .. }
        | ColorType::RGB(_)
        | ColorType::RGBA(_)
        | ColorType::Gray(_) => read_channels(path, decoder, kind, extra).map(Some),
        ColorType::YCbCr(_) => Err(unusable(path, "its colours are stored as YCbCr".to_owned())),
        _ if beside => {
            let reason = format!("{kind:?} with channels beside its colours");
            Err(unusable(path, reason))
        }
        _ if tag_or_one(&mut decoder, Tag::PlanarConfiguration) == PLANES => {
            Err(unusable(path, format!("{kind:?} in planes")))
        }
        _ => refuse_storage(path, &mut decoder, kind).map(|()| None),
    }
}

/// What a file says of the channels behind its colours (TIFF 6.0, ExtraSamples). Three channels and
/// more are led by RGB, also where the file says grey: geographic tools write colours of 16 bits
/// so.
pub(super) fn extra_of<R: Read + Seek>(decoder: &mut Decoder<R>) -> Extra {
    const PREMULTIPLIED: u16 = 1;
    const OPACITY: [u16; 2] = [PREMULTIPLIED, 2];
    let channels = tag_or_one(decoder, Tag::SamplesPerPixel) as usize;
    let is_rgb = tag_or_one(decoder, Tag::PhotometricInterpretation) == RGB;
    let said = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples);
    // Writers of RGB and opacity leave the tag out, and readers know it.
    let unsaid = || {
        if is_rgb && channels == 4 {
            vec![2]
        } else {
            Vec::new()
        }
    };
    let said = said.ok().flatten().unwrap_or_else(unsaid);
    let first = channels.saturating_sub(said.len());
    // What the file says of a channel; nothing of those that are colours.
    let meaning = |channel: usize| said.get(channel.checked_sub(first)?).copied();
    let opacity = |channel| meaning(channel).filter(|meaning| OPACITY.contains(meaning));
    let colours = match channels {
        0..3 => 1,
        _ if opacity(1).is_some() => 1,
        _ => 3,
    };
    let opacity = opacity(colours);
    // More channels than that are no colours, unless the file says that they are.
    let counted = if is_rgb || channels <= MOST_COLOURS {
        channels
    } else {
        0
    };
    Extra {
        surplus: counted.saturating_sub(colours + usize::from(opacity.is_some())),
        is_premultiplied: opacity == Some(PREMULTIPLIED),
    }
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
    let bits = match kind {
        ColorType::Gray(bits @ 1..=16) => bits,
        ColorType::Gray(bits) => {
            return Err(unusable(
                path,
                format!("a palette with indices of {bits} bits"),
            ));
        }
        _ => {
            let reason = "a palette with other channels beside it".to_owned();
            return Err(unusable(path, reason));
        }
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
    let read = if layout.planes > 1 && decoder.get_chunk_type() == ChunkType::Tile {
        read_planes_of_tiles(decoder, kind.bit_depth(), &mut samples)
    } else {
        decoder.read_image_to_buffer(&mut samples).map(drop)
    };
    read.map(|()| samples).map_err(explain)
}

/// Reads all channels of a picture, whatever they mean. `extra` is what the file says of them.
fn read_channels<R: Read + Seek>(
    path: &Path,
    mut decoder: Decoder<R>,
    kind: ColorType,
    extra: Extra,
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
        extra,
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

/// What a compression is called that is not read here.
fn compression_name(method: u16) -> String {
    let name = match method {
        2 => "CCITT run lengths",
        3 => "CCITT group 3",
        6 => "JPEG of the old kind",
        34_712 => "JPEG 2000",
        34_887 => "LERC",
        34_925 => "LZMA",
        34_933 => "PNG",
        34_934 => "JPEG XR",
        50_000 => "Zstandard",
        50_001 => "WebP",
        50_002 | 52_546 => "JPEG XL",
        _ => return format!("method {method}"),
    };
    name.to_owned()
}

pub(super) fn tiff_error(path: &Path, error: TiffError) -> DataError {
    match error {
        TiffError::LimitsExceeded => DataError::too_large(path, error.to_string()),
        TiffError::UnsupportedError(TiffUnsupportedError::UnsupportedCompressionMethod(method)) => {
            let name = compression_name(method.to_u16());
            let reason = format!("it is compressed by {name}; LZW, Deflate and PackBits are read");
            unusable(path, reason)
        }
        TiffError::UnsupportedError(what) => unusable(path, what.to_string()),
        other => DataError::Damaged {
            path: path.to_owned(),
            reason: other.to_string(),
        },
    }
}
