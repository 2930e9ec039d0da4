//! How the samples of a picture are stored: their depth, and the layout of its rows.

/// Bits of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Depth {
    /// 0..255
    #[default]
    #[cfg_attr(feature = "cli", value(name = "8"))]
    Eight,
    /// 0..65535
    #[cfg_attr(feature = "cli", value(name = "16"))]
    Sixteen,
}

impl Depth {
    /// Bytes of a sample.
    pub fn bytes(self) -> usize {
        match self {
            Depth::Eight => 1,
            Depth::Sixteen => 2,
        }
    }

    /// The largest sample: white.
    pub fn max(self) -> u16 {
        match self {
            Depth::Eight => u16::from(u8::MAX),
            Depth::Sixteen => u16::MAX,
        }
    }

    /// A sample to -1..1, in the reference's order of operations (`ToTensor`, then
    /// `Normalize(0.5, 0.5)`), so that every bit agrees.
    pub fn to_unit(self, sample: u16) -> f32 {
        (f32::from(sample) / f32::from(self.max()) - 0.5) / 0.5
    }

    /// A value in -1..1 to a sample. Values outside are clamped, and NaN becomes 0. For 8 bits the
    /// result is truncated, as in the reference. For 16 bits, which the reference does not have, it
    /// is rounded, so a sample that is made a float and back is the same.
    pub fn to_sample(self, value: f32) -> u16 {
        let scaled = (value + 1.0) / 2.0 * f32::from(self.max());
        // `as` saturates, truncates and maps NaN to 0.
        match self {
            Depth::Eight => u16::from(scaled as u8),
            Depth::Sixteen => scaled.round() as u16,
        }
    }
}

/// Everything about a picture but its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLayout {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Samples of a pixel.
    pub channels: usize,
    /// Bits of a sample.
    pub depth: Depth,
}

impl PictureLayout {
    /// Bytes of a row of pixels.
    pub fn row_bytes(self) -> usize {
        self.width as usize * self.channels * self.depth.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_of_16_bits_survives_as_a_float_and_8_bits_are_truncated() {
        assert!(
            (0..=u16::MAX)
                .all(|sample| Depth::Sixteen.to_sample(Depth::Sixteen.to_unit(sample)) == sample)
        );
        for (value, byte, word) in [
            (-1.0, 0, 0),
            (0.0, 127, 32_768),
            (1.0, 255, 65_535),
            (7.0, 255, 65_535),
            (f32::NAN, 0, 0),
        ] {
            assert_eq!(
                (
                    Depth::Eight.to_sample(value),
                    Depth::Sixteen.to_sample(value)
                ),
                (byte, word),
                "{value}"
            );
        }
    }
}
