//! How the samples of a TIFF lie, and how much memory that takes.

use std::io::{Read, Seek, SeekFrom};

use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffFormatError, TiffResult};

use super::jpeg_head::size_of_jpeg;

/// PlanarConfiguration of channels that lie apart.
pub(super) const PLANES: u32 = 2;
/// Compression by JPEG, which has colours of its own.
pub(super) const JPEG: u32 = 7;
/// Pixels of a strip or tile that any picture may have, however small it is.
const TILE: u64 = 1024 * 1024;

/// How the samples of a picture lie.
pub(super) struct TiffLayout {
    /// Width and height.
    pub size: (u32, u32),
    /// Planes of channels.
    pub planes: usize,
    /// Bits of the samples of a pixel that lie side by side.
    pub bits: u64,
    /// Bytes of all samples once they are decoded.
    pub bytes: u64,
    /// Width and height of a strip or tile. It may be far larger than the picture.
    part: (u32, u32),
    /// Bytes of a row of a strip or tile.
    pub part_row_bytes: u64,
}

impl TiffLayout {
    /// That of the picture that the decoder stands at, which has this `size` if it is known: the
    /// decoder may be told another one.
    ///
    /// # Errors
    /// Those of the decoder.
    pub fn of<R: Read + Seek>(
        decoder: &mut Decoder<R>,
        size: Option<(u32, u32)>,
    ) -> TiffResult<Self> {
        let (layout, kind) = (decoder.image_buffer_layout()?, decoder.colortype()?);
        let (width, height) = size.map_or_else(|| decoder.dimensions(), Ok)?;
        let planes = layout.planes.max(1);
        let samples = if planes > 1 { 1 } else { kind.num_samples() };
        let bits = u64::from(samples) * u64::from(kind.bit_depth());
        let row = u64::from(width).saturating_mul(bits).div_ceil(8);
        let plane = row.saturating_mul(height.into());
        Ok(Self {
            size: (width, height),
            planes,
            bits,
            bytes: plane.saturating_mul(planes as u64),
            part: decoder.chunk_dimensions(),
            part_row_bytes: part_row_bytes(decoder, kind),
        })
    }

    /// Whether strips or tiles are larger than the picture and than what small pictures have.
    ///
    /// # Errors
    /// Parts of JPEG without a size, and those of reading.
    pub fn has_large_parts<R: Read + Seek>(&self, decoder: &mut Decoder<R>) -> TiffResult<bool> {
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let most = pixels(self.size).max(TILE);
        if u64::from(self.part.0) > most || self.part_row_bytes > self.bytes.max(16 * TILE) {
            return Ok(true);
        }
        if tag_or_one(decoder, Tag::Compression) != JPEG {
            return Ok(false);
        }
        // Each part says its own size, and the decoder takes memory for that.
        let places = match decoder.get_chunk_type() {
            ChunkType::Strip => Tag::StripOffsets,
            ChunkType::Tile => Tag::TileOffsets,
        };
        for place in decoder.get_tag_u64_vec(places)? {
            let file = decoder.inner();
            file.seek(SeekFrom::Start(place))?;
            let missing = TiffFormatError::InconsistentSizesEncountered;
            let size = size_of_jpeg(file).ok_or(TiffError::FormatError(missing))?;
            if pixels(size) > most {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn part_row_bytes<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> u64 {
    let samples = u64::from(decoder.chunk_dimensions().0)
        .saturating_mul(tag_or_one(decoder, Tag::SamplesPerPixel).into());
    samples.saturating_mul(kind.bit_depth().into()) / 8
}

/// The value of a tag whose default is 1.
pub(super) fn tag_or_one<R: Read + Seek>(decoder: &mut Decoder<R>, tag: Tag) -> u32 {
    decoder.find_tag_unsigned(tag).ok().flatten().unwrap_or(1)
}
