//! What the channels of an image mean: the way from a picture to the numbers that a network sees,
//! and back.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::lab::{lab_of_srgb, srgb_of_lab};
use super::palette::Palette;
use super::picture::{Depth, Picture};
use super::resize::{resize, resize_nearest};

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
    /// So many channels as they are in the file, whatever they mean.
    Channels(usize),
    /// Several images, channels behind channels.
    Stack {
        /// How many.
        images: usize,
        /// What each of them is.
        of: Box<Pixels>,
    },
}

/// L of Lab is 0..100: L / 50 - 1 is -1..1.
const LIGHTNESS: f64 = 50.0;
/// a and b of screen colours lie within -108..98: / 110 they are -1..1.
const CHROMA: f64 = 110.0;

/// Channels that colours have at most: RGB and opacity.
pub(super) const MOST_COLOURS: usize = 4;

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pixels::Gray => "gray",
            Pixels::Rgb => "rgb",
            Pixels::Rgba => "rgba",
            Pixels::LabL => "lab-l",
            Pixels::LabAb => "lab-ab",
            Pixels::Labels(_) => "labels",
            Pixels::Channels(channels) => return write!(f, "{channels} channels"),
            Pixels::Stack { images, of } => return write!(f, "{images} x {of}"),
        })
    }
}

impl Pixels {
    /// The meaning of so many channels in a network that says nothing else: grey images where they
    /// are none of the usual numbers.
    pub fn of_channels(channels: usize) -> Self {
        match channels {
            1 => Pixels::Gray,
            3 => Pixels::Rgb,
            4 => Pixels::Rgba,
            images => Pixels::Stack {
                images,
                of: Box::new(Pixels::Gray),
            },
        }
    }

    /// `images` of these.
    pub fn times(self, images: usize) -> Self {
        if images == 1 {
            self
        } else {
            Pixels::Stack {
                images,
                of: Box::new(self),
            }
        }
    }

    /// Images that one side of a pair has.
    pub fn images(&self) -> usize {
        if let Pixels::Stack { images, .. } = self {
            *images
        } else {
            1
        }
    }

    /// What each of them is.
    fn single(&self) -> &Self {
        if let Pixels::Stack { of, .. } = self {
            of
        } else {
            self
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
            Pixels::Channels(channels) => *channels,
            Pixels::Stack { images, of } => images.saturating_mul(of.channels()),
        }
    }

    /// Whether networks can map the one to the other.
    ///
    /// # Errors
    /// What cannot be, with the nearest that can, as the options of `train` are called.
    pub fn check(input: &Self, output: &Self) -> Result<(), &'static str> {
        if input.images() + output.images() > 2 && output.single() == &Pixels::LabAb {
            return Err(
                "--output lab-ab is joined with the lightness of one image; leave out --stack and --output-stack",
            );
        }
        match (input.single(), output.single()) {
            (Pixels::LabAb, _) => Err(
                "--input lab-ab has no lightness; the nearest are --input lab-l and --input rgb",
            ),
            (_, Pixels::LabL) => {
                Err("--output lab-l is brightness alone; the nearest is --output gray")
            }
            (_, Pixels::Labels(_)) => {
                Err("--output labels cannot be: labels are for inputs; the nearest is --output rgb")
            }
            (Pixels::LabL, Pixels::LabAb) => Ok(()),
            (_, Pixels::LabAb) => Err(
                "--output lab-ab is joined with the lightness of the input; it needs --input lab-l",
            ),
            _ => Ok(()),
        }
    }

    /// Whether every image is both sides: input and output are parts of one picture.
    pub fn are_parts(input: &Self, output: &Self) -> bool {
        (input, output) == (&Pixels::LabL, &Pixels::LabAb)
    }

    /// All images of one side of a pair as one picture: see [`Pixels::colours`].
    ///
    /// # Errors
    /// [`DataError::Stack`] for another number of images, and those of [`Pixels::colours`].
    pub fn gather(&self, images: &[(PathBuf, Picture)]) -> Result<Picture, DataError> {
        match images.first() {
            Some((path, _)) if images.len() != self.images() => Err(DataError::Stack {
                path: path.clone(),
                images: self.images(),
            }),
            _ => Ok(Picture::stack(
                images
                    .iter()
                    .map(|(path, image)| self.colours(image, path))
                    .collect::<Result<_, _>>()?,
            )),
        }
    }

    /// The picture in the channels that are kept until it has been resized and cropped: those of
    /// the file, fewer or more. Colours of Lab are made of RGB later, as in the reference.
    ///
    /// # Errors
    /// [`DataError::Colourless`] for the colours of a grey image, [`DataError::UnknownColour`] for
    /// a label map whose palette is another, [`DataError::NoColours`] and [`DataError::Channels`]
    /// for other numbers of channels; `path` names it.
    pub fn colours(&self, picture: &Picture, path: &Path) -> Result<Picture, DataError> {
        let found = picture.channels();
        match self {
            Pixels::Stack { of, .. } => of.colours(picture, path),
            Pixels::Channels(channels) if found == *channels => Ok(picture.clone()),
            &Pixels::Channels(channels) => Err(DataError::Channels {
                path: path.to_owned(),
                found,
                channels,
            }),
            _ if found > MOST_COLOURS => Err(DataError::NoColours {
                path: path.to_owned(),
                channels: found,
            }),
            Pixels::Gray => Ok(picture.to_gray()),
            Pixels::LabAb if found < 3 => Err(DataError::Colourless {
                path: path.to_owned(),
            }),
            Pixels::Rgb | Pixels::LabL | Pixels::LabAb => Ok(picture.to_rgb()),
            Pixels::Rgba => Ok(picture.to_rgba()),
            Pixels::Labels(palette) => palette.index(picture).map_err(|unknown| unknown.of(path)),
        }
    }

    /// How many labels there are, where pixels are labels.
    pub fn labels(&self) -> Option<usize> {
        if let Pixels::Labels(palette) = self.single() {
            Some(palette.len())
        } else {
            None
        }
    }

    /// Resizes what [`Pixels::gather`] made. There is nothing between two labels: each pixel takes
    /// that of the nearest one.
    pub fn resize(&self, picture: &Picture, width: u32, height: u32) -> Picture {
        match self.single() {
            Pixels::Labels(_) => resize_nearest(picture, width, height),
            _ => resize(picture, width, height),
        }
    }

    /// What the network sees of a picture that [`Pixels::gather`] made:
    /// `[height, width, channels]`, -1..1; labels are 0 or 1.
    pub fn units(&self, picture: &Picture) -> Vec<f32> {
        let lab = || {
            let samples: Vec<u16> = picture.samples().collect();
            let max = f64::from(picture.depth().max());
            let pixel = move |rgb: &[u16]| {
                lab_of_srgb([rgb[0], rgb[1], rgb[2]].map(|sample| f64::from(sample) / max))
            };
            samples
                .chunks_exact(3)
                .map(pixel)
                .collect::<Vec<[f64; 3]>>()
        };
        match self {
            Pixels::Gray | Pixels::Rgb | Pixels::Rgba | Pixels::Channels(_) => {
                picture.units().collect()
            }
            Pixels::LabL => lab()
                .iter()
                .map(|[lightness, ..]| (lightness / LIGHTNESS - 1.0) as f32)
                .collect(),
            Pixels::LabAb => lab()
                .iter()
                .flat_map(|&[_, a, b]| [a, b].map(|value| (value / CHROMA) as f32))
                .collect(),
            Pixels::Labels(palette) => {
                let one_hot = |label: u16| {
                    (0..palette.len())
                        .map(move |channel| f32::from(u8::from(usize::from(label) == channel)))
                };
                picture.samples().flat_map(one_hot).collect()
            }
            Pixels::Stack { images, of } => {
                let channels = picture.channels() / (*images).max(1);
                let parts: Vec<Vec<f32>> = (0..*images)
                    .map(|image| of.units(&picture.slice(image * channels, channels)))
                    .collect();
                interleave(&parts, of.channels())
            }
        }
    }

    /// Whether pictures take their lightness from what the network saw.
    pub fn needs_input(&self) -> bool {
        self.single() == &Pixels::LabAb
    }

    /// The pictures that the outputs `values` of a network are, `[height, width, channels]`;
    /// `input` is what it saw, where [`Pixels::needs_input`] says so.
    pub fn pictures(
        &self,
        width: u32,
        height: u32,
        depth: Depth,
        values: &[f32],
        input: &[f32],
    ) -> Vec<Picture> {
        match self {
            Pixels::Gray | Pixels::Rgb | Pixels::Rgba | Pixels::Channels(_) => {
                vec![Picture::from_unit(
                    width,
                    height,
                    self.channels(),
                    depth,
                    values,
                )]
            }
            Pixels::LabL | Pixels::LabAb | Pixels::Labels(_) => {
                vec![Picture::from_unit(
                    width,
                    height,
                    3,
                    depth,
                    &self.shown(values, input),
                )]
            }
            Pixels::Stack { of, .. } => self
                .parts(values)
                .iter()
                .flat_map(|part| of.pictures(width, height, depth, part, input))
                .collect(),
        }
    }

    /// Channels of each of [`Pixels::pictures`].
    pub fn drawn_channels(&self) -> usize {
        match self.single() {
            Pixels::Gray => 1,
            Pixels::Rgba => 4,
            Pixels::Channels(channels) => *channels,
            _ => 3,
        }
    }

    /// The values of each image of a stack.
    fn parts(&self, values: &[f32]) -> Vec<Vec<f32>> {
        let (all, one) = (self.channels().max(1), self.single().channels());
        let part = |image: usize| {
            values
                .chunks_exact(all)
                .flat_map(|pixel| &pixel[image * one..][..one])
                .copied()
                .collect()
        };
        (0..self.images()).map(part).collect()
    }

    /// The colours that show `values`, `[height, width, channels]`, on a screen:
    /// `[height, images * width, 3]`, stacked images side by side; see [`Pixels::shown`].
    pub fn shown_in_rows(&self, values: &[f32], input: &[f32], width: usize) -> Vec<f32> {
        let images: Vec<Vec<f32>> = self
            .parts(values)
            .iter()
            .map(|part| self.single().shown(part, input))
            .collect();
        interleave(&images, 3 * width)
    }

    /// The colours that show `values`, `[pixels, channels]`, on a screen: `[pixels, 3]`, -1..1.
    /// Transparent pixels lie on white, and colours without a lightness have that of `input`. Of a
    /// stack the first image, of other channels the first three as colours, or the first as grey
    /// where they are fewer.
    pub fn shown(&self, values: &[f32], input: &[f32]) -> Vec<f32> {
        let pixels = values.chunks_exact(self.channels());
        let lab = |lab: [f64; 3]| srgb_of_lab(lab).map(|value| (2.0 * value - 1.0) as f32);
        let lightness = |value: f32| (f64::from(value) + 1.0) * LIGHTNESS;
        match self {
            Pixels::Channels(3..) => pixels
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect(),
            Pixels::Gray | Pixels::Channels(_) => pixels.flat_map(|pixel| [pixel[0]; 3]).collect(),
            Pixels::Rgb => values.to_vec(),
            Pixels::Rgba => pixels
                .flat_map(|pixel| {
                    let opacity = (pixel[3].clamp(-1.0, 1.0) + 1.0) / 2.0;
                    [pixel[0], pixel[1], pixel[2]].map(|value| 1.0 + (value - 1.0) * opacity)
                })
                .collect(),
            Pixels::LabL => pixels
                .flat_map(|pixel| lab([lightness(pixel[0]), 0.0, 0.0]))
                .collect(),
            Pixels::LabAb => {
                let chroma = |value: f32| f64::from(value) * CHROMA;
                pixels
                    .zip(input)
                    .flat_map(|(pixel, &l)| lab([lightness(l), chroma(pixel[0]), chroma(pixel[1])]))
                    .collect()
            }
            Pixels::Labels(palette) => {
                let label = |pixel: &[f32]| {
                    (0..pixel.len())
                        .max_by(|&a, &b| pixel[a].total_cmp(&pixel[b]))
                        .unwrap_or(0)
                };
                pixels
                    .flat_map(|pixel| {
                        palette
                            .colour(label(pixel))
                            .map(|sample| Depth::Sixteen.to_unit(sample))
                    })
                    .collect()
            }
            Pixels::Stack { .. } => self
                .single()
                .shown(self.parts(values).first().map_or(&[], Vec::as_slice), input),
        }
    }
}

/// Stretches of `length` values of each part in turn.
fn interleave(parts: &[Vec<f32>], length: usize) -> Vec<f32> {
    let mut rows: Vec<_> = parts
        .iter()
        .map(|part| part.chunks_exact(length.max(1)))
        .collect();
    let total = parts.iter().map(Vec::len).sum();
    let mut values = Vec::with_capacity(total);
    while values.len() < total
        && rows.iter_mut().all(|row| {
            row.next()
                .map(|stretch| values.extend_from_slice(stretch))
                .is_some()
        })
    {}
    values
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALL: [Pixels; 5] = [
        Pixels::Gray,
        Pixels::Rgb,
        Pixels::Rgba,
        Pixels::LabL,
        Pixels::LabAb,
    ];

    /// Noise without extremes: the corners of the cube of colours are clamped on their way through
    /// Lab.
    fn noise(channels: usize, depth: Depth) -> Picture {
        let random =
            |at: usize| crate::data::random::philox4x32_10([1, 2], [at as u32, 0, 0, 0])[0] as u16;
        let samples: Vec<u16> = (0..7 * 5 * channels).map(random).collect();
        let bytes = match depth {
            Depth::Eight => samples.iter().map(|&sample| sample as u8).collect(),
            Depth::Sixteen => samples
                .iter()
                .flat_map(|sample| sample.to_ne_bytes())
                .collect(),
        };
        Picture::from_bytes(7, 5, channels, depth, bytes).unwrap()
    }

    #[test]
    fn sixteen_bits_come_out_as_they_went_in() {
        for kind in [Pixels::Gray, Pixels::Rgb, Pixels::Rgba] {
            let picture = noise(kind.channels(), Depth::Sixteen);
            let values = kind.units(&kind.colours(&picture, Path::new("noise")).unwrap());
            assert_eq!(
                kind.pictures(7, 5, Depth::Sixteen, &values, &[]),
                [picture],
                "{kind}"
            );
        }
        // Lightness and colour apart, and joined again: to a step or two, for both pass as f32.
        let picture = noise(3, Depth::Sixteen);
        let [l, ab] = [Pixels::LabL, Pixels::LabAb].map(|kind| kind.units(&picture));
        assert!(
            l.iter()
                .chain(&ab)
                .all(|value| (-1.0..=1.0).contains(value))
        );
        let joined = Pixels::LabAb
            .pictures(7, 5, Depth::Sixteen, &ab, &l)
            .remove(0);
        assert!(
            joined
                .samples()
                .zip(picture.samples())
                .all(|(joined, own)| joined.abs_diff(own) <= 2)
        );
    }

    #[test]
    fn every_kind_takes_every_picture_and_is_shown_in_colours() {
        for channels in 1..=4 {
            let picture = noise(channels, Depth::Eight);
            for kind in ALL {
                let colours = match kind.colours(&picture, Path::new("noise.png")) {
                    Ok(colours) => colours,
                    Err(error) => {
                        assert!(
                            kind == Pixels::LabAb
                                && channels < 3
                                && error.to_string().contains("noise.png"),
                            "{kind}: {error}"
                        );
                        continue;
                    }
                };
                let values = kind.units(&colours);
                assert_eq!(values.len(), 7 * 5 * kind.channels(), "{kind}");
                let input: &[f32] = if kind.needs_input() {
                    &[0.0; 7 * 5]
                } else {
                    &[]
                };
                let drawn = kind.pictures(7, 5, Depth::Eight, &values, input).remove(0);
                assert_eq!(
                    (drawn.channels(), drawn.dimensions()),
                    (kind.drawn_channels(), (7, 5)),
                    "{kind}"
                );
                let shown = kind.shown(&values, &[0.0; 7 * 5]);
                assert!(
                    shown.len() == 7 * 5 * 3
                        && shown.iter().all(|value| (-1.0..=1.0).contains(value)),
                    "{kind}"
                );
            }
        }
    }

    #[test]
    fn channels_are_what_they_are() {
        for (channels, depth) in [
            (1, Depth::Eight),
            (2, Depth::Sixteen),
            (5, Depth::Eight),
            (9, Depth::Sixteen),
        ] {
            let (kind, picture) = (Pixels::Channels(channels), noise(channels, depth));
            let values = kind.units(&kind.colours(&picture, Path::new("a.tif")).unwrap());
            let shown = kind.shown(&values, &[]);
            assert_eq!(
                shown[..3],
                if channels < 3 {
                    [values[0]; 3]
                } else {
                    [values[0], values[1], values[2]]
                }
            );
            assert!(
                shown.len() == 7 * 5 * 3
                    && (depth == Depth::Eight
                        || kind.pictures(7, 5, depth, &values, &[]) == [picture])
            );
        }
        let refused = |kind: Pixels| {
            kind.colours(&noise(5, Depth::Eight), Path::new("a.tif"))
                .unwrap_err()
                .to_string()
        };
        assert!(
            refused(Pixels::Channels(4)).contains("a.tif: has 5 channels where there are 4"),
            "{}",
            refused(Pixels::Channels(4))
        );
        assert!(
            ALL.into_iter()
                .all(|kind| refused(kind).contains("--input or --output channels"))
        );
    }

    #[test]
    fn grey_opacity_and_lightness() {
        let pixel =
            |rgb: [u8; 3]| Picture::from_bytes(1, 1, 3, Depth::Eight, rgb.to_vec()).unwrap();
        let gray = |rgb| {
            Pixels::Gray
                .colours(&pixel(rgb), Path::new(""))
                .unwrap()
                .samples()
                .next()
                .unwrap()
        };
        assert_eq!(
            [
                [255, 0, 0],
                [0, 255, 0],
                [0, 0, 255],
                [255; 3],
                [12, 34, 56]
            ]
            .map(gray),
            [76, 150, 29, 255, 30]
        );
        assert_eq!(
            Pixels::Rgba
                .colours(&pixel([1, 2, 3]), Path::new(""))
                .unwrap()
                .bytes(),
            [1, 2, 3, 255]
        );
        assert_eq!(
            Pixels::Rgba.shown(&[-1.0, 0.5, 1.0, -1.0], &[]),
            [1.0; 3],
            "what is transparent is white"
        );
        assert!((Pixels::LabL.units(&pixel([128; 3]))[0] - (53.585 / 50.0 - 1.0)).abs() < 1e-4);
    }

    #[test]
    fn a_stack_is_its_images_one_behind_the_other() {
        let images: Vec<(PathBuf, Picture)> = [1, 3, 4]
            .map(|channels| ("a.png".into(), noise(channels, Depth::Sixteen)))
            .into();
        let kind = Pixels::Rgb.times(3);
        let stacked = kind.gather(&images).unwrap();
        let values = kind.units(&stacked);
        assert_eq!(
            (kind.channels(), stacked.channels(), values.len()),
            (9, 9, 7 * 5 * 9)
        );
        let own: Vec<Picture> = images.iter().map(|(_, image)| image.to_rgb()).collect();
        assert_eq!(kind.pictures(7, 5, Depth::Sixteen, &values, &[]), own);
        let shown = kind.shown_in_rows(&values, &[], 7);
        assert_eq!(
            shown[7 * 3..][..7 * 3],
            Pixels::Rgb.units(&own[1])[..7 * 3],
            "the second image stands to the right of the first"
        );
        let error = Pixels::Rgb
            .times(2)
            .gather(&images)
            .unwrap_err()
            .to_string();
        assert!(error.contains("a.png") && error.contains("A2"), "{error}");
        assert_eq!(Pixels::of_channels(5), Pixels::Gray.times(5));
        assert!(
            Pixels::check(&Pixels::LabL.times(2), &Pixels::LabAb)
                .unwrap_err()
                .contains("--stack")
        );
    }

    #[test]
    fn labels_are_one_hot_and_never_mixed() {
        let palette = Palette::parse("#000000\n#ff0000\n#0000ff").unwrap();
        let kind = Pixels::Labels(palette.clone());
        let stripes = Picture::from(image::RgbImage::from_fn(6, 1, |x, _| {
            image::Rgb([[0, 0, 255], [255, 0, 0], [0, 0, 0]][x as usize / 2])
        }));
        let labels = kind.colours(&stripes, Path::new("map.png")).unwrap();
        assert_eq!(labels.bytes(), [2, 2, 1, 1, 0, 0]);
        assert_eq!(kind.resize(&labels, 3, 2).bytes(), [2, 1, 0, 2, 1, 0]);
        assert_eq!(
            kind.resize(&labels, 9, 1).bytes(),
            [2, 2, 2, 1, 1, 1, 0, 0, 0]
        );
        let values = kind.units(&kind.resize(&labels, 3, 1));
        assert_eq!(values, [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(
            kind.shown(&values, &[]),
            [-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0]
        );
        let error = kind.colours(
            &Picture::from(image::RgbImage::from_pixel(2, 2, image::Rgb([250, 9, 9]))),
            Path::new("map.png"),
        );
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("map.png")
                && message.contains("(0, 0)")
                && message.contains("nearest there is #ff0000"),
            "{message}"
        );
        assert!(
            Pixels::check(&Pixels::Rgb, &kind)
                .unwrap_err()
                .contains("--output rgb")
        );
    }

    #[test]
    fn what_no_network_can_map_is_told_with_the_nearest() {
        for (input, output, nearest) in [
            (Pixels::LabAb, Pixels::Rgb, "--input lab-l"),
            (Pixels::Rgb, Pixels::LabL, "--output gray"),
            (Pixels::Gray, Pixels::LabAb, "--input lab-l"),
        ] {
            assert!(
                Pixels::check(&input, &output)
                    .unwrap_err()
                    .contains(nearest),
                "{input} {output}"
            );
        }
        assert_eq!(Pixels::check(&Pixels::LabL, &Pixels::LabAb), Ok(()));
        assert_eq!(Pixels::check(&Pixels::Rgba, &Pixels::Gray), Ok(()));
    }
}
