//! The palettes of TIFF files, which the decoder does not read by itself.

use std::io::{Read, Seek};

use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::depth::Depth;

/// The colours of a palette, in samples of this depth.
pub(super) struct TiffPalette {
    pub depth: Depth,
    colours: Vec<[u16; 3]>,
}

impl TiffPalette {
    /// The palette of the picture that the decoder stands at, for indices of so many bits; `None`
    /// if there is none, or one of another length.
    pub fn read<R: Read + Seek>(decoder: &mut Decoder<R>, bits: u8) -> Option<Self> {
        let count = 1usize.checked_shl(bits.into())?;
        let said = decoder.image_ifd().find_entry(Tag::ColorMap)?.count();
        if said != 3 * count as u64 {
            return None;
        }
        let values = decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap).ok()??;
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
