//! The colour behind pictures that let something through.

use super::colour::{Colour, hex, parse_colour};
use super::picture::Picture;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// A colour that pictures with opacity are laid on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Background(Colour);

const NAMES: [(&str, Background); 2] = [("white", Background::WHITE), ("black", Background::BLACK)];

impl Background {
    /// White.
    pub const WHITE: Self = Self([u16::MAX; 3]);
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
}

impl FromStr for Background {
    type Err = String;

    /// A name, or a colour as a palette has it. A shell takes `#` for the start of a comment, so it
    /// may be missing.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = NAMES.iter().find(|(name, _)| *name == text);
        let written = || parse_colour(text.strip_prefix('#').unwrap_or(text)).map(Self);
        named
            .map(|(_, colour)| *colour)
            .or_else(written)
            .ok_or_else(|| "a background is white, black or a colour as rrggbb".to_owned())
    }
}

impl TryFrom<String> for Background {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, colour)| colour == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "#{}", hex(self.0)),
        }
    }
}

impl Picture {
    /// The picture on a colour, as RGB. One without opacity stays as it is.
    pub fn on(self, Background(behind): Background) -> Self {
        if !self.has_opacity() {
            return self;
        }
        let opaque = u64::from(self.depth().max());
        // Samples of the colour have 16 bits.
        let behind = behind.map(|sample| u64::from(sample) * opaque / u64::from(u16::MAX));
        self.to_rgba().map(3, |pixel, rgb| {
            let opacity = u64::from(pixel[3]);
            let mixed = |(&sample, behind): (&u16, u64)| {
                let sum = u64::from(sample) * opacity + behind * (opaque - opacity);
                ((sum + opaque / 2) / opaque) as u16
            };
            rgb.extend(pixel.iter().zip(behind).map(mixed));
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::Depth;
    use crate::data::picture::Extra;

    fn picture(channels: usize, depth: Depth, samples: &[u16]) -> Picture {
        let bytes = match depth {
            Depth::Eight => samples.iter().map(|&sample| sample as u8).collect(),
            Depth::Sixteen => samples.iter().flat_map(|s| s.to_ne_bytes()).collect(),
        };
        let width = (samples.len() / channels) as u32;
        Picture::from_bytes(width, 1, channels, depth, bytes).unwrap()
    }

    fn on(picture: Picture, colour: &str) -> (usize, Vec<u16>) {
        let laid = picture.on(colour.parse().unwrap());
        (laid.channels(), laid.samples().collect())
    }

    #[test]
    fn a_picture_is_mixed_with_what_lies_behind_it() {
        use Depth::{Eight, Sixteen};
        let rgba = [10, 20, 30, 0, 10, 20, 30, 255, 100, 0, 255, 51];
        let rgba = || picture(4, Eight, &rgba);
        let white = vec![255, 255, 255, 10, 20, 30, 224, 204, 255];
        assert_eq!(on(rgba(), "white"), (3, white));
        let black = vec![0, 0, 0, 10, 20, 30, 20, 0, 51];
        assert_eq!(on(rgba(), "black"), (3, black));
        let own = vec![1, 2, 3, 10, 20, 30, 21, 2, 53];
        assert_eq!(on(rgba(), "#010203"), (3, own));
        let grey = picture(2, Sixteen, &[1000, 0, 1000, 65_535]);
        let mixed = vec![65_535, 65_535, 65_535, 1000, 1000, 1000];
        assert_eq!(on(grey, "ffffff"), (3, mixed));
        // Without opacity nothing lies behind it.
        for (channels, samples) in [(1, vec![7]), (3, vec![7, 8, 9])] {
            let found = on(picture(channels, Eight, &samples), "white");
            assert_eq!(found, (channels, samples));
        }
        let extra = Extra {
            surplus: 1,
            ..Extra::default()
        };
        let no_opacity = picture(2, Eight, &[7, 8]).with_extra(extra);
        assert_eq!(on(no_opacity, "white"), (2, vec![7, 8]));
    }

    /// Colours that are multiplied by their opacity already are not multiplied once more.
    #[test]
    fn premultiplied_colours_are_laid_as_straight_ones() {
        let extra = Extra {
            is_premultiplied: true,
            ..Extra::default()
        };
        let half = picture(4, Depth::Eight, &[51, 0, 51, 51, 0, 0, 0, 0]).with_extra(extra);
        let expected = vec![255, 204, 255, 255, 255, 255];
        assert_eq!(on(half, "white"), (3, expected));
    }

    #[test]
    fn a_colour_is_a_name_or_hexadecimal() {
        for (text, said) in [
            ("white", "white"),
            ("black", "black"),
            ("#FFffFF", "white"),
            ("000000", "black"),
            ("#1a2b3c", "#1a2b3c"),
            ("00010002ffff", "#00010002ffff"),
        ] {
            assert_eq!(text.parse::<Background>().unwrap().to_string(), said);
        }
        for text in ["", "red", "#fff", "#12345g", "White "] {
            let error = text.parse::<Background>().unwrap_err();
            assert!(error.contains("white, black or a colour"), "{text}");
        }
    }
}
