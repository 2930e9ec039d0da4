//! TIFF pictures in tiles, and those whose channels lie apart, each in a plane of its own.

use std::io::{Read, Seek};

use tiff::decoder::{Decoder, DecodingResult};
use tiff::{TiffError, TiffFormatError, TiffResult};

use super::limits::SizeLimit;
use super::tiff_layout::TiffLayout;

/// Reads a picture tile by tile, plane behind plane. The decoder itself (`tiff` 0.11.3) cannot read
/// all pictures so: it panics at the last row of tiles of the second plane, and reads rows of tiles
/// apart, which its LZW takes for damage where little is left of a tile.
pub(super) fn read_tiles<R: Read + Seek>(
    decoder: &mut Decoder<R>,
    storage: &TiffLayout,
    limit: SizeLimit,
    samples: &mut DecodingResult,
) -> TiffResult<()> {
    const INCONSISTENT: TiffError =
        TiffError::FormatError(TiffFormatError::InconsistentSizesEncountered);
    let bits = storage.bits as usize;
    let row_bytes = |pixels: u32| (pixels as usize * bits).div_ceil(8).max(1);
    let (width, height) = storage.size;
    let plane = height as usize * row_bytes(width);
    let mut layout = decoder.image_buffer_layout()?;
    layout.complete_len = plane * storage.planes;
    samples.resize_to(&layout, &limit.of_tiff())?;
    let (tile_width, tile_height) = decoder.chunk_dimensions();
    let (across, down) = (width.div_ceil(tile_width), height.div_ceil(tile_height));
    // Tiles would begin inside of a byte.
    if !(tile_width as usize * bits).is_multiple_of(8) {
        return Err(INCONSISTENT);
    }
    let (mut whole, mut index) = (samples.as_buffer(0), 0);
    for start in (0..storage.planes).map(|number| number * plane) {
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column)))
        {
            let (tile_columns, _) = decoder.chunk_data_dimensions(index);
            let mut tile = decoder.read_chunk(index)?;
            index += 1;
            let tile = tile.as_buffer(0);
            let rows = tile.as_bytes().chunks_exact(row_bytes(tile_columns));
            let left = column as usize * row_bytes(tile_width);
            let length = row_bytes(tile_columns).min(row_bytes(width) - left);
            for (bytes, y) in rows.zip(row * tile_height..height) {
                let at = start + y as usize * row_bytes(width) + left;
                let place = whole.as_bytes_mut().get_mut(at..at + length);
                place.ok_or(INCONSISTENT)?.copy_from_slice(&bytes[..length]);
            }
        }
    }
    Ok(())
}

/// `[channels, pixels]` to `[pixels, channels]`, of samples of so many bytes.
pub(super) fn interleave(planes: &[u8], channels: usize, sample: usize) -> Vec<u8> {
    let plane = planes.len() / channels.max(1);
    let sample_of =
        |pixel: usize, channel: usize| &planes[channel * plane + pixel * sample..][..sample];
    // What is collected takes up to three times as much memory.
    let mut pixels = Vec::with_capacity(planes.len());
    for pixel in 0..plane / sample {
        (0..channels).for_each(|channel| pixels.extend_from_slice(sample_of(pixel, channel)));
    }
    pixels
}
