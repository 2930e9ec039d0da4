//! From a picture to the numbers that a network sees, and back.

use super::Pixels;
use crate::data::depth::Depth;
use crate::data::lab::{lab_of_srgb, srgb_of_lab};
use crate::data::picture::Picture;

/// L of Lab is 0..100: L / 50 - 1 is -1..1.
const LIGHTNESS: f64 = 50.0;
/// a and b of screen colours lie within -108..98: / 110 they are -1..1.
const CHROMA: f64 = 110.0;

impl Pixels {
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

    /// Whether pictures take their lightness from the input of the network.
    pub fn needs_input(&self) -> bool {
        self.single() == &Pixels::LabAb
    }

    /// The pictures that a network puts out as `values`, `[height, width, channels]`. `input` is
    /// the input of the network, which is read if [`Pixels::needs_input`] says so.
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
    /// Transparent pixels are shown on white. Colours without a lightness take that of `input`. A
    /// stack is shown by its first image. Channels without a meaning are shown by the first three
    /// as colours, or by the first one as grey if there are fewer.
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

/// `length` values of the first part, then of the second and so on, and round again.
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
                .map(|run| values.extend_from_slice(run))
                .is_some()
        })
    {}
    values
}
