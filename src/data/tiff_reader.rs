//! TIFF files that are not only colours of 8 or 16 bits: multispectral images, depth beside RGB,
//! grey with opacity, palettes, floats and wide whole numbers.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffUnsupportedError};

use super::error::{AS_RGB, AS_TIFF, DataError};
use super::limits::SizeLimit;
use super::patched::Patched;
use super::picture::{Extra, Picture};
use super::pixels::MOST_COLOURS;
use super::tiff_head::{TiffHead, has_pages, open_picture};
use super::tiff_layout::{JPEG, PLANES, TiffLayout, tag_or_one};
use super::tiff_palette::TiffPalette;
use super::tiff_planes::read_tiles;
use super::tiff_samples::{of_whole_bytes, unpacked};
use super::values::floats::floats;
use super::values::stored::{Stored, Wide};

/// PhotometricInterpretation of indices into a palette.
const PALETTE: u32 = 3;
/// How to save samples whose type, bits or predictor are not read.
const OF_WHOLE_BYTES: &str = "write it again in samples of 8, 16 or 32 bits, with Deflate or no \
     compression, which keeps floats and a place on Earth (gdal_translate -co COMPRESS=DEFLATE)";
/// The same for those of 9 to 15 bits.
const OF_16_BITS: &str = "write it again in samples of 16 bits (gdal_translate -co NBITS=16 -co \
                          COMPRESS=DEFLATE), which keeps the numbers and a place on Earth";
/// The same for those of 17 to 31 bits.
const OF_32_BITS: &str = "write it again in samples of 32 bits (gdal_translate -co NBITS=32 -co \
                          COMPRESS=DEFLATE), which keeps the numbers and a place on Earth";
/// SampleFormat of complex whole numbers and of complex floats.
const COMPLEX: [u16; 2] = [5, 6];
/// What to save of those.
const OF_COMPLEX: &str = "save what is wanted of its complex numbers, such as their magnitude, as \
                          floats with Deflate or no compression, which keeps a place on Earth";
/// PhotometricInterpretation of colours.
const RGB: u32 = 2;

/// The decoder of a file in memory.
type BytesDecoder<'a> = Decoder<Patched<Cursor<&'a [u8]>>>;

/// A file that is read as a whole.
struct TiffFile<'a> {
    path: &'a Path,
    limit: SizeLimit,
    /// Width and height of its picture, as far as they are known.
    size: Option<(u32, u32)>,
}

/// Reads a TIFF. `None` for what the `image` crate reads: colours of 8 or 16 bits with nothing but
/// opacity beside them, and colours that have to be computed, such as CMYK.
///
/// # Errors
/// [`DataError::Pages`] for a file of several pictures, whatever their channels, and those of
/// [`super::read_picture`].
pub(super) fn read_tiff(
    path: &Path,
    bytes: &[u8],
    limit: SizeLimit,
) -> Result<Option<Stored>, DataError> {
    let explain = |error| tiff_error(path, error, limit);
    let head = TiffHead::read(&mut Cursor::new(bytes)).map_err(|error| explain(error.into()))?;
    let size = head.size();
    let file = TiffFile { path, limit, size };
    let mut decoder = file.open(bytes, false)?;
    if has_pages(&mut Cursor::new(bytes), &head) {
        return Err(DataError::Pages {
            path: path.to_owned(),
        });
    }
    // The decoder reads no palettes, and drops channels beside RGB.
    if tag_or_one(&mut decoder, Tag::PhotometricInterpretation) == PALETTE {
        let decoder = file.open(bytes, true)?;
        return file
            .read_indexed(decoder)
            .map(|picture| Some(picture.into()));
    }
    let Ok(kind) = decoder.colortype() else {
        return Ok(None);
    };
    let beside = has_more_channels(&mut decoder, kind);
    let extra = extra_of(&mut decoder);
    match kind {
        _ if beside && tag_or_one(&mut decoder, Tag::Compression) == JPEG => {
            Err(file.unusable("channels beside colours, stored as JPEG", AS_TIFF))
        }
        ColorType::RGB(bits) | ColorType::RGBA(bits) if beside || bits < 8 => {
            let mut decoder = file.open(bytes, true)?;
            let kind = decoder.colortype().map_err(|error| file.explain(error))?;
            file.read_channels(decoder, kind, extra)
                .map(|wide| Some(Stored::Wide(wide)))
        }
        // The decoder would turn the numbers round, and a value range is about those of the file.
        ColorType::Gray(_) if head.is_white_zero() => {
            let decoder = file.open(bytes, true)?;
            let wide = file.read_channels(decoder, kind, extra)?;
            Ok(Some(Stored::Wide(wide.with_white_zero())))
        }
        ColorType::Multiband { .. }
        | ColorType::RGB(_)
        | ColorType::RGBA(_)
        | ColorType::Gray(_) => file
            .read_channels(decoder, kind, extra)
            .map(|wide| Some(Stored::Wide(wide))),
        ColorType::YCbCr(_) => Err(file.unusable("its colours are stored as YCbCr", AS_RGB)),
        _ if beside => {
            Err(file.unusable(format!("{kind:?} with channels beside its colours"), AS_RGB))
        }
        _ if tag_or_one(&mut decoder, Tag::PlanarConfiguration) == PLANES => {
            Err(file.unusable(format!("{kind:?} in planes"), AS_RGB))
        }
        _ => file.check_storage(&mut decoder).map(|_| None),
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

impl TiffFile<'_> {
    fn open<'a>(&self, bytes: &'a [u8], is_grey: bool) -> Result<BytesDecoder<'a>, DataError> {
        let opened = open_picture(Cursor::new(bytes), is_grey);
        let (_, decoder) = opened.map_err(|error| self.explain(error))?;
        Ok(decoder.with_limits(self.limit.of_tiff()))
    }

    /// How the samples lie, unless they would take too much memory.
    fn check_storage<R: Read + Seek>(
        &self,
        decoder: &mut Decoder<R>,
    ) -> Result<TiffLayout, DataError> {
        let storage = TiffLayout::of(decoder, self.size).map_err(|error| self.explain(error))?;
        self.limit.check(self.path, storage.size, storage.bytes)?;
        let has_large_parts = storage.has_large_parts(decoder);
        match has_large_parts.map_err(|error| self.explain(error))? {
            true => Err(self.unusable(
                "its strips or tiles are far larger than its picture",
                AS_TIFF,
            )),
            false => Ok(storage),
        }
    }

    /// Reads a picture of indices, as the colours that its palette gives them.
    fn read_indexed<R: Read + Seek>(&self, mut decoder: Decoder<R>) -> Result<Picture, DataError> {
        let damaged = |reason: &str| DataError::Damaged {
            path: self.path.to_owned(),
            reason: reason.to_owned(),
        };
        let kind = decoder.colortype().map_err(|error| self.explain(error))?;
        let bits = match kind {
            ColorType::Gray(bits @ 1..=16) => bits,
            ColorType::Gray(bits) => {
                let reason = format!("a palette with indices of {bits} bits");
                return Err(self.unusable(reason, AS_RGB));
            }
            _ => {
                let reason = "a palette with other channels beside it";
                return Err(self.unusable(reason, AS_RGB));
            }
        };
        let palette = TiffPalette::read(&mut decoder, bits)
            .ok_or_else(|| damaged("its palette is missing or has another length"))?;
        let ((width, height), samples) = self.read_samples(&mut decoder)?;
        let bytes = match samples {
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

    /// Width, height, and all samples as they lie in the file, plane behind plane if it has planes.
    fn read_samples<R: Read + Seek>(
        &self,
        decoder: &mut Decoder<R>,
    ) -> Result<((u32, u32), DecodingResult), DataError> {
        let storage = self.check_storage(decoder)?;
        let mut samples = DecodingResult::U8(Vec::new());
        let read = match decoder.get_chunk_type() {
            ChunkType::Tile => read_tiles(decoder, &storage, self.limit, &mut samples),
            ChunkType::Strip => decoder.read_image_to_buffer(&mut samples).map(drop),
        };
        read.map(|()| (storage.size, samples))
            .map_err(|error| self.explain(error))
    }

    /// Reads all channels of a picture, whatever they mean. `extra` is what the file says of them.
    fn read_channels<R: Read + Seek>(
        &self,
        mut decoder: Decoder<R>,
        kind: ColorType,
        extra: Extra,
    ) -> Result<Wide, DataError> {
        let (channels, bits) = (usize::from(kind.num_samples()), kind.bit_depth());
        let ((width, height), mut numbers) = self.read_samples(&mut decoder)?;
        let layout = decoder.image_buffer_layout();
        let is_planar = layout.map_err(|error| self.explain(error))?.planes > 1;
        if (1..8).contains(&bits) {
            let row = width as usize * if is_planar { 1 } else { channels };
            numbers = of_whole_bytes(numbers, row, bits);
        }
        let expected = (width as usize * height as usize).checked_mul(channels);
        if expected != Some(floats(&numbers).size_hint().0) {
            let reason = format!("{channels} channels of {bits} bits");
            return Err(self.unusable(reason, OF_WHOLE_BYTES));
        }
        Ok(Wide {
            width,
            height,
            channels,
            extra,
            is_planar,
            is_white_zero: false,
            numbers,
        })
    }

    fn unusable(&self, reason: impl Into<String>, remedy: &'static str) -> DataError {
        unusable(self.path, reason.into(), remedy)
    }

    fn explain(&self, error: TiffError) -> DataError {
        tiff_error(self.path, error, self.limit)
    }
}

/// Whether there are channels beside those that the decoder returns.
pub(super) fn has_more_channels<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> bool {
    tag_or_one(decoder, Tag::SamplesPerPixel) > kind.num_samples().into()
}

fn unusable(path: &Path, reason: String, remedy: &'static str) -> DataError {
    DataError::NotAnImage {
        path: path.to_owned(),
        reason,
        remedy,
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

/// How to save what the decoder does not read. GDAL keeps the bits of samples, unless it is told.
fn remedy_for(what: &TiffUnsupportedError) -> &'static str {
    match what {
        TiffUnsupportedError::UnsupportedColorType(kind) => match kind.bit_depth() {
            9..=15 => OF_16_BITS,
            17..=31 => OF_32_BITS,
            _ => OF_WHOLE_BYTES,
        },
        TiffUnsupportedError::UnsupportedSampleFormat(formats)
            if formats
                .iter()
                .any(|format| COMPLEX.contains(&format.to_u16())) =>
        {
            OF_COMPLEX
        }
        _ => OF_WHOLE_BYTES,
    }
}

pub(super) fn tiff_error(path: &Path, error: TiffError, limit: SizeLimit) -> DataError {
    match error {
        TiffError::LimitsExceeded => limit.too_large(path, error.to_string(), None),
        TiffError::UnsupportedError(TiffUnsupportedError::UnsupportedCompressionMethod(method)) => {
            let name = compression_name(method.to_u16());
            let reason = format!("it is compressed by {name}; LZW, Deflate and PackBits are read");
            unusable(path, reason, AS_TIFF)
        }
        TiffError::UnsupportedError(what) => {
            let remedy = remedy_for(&what);
            unusable(path, what.to_string(), remedy)
        }
        other => DataError::Damaged {
            path: path.to_owned(),
            reason: other.to_string(),
        },
    }
}
