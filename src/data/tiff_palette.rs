//! What the TIFF decoder does not read by itself: palettes, and channels beside colours. It reads
//! both as channels of any meaning if the file says that they are grey. So the tag that says what
//! they are is changed, in memory.

use std::io::{Read, Seek};

use tiff::decoder::Decoder;
use tiff::tags::{PhotometricInterpretation, Tag};

use super::depth::Depth;

/// The bytes of a file whose first picture is said to be grey. `None` where they are no TIFF, or
/// the tag is not there.
pub(super) fn said_to_be_grey(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_little = bytes.starts_with(b"II");
    // The place of a number in the bytes, and how many bytes it has.
    let number = |at: usize, length: usize| -> Option<usize> {
        let digits = bytes.get(at..at.checked_add(length)?)?.iter();
        let append = |value: u64, digit: &u8| value << 8 | u64::from(*digit);
        let value = if is_little {
            digits.rev().fold(0, append)
        } else {
            digits.fold(0, append)
        };
        usize::try_from(value).ok()
    };
    // TIFF 6.0, section 2; BigTIFF has the same parts, of other lengths.
    let is_big = number(2, 2)? == 43;
    let (start, count, entry, value) = match is_big {
        false => (number(4, 4)?, 2, 12, 8),
        true => (number(8, 8)?, 8, 20, 12),
    };
    let entries = number(start, count)?;
    let first = start.checked_add(count)?;
    let at = (0..entries)
        .map_while(|index| first.checked_add(index.checked_mul(entry)?))
        .take_while(|&at| at < bytes.len())
        .find(|&at| number(at, 2) == Some(Tag::PhotometricInterpretation.to_u16().into()))?;
    let grey = PhotometricInterpretation::BlackIsZero.to_u16();
    let grey = if is_little {
        grey.to_le_bytes()
    } else {
        grey.to_be_bytes()
    };
    let mut changed = bytes.to_vec();
    let place = at.checked_add(value)?;
    changed
        .get_mut(place..place.checked_add(2)?)?
        .copy_from_slice(&grey);
    Some(changed)
}

/// The colours of a palette, in samples of this depth.
pub(super) struct TiffPalette {
    pub depth: Depth,
    colours: Vec<[u16; 3]>,
}

impl TiffPalette {
    /// The palette of the picture that the decoder stands at, for indices of so many bits; `None`
    /// if there is none, or one of another length.
    pub fn read<R: Read + Seek>(decoder: &mut Decoder<R>, bits: u8) -> Option<Self> {
        let values = decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap).ok()??;
        let count = 1usize.checked_shl(bits.into())?;
        if values.len() != 3 * count {
            return None;
        }
        // Writers scale 8 bits to 16 by 257, or by 256, or not at all.
        let all = |fits: fn(u16) -> bool| values.iter().all(|&value| fits(value));
        let (depth, divisor) = match () {
            () if all(|value| value < 256) => (Depth::Eight, 1),
            () if all(|value| value % 257 == 0) || all(|value| value % 256 == 0) => {
                (Depth::Eight, 256)
            }
            () => (Depth::Sixteen, 1),
        };
        let colour = |index: usize| [0, 1, 2].map(|part| values[part * count + index] / divisor);
        Some(Self {
            depth,
            colours: (0..count).map(colour).collect(),
        })
    }

    /// The bytes of the colours with these indices.
    pub fn colour(&self, indices: impl Iterator<Item = u16>) -> Vec<u8> {
        let colour = |index: u16| self.colours.get(usize::from(index)).copied();
        let samples = indices.flat_map(|index| colour(index).unwrap_or_default());
        match self.depth {
            Depth::Eight => samples.map(|sample| sample as u8).collect(),
            Depth::Sixteen => samples.flat_map(u16::to_ne_bytes).collect(),
        }
    }
}
