//! What the channels of an image mean: the way from a picture to the numbers that a network sees, and back.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::lab::{lab_of_srgb, srgb_of_lab};
use super::palette::Palette;
use super::picture::{Depth, Picture};
use super::resize::resize;

/// What the channels of one side of a pair mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pixels {
    /// Brightness, as Pillow's `convert("L")`.
    Gray,
    /// Red, green and blue.
    #[default]
    Rgb,
    /// Red, green, blue and opacity; images without are opaque.
    Rgba,
    /// Lightness of CIE Lab, as L / 50 - 1.
    LabL,
    /// The colour that lightness lacks: a and b of CIE Lab, each / 110.
    LabAb,
    /// A channel for each colour of the palette: 1 where a pixel has it, else 0.
    Labels(Palette),
}

/// L of Lab is 0..100: L / 50 - 1 is -1..1.
const LIGHTNESS: f64 = 50.0;
/// a and b of screen colours lie within -108..98: / 110 they are -1..1.
const CHROMA: f64 = 110.0;

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pixels::Gray => "gray",
            Pixels::Rgb => "rgb",
            Pixels::Rgba => "rgba",
            Pixels::LabL => "lab-l",
            Pixels::LabAb => "lab-ab",
            Pixels::Labels(_) => "labels",
        })
    }
}

impl Pixels {
    /// The meaning of so many channels in a network that says nothing else.
    pub fn of_channels(channels: usize) -> Option<Self> {
        match channels {
            1 => Some(Pixels::Gray),
            3 => Some(Pixels::Rgb),
            4 => Some(Pixels::Rgba),
            _ => None,
        }
    }

    /// Channels that the network sees.
    pub fn channels(&self) -> usize {
        match self {
            Pixels::Gray | Pixels::LabL => 1,
            Pixels::LabAb => 2,
            Pixels::Rgb => 3,
            Pixels::Rgba => 4,
            Pixels::Labels(palette) => palette.len(),
        }
    }

    /// Whether networks can map the one to the other.
    ///
    /// # Errors
    /// What cannot be, with the nearest that can, as the options of `train` are called.
    pub fn check(input: &Self, output: &Self) -> Result<(), &'static str> {
        match (input, output) {
            (Pixels::LabAb, _) => Err("--input lab-ab has no lightness; the nearest are --input lab-l and --input rgb"),
            (_, Pixels::LabL) => Err("--output lab-l is brightness alone; the nearest is --output gray"),
            (_, Pixels::Labels(_)) => Err("--output labels cannot be: labels are for inputs; the nearest is --output rgb"),
            (Pixels::LabL, Pixels::LabAb) => Ok(()),
            (_, Pixels::LabAb) => Err("--output lab-ab is joined with the lightness of the input; it needs --input lab-l"),
            _ => Ok(()),
        }
    }

    /// Whether every image is both sides: input and output are parts of one picture.
    pub fn are_parts(input: &Self, output: &Self) -> bool {
        (input, output) == (&Pixels::LabL, &Pixels::LabAb)
    }

    /// The picture in the channels that are kept until it has been resized and cropped: those of the file, fewer or more. Colours of
    /// Lab are made of RGB later, as in the reference.
    ///
    /// # Errors
    /// [`DataError::Colourless`] for the colours of a grey image, [`DataError::UnknownColour`] for a label map whose palette is another;
    /// `path` names it.
    pub fn colours(&self, picture: &Picture, path: &Path) -> Result<Picture, DataError> {
        match self {
            Pixels::Gray => Ok(picture.to_gray()),
            Pixels::LabAb if picture.channels() < 3 => Err(DataError::Colourless { path: path.to_owned() }),
            Pixels::Rgb | Pixels::LabL | Pixels::LabAb => Ok(picture.to_rgb()),
            Pixels::Rgba => Ok(picture.to_rgba()),
            Pixels::Labels(palette) => palette.index(picture).map_err(|unknown| unknown.of(path)),
        }
    }

    /// Resizes what [`Pixels::colours`] made. There is nothing between two labels: each pixel takes that of the nearest one.
    pub fn resize(&self, picture: &Picture, width: u32, height: u32) -> Picture {
        let (in_width, in_height) = picture.dimensions();
        // The middle of an output pixel, on the input's grid.
        let nearest = |at: u32, from: u32, to: u32| ((2 * u64::from(at) + 1) * u64::from(from) / (2 * u64::from(to.max(1)))) as u32;
        match self {
            Pixels::Labels(_) => picture.rearrange(width, height, |x, y| (nearest(x, in_width, width), nearest(y, in_height, height))),
            _ => resize(picture, width, height),
        }
    }

    /// What the network sees of a picture that [`Pixels::colours`] made: `[height, width, channels]`, -1..1; labels are 0 or 1.
    pub fn units(&self, picture: &Picture) -> Vec<f32> {
        let lab = || {
            let samples: Vec<u16> = picture.samples().collect();
            let max = f64::from(picture.depth().max());
            let pixel = move |rgb: &[u16]| lab_of_srgb([rgb[0], rgb[1], rgb[2]].map(|sample| f64::from(sample) / max));
            samples.chunks_exact(3).map(pixel).collect::<Vec<[f64; 3]>>()
        };
        match self {
            Pixels::Gray | Pixels::Rgb | Pixels::Rgba => picture.units().collect(),
            Pixels::LabL => lab().iter().map(|[lightness, ..]| (lightness / LIGHTNESS - 1.0) as f32).collect(),
            Pixels::LabAb => lab().iter().flat_map(|&[_, a, b]| [a, b].map(|value| (value / CHROMA) as f32)).collect(),
            Pixels::Labels(palette) => {
                let one_hot = |label: u16| (0..palette.len()).map(move |channel| f32::from(u8::from(usize::from(label) == channel)));
                picture.samples().flat_map(one_hot).collect()
            }
        }
    }

    /// The picture that the outputs `values` of a network are, `[height, width, channels]`; `input` is what it saw, for the lightness of
    /// colours without.
    pub fn picture(&self, width: u32, height: u32, depth: Depth, values: &[f32], input: &[f32]) -> Picture {
        match self {
            Pixels::Gray | Pixels::Rgb | Pixels::Rgba => Picture::from_unit(width, height, self.channels(), depth, values),
            Pixels::LabL | Pixels::LabAb | Pixels::Labels(_) => Picture::from_unit(width, height, 3, depth, &self.shown(values, input)),
        }
    }

    /// The colours that show `values`, `[pixels, channels]`, on a screen: `[pixels, 3]`, -1..1. Transparent pixels lie on white, and
    /// colours without a lightness have that of `input`.
    pub fn shown(&self, values: &[f32], input: &[f32]) -> Vec<f32> {
        let pixels = values.chunks_exact(self.channels());
        let lab = |lab: [f64; 3]| srgb_of_lab(lab).map(|value| (2.0 * value - 1.0) as f32);
        let lightness = |value: f32| (f64::from(value) + 1.0) * LIGHTNESS;
        match self {
            Pixels::Gray => pixels.flat_map(|pixel| [pixel[0]; 3]).collect(),
            Pixels::Rgb => values.to_vec(),
            Pixels::Rgba => pixels
                .flat_map(|pixel| {
                    let opacity = (pixel[3].clamp(-1.0, 1.0) + 1.0) / 2.0;
                    [pixel[0], pixel[1], pixel[2]].map(|value| 1.0 + (value - 1.0) * opacity)
                })
                .collect(),
            Pixels::LabL => pixels.flat_map(|pixel| lab([lightness(pixel[0]), 0.0, 0.0])).collect(),
            Pixels::LabAb => {
                let chroma = |value: f32| f64::from(value) * CHROMA;
                pixels.zip(input).flat_map(|(pixel, &l)| lab([lightness(l), chroma(pixel[0]), chroma(pixel[1])])).collect()
            }
            Pixels::Labels(palette) => {
                let label = |pixel: &[f32]| (0..pixel.len()).max_by(|&a, &b| pixel[a].total_cmp(&pixel[b])).unwrap_or(0);
                pixels.flat_map(|pixel| palette.colour(label(pixel)).map(|byte| Depth::Eight.to_unit(byte.into()))).collect()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALL: [Pixels; 5] = [Pixels::Gray, Pixels::Rgb, Pixels::Rgba, Pixels::LabL, Pixels::LabAb];

    /// Noise without extremes: the corners of the cube of colours are clamped on their way through Lab.
    fn noise(channels: usize, depth: Depth) -> Picture {
        let random = |at: usize| crate::data::random::philox4x32_10([1, 2], [at as u32, 0, 0, 0])[0] as u16;
        let samples: Vec<u16> = (0..7 * 5 * channels).map(random).collect();
        let bytes = match depth {
            Depth::Eight => samples.iter().map(|&sample| sample as u8).collect(),
            Depth::Sixteen => samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect(),
        };
        Picture::from_bytes(7, 5, channels, depth, bytes).unwrap()
    }

    #[test]
    fn sixteen_bits_come_out_as_they_went_in() {
        for kind in [Pixels::Gray, Pixels::Rgb, Pixels::Rgba] {
            let picture = noise(kind.channels(), Depth::Sixteen);
            let values = kind.units(&kind.colours(&picture, Path::new("noise")).unwrap());
            assert_eq!(kind.picture(7, 5, Depth::Sixteen, &values, &[]), picture, "{kind}");
        }
        // Lightness and colour apart, and joined again: to a step or two, for both pass as f32.
        let picture = noise(3, Depth::Sixteen);
        let [l, ab] = [Pixels::LabL, Pixels::LabAb].map(|kind| kind.units(&picture));
        assert!(l.iter().chain(&ab).all(|value| (-1.0..=1.0).contains(value)));
        let joined = Pixels::LabAb.picture(7, 5, Depth::Sixteen, &ab, &l);
        assert!(joined.samples().zip(picture.samples()).all(|(joined, own)| joined.abs_diff(own) <= 2));
    }

    #[test]
    fn every_kind_takes_every_picture_and_is_shown_in_colours() {
        for channels in 1..=4 {
            let picture = noise(channels, Depth::Eight);
            for kind in ALL {
                let colours = match kind.colours(&picture, Path::new("noise.png")) {
                    Ok(colours) => colours,
                    Err(error) => {
                        assert!(kind == Pixels::LabAb && channels < 3 && error.to_string().contains("noise.png"), "{kind}: {error}");
                        continue;
                    }
                };
                let values = kind.units(&colours);
                assert_eq!(values.len(), 7 * 5 * kind.channels(), "{kind}");
                let shown = kind.shown(&values, &[0.0; 7 * 5]);
                assert!(shown.len() == 7 * 5 * 3 && shown.iter().all(|value| (-1.0..=1.0).contains(value)), "{kind}");
            }
        }
    }

    #[test]
    fn grey_opacity_and_lightness() {
        let pixel = |rgb: [u8; 3]| Picture::from_bytes(1, 1, 3, Depth::Eight, rgb.to_vec()).unwrap();
        let gray = |rgb| Pixels::Gray.colours(&pixel(rgb), Path::new("")).unwrap().samples().next().unwrap();
        assert_eq!([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3], [12, 34, 56]].map(gray), [76, 150, 29, 255, 30]);
        assert_eq!(Pixels::Rgba.colours(&pixel([1, 2, 3]), Path::new("")).unwrap().bytes(), [1, 2, 3, 255]);
        assert_eq!(Pixels::Rgba.shown(&[-1.0, 0.5, 1.0, -1.0], &[]), [1.0; 3], "what is transparent is white");
        assert!((Pixels::LabL.units(&pixel([128; 3]))[0] - (53.585 / 50.0 - 1.0)).abs() < 1e-4);
    }

    #[test]
    fn labels_are_one_hot_and_never_mixed() {
        let palette = Palette::parse("#000000\n#ff0000\n#0000ff").unwrap();
        let kind = Pixels::Labels(palette.clone());
        let stripes =
            Picture::from(image::RgbImage::from_fn(6, 1, |x, _| image::Rgb([[0, 0, 255], [255, 0, 0], [0, 0, 0]][x as usize / 2])));
        let labels = kind.colours(&stripes, Path::new("map.png")).unwrap();
        assert_eq!(labels.bytes(), [2, 2, 1, 1, 0, 0]);
        assert_eq!(kind.resize(&labels, 3, 2).bytes(), [2, 1, 0, 2, 1, 0]);
        assert_eq!(kind.resize(&labels, 9, 1).bytes(), [2, 2, 2, 1, 1, 1, 0, 0, 0]);
        let values = kind.units(&kind.resize(&labels, 3, 1));
        assert_eq!(values, [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(kind.shown(&values, &[]), [-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0]);
        let error = kind.colours(&Picture::from(image::RgbImage::from_pixel(2, 2, image::Rgb([250, 9, 9]))), Path::new("map.png"));
        let message = error.unwrap_err().to_string();
        assert!(message.contains("map.png") && message.contains("(0, 0)") && message.contains("nearest there is #ff0000"), "{message}");
        assert!(Pixels::check(&Pixels::Rgb, &kind).unwrap_err().contains("--output rgb"));
    }

    #[test]
    fn what_no_network_can_map_is_told_with_the_nearest() {
        for (input, output, nearest) in [
            (Pixels::LabAb, Pixels::Rgb, "--input lab-l"),
            (Pixels::Rgb, Pixels::LabL, "--output gray"),
            (Pixels::Gray, Pixels::LabAb, "--input lab-l"),
        ] {
            assert!(Pixels::check(&input, &output).unwrap_err().contains(nearest), "{input} {output}");
        }
        assert_eq!(Pixels::check(&Pixels::LabL, &Pixels::LabAb), Ok(()));
        assert_eq!(Pixels::check(&Pixels::Rgba, &Pixels::Gray), Ok(()));
    }
}
