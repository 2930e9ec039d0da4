//! A picture in memory: any number of channels, 8 or 16 bits a sample, as it was read.
//!
//! Functions that only move pixels (crops, mirrors, padding) move bytes, whatever the depth.
//! Functions that compute (resampling, colours) use samples.

use super::depth::{Depth, PictureLayout};
use std::path::PathBuf;

/// The images of one side of a pair, each with the file that it comes from.
pub type Images = Vec<(PathBuf, Picture)>;

/// What a file says of the channels behind its colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// How many there are, but for an opacity.
    pub surplus: usize,
    /// Whether the colours are multiplied by the opacity.
    pub is_premultiplied: bool,
}

/// Rows of pixels, the channels of each side by side: `[height, width, channels]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    channels: usize,
    depth: Depth,
    extra: Extra,
    /// Samples of 16 bits in the machine's byte order.
    bytes: Vec<u8>,
}

impl Picture {
    /// A picture of these samples, `[height, width, channels]`; `None` if their number does not
    /// fit.
    pub fn from_bytes(
        width: u32,
        height: u32,
        channels: usize,
        depth: Depth,
        bytes: Vec<u8>,
    ) -> Option<Self> {
        let samples = (width as usize)
            .checked_mul(height as usize)?
            .checked_mul(channels)?;
        (samples.checked_mul(depth.bytes())? == bytes.len()).then_some(Self {
            width,
            height,
            channels,
            depth,
            extra: Extra::default(),
            bytes,
        })
    }

    /// A picture of network outputs in -1..1, `[height, width, channels]`. Missing values become
    /// black.
    pub fn from_unit(
        width: u32,
        height: u32,
        channels: usize,
        depth: Depth,
        values: &[f32],
    ) -> Self {
        let mut picture = Self {
            width,
            height,
            channels,
            depth,
            extra: Extra::default(),
            bytes: Vec::new(),
        };
        values
            .iter()
            .for_each(|&value| picture.push(depth.to_sample(value)));
        picture
            .bytes
            .resize(width as usize * height as usize * picture.pixel_bytes(), 0);
        picture
    }

    /// A white picture.
    pub fn white(width: u32, height: u32, channels: usize, depth: Depth) -> Self {
        let bytes = vec![u8::MAX; width as usize * height as usize * channels * depth.bytes()];
        Self {
            width,
            height,
            channels,
            depth,
            extra: Extra::default(),
            bytes,
        }
    }

    /// Puts `other`, of the same channels and depth, at (`left`, `top`), as much of it as fits
    /// there.
    pub fn paste(&mut self, other: &Picture, left: u32, top: u32) {
        let (pixel, width) = (
            self.pixel_bytes(),
            other.width.min(self.width.saturating_sub(left)),
        );
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            let at = |picture: &Picture, x: u32, y: u32| {
                (y as usize * picture.width as usize + x as usize) * pixel
            };
            let (to, from, length) = (
                at(self, left, top + y),
                at(other, 0, y),
                width as usize * pixel,
            );
            self.bytes[to..to + length].copy_from_slice(&other.bytes[from..from + length]);
        }
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width and height.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Everything but the samples.
    pub fn layout(&self) -> PictureLayout {
        PictureLayout {
            width: self.width,
            height: self.height,
            channels: self.channels,
            depth: self.depth,
        }
    }

    /// Samples of a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Bits of a sample.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// All samples, those of 16 bits in the machine's byte order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All samples, `[height, width, channels]`.
    pub fn samples(&self) -> impl Iterator<Item = u16> {
        samples_of(self.depth, &self.bytes)
    }

    /// All samples as floats in -1..1, `[height, width, channels]`.
    pub fn units(&self) -> impl Iterator<Item = f32> {
        self.samples().map(|sample| self.depth.to_unit(sample))
    }

    /// The samples of a pixel.
    pub fn pixel(&self, x: u32, y: u32) -> impl Iterator<Item = u16> {
        samples_of(self.depth, self.pixel_at(x, y))
    }

    /// A picture of another size that is made of pixels of this one. `position` gives for each of
    /// its pixels the position in this picture. Pixels from outside are black.
    pub fn rearrange(
        &self,
        width: u32,
        height: u32,
        position: impl Fn(u32, u32) -> (u32, u32),
    ) -> Self {
        let bytes = Vec::with_capacity(width as usize * height as usize * self.pixel_bytes());
        let mut other = Self {
            width,
            height,
            bytes,
            ..*self
        };
        for y in 0..height {
            for x in 0..width {
                let (from_x, from_y) = position(x, y);
                match self.pixel_at(from_x, from_y) {
                    [] => other
                        .bytes
                        .resize(other.bytes.len() + self.pixel_bytes(), 0),
                    pixel => other.bytes.extend_from_slice(pixel),
                }
            }
        }
        other
    }

    /// The window of `width` x `height` pixels at (`left`, `top`), or the part of it that lies
    /// inside the picture.
    pub fn crop(&self, left: u32, top: u32, width: u32, height: u32) -> Self {
        let (width, height) = (
            width.min(self.width.saturating_sub(left)),
            height.min(self.height.saturating_sub(top)),
        );
        self.rearrange(width, height, |x, y| (left + x, top + y))
    }

    /// A picture of the same size and depth. `colour` makes the `channels` samples of each pixel
    /// from the samples of this one's.
    pub fn map(&self, channels: usize, mut colour: impl FnMut(&[u16], &mut Vec<u16>)) -> Self {
        let bytes = Vec::with_capacity(
            self.width as usize * self.height as usize * channels * self.depth.bytes(),
        );
        let mut other = Self {
            channels,
            extra: Extra::default(),
            bytes,
            ..*self
        };
        let (mut from, mut to) = (
            Vec::with_capacity(self.channels),
            Vec::with_capacity(channels),
        );
        for pixel in self.bytes.chunks_exact(self.pixel_bytes().max(1)) {
            from.clear();
            from.extend(samples_of(self.depth, pixel));
            to.clear();
            colour(&from, &mut to);
            to.iter().for_each(|&sample| other.push(sample));
        }
        other
    }

    /// Red, green and blue, as Pillow's `convert("RGB")`: grey is repeated over the channels, alpha
    /// is dropped and not composited.
    pub fn to_rgb(&self) -> Self {
        match self.channels {
            3 => self.clone(),
            _ if self.extra.is_premultiplied => self.straight().to_rgb(),
            1 | 2 => self.map(3, |pixel, rgb| rgb.extend([pixel[0]; 3])),
            _ => self.map(3, |pixel, rgb| rgb.extend(&pixel[..3])),
        }
    }

    /// Brightness (ITU-R BT.601, rounded as Pillow's `convert("L")`); alpha is dropped.
    pub fn to_gray(&self) -> Self {
        match self.channels {
            1 => self.clone(),
            _ if self.extra.is_premultiplied => self.straight().to_gray(),
            2 => self.map(1, |pixel, gray| gray.push(pixel[0])),
            _ => self.map(1, |pixel, gray| {
                gray.push(luma([pixel[0], pixel[1], pixel[2]]))
            }),
        }
    }

    /// Red, green, blue and opacity; a picture without alpha is opaque.
    pub fn to_rgba(&self) -> Self {
        let opaque = self.depth.max();
        match self.channels {
            _ if self.extra.is_premultiplied => self.straight().to_rgba(),
            1 => self.map(4, |pixel, rgba| {
                rgba.extend([pixel[0], pixel[0], pixel[0], opaque])
            }),
            2 => self.map(4, |pixel, rgba| {
                rgba.extend([pixel[0], pixel[0], pixel[0], pixel[1]])
            }),
            3 => self.map(4, |pixel, rgba| {
                rgba.extend([pixel[0], pixel[1], pixel[2], opaque])
            }),
            _ => self.clone(),
        }
    }

    /// The picture with colours that are not multiplied by their opacity, as Pillow has them: in
    /// whole steps, and black where a pixel lets everything through.
    fn straight(&self) -> Self {
        let opaque = self.depth.max();
        self.map(self.channels, |pixel, straight| {
            let Some((&opacity, colours)) = pixel.split_last() else {
                return;
            };
            let divided =
                |&colour: &u16| match opacity {
                    0 => 0,
                    _ => (u32::from(colour) * u32::from(opaque) / u32::from(opacity))
                        .min(opaque.into()) as u16,
                };
            straight.extend(colours.iter().map(divided));
            straight.push(opacity);
        })
    }

    /// Whether there is opacity behind grey or RGB.
    pub fn has_opacity(&self) -> bool {
        matches!(self.channels, 2 | 4) && self.extra.surplus == 0
    }

    /// Whether any pixel lets something through.
    pub fn is_translucent(&self) -> bool {
        let opaque = self.depth.max();
        let last = self.channels.saturating_sub(1);
        let mut opacity = self.samples().skip(last).step_by(last + 1);
        self.has_opacity() && opacity.any(|sample| sample < opaque)
    }

    /// RGB, with opacity if the picture has it.
    pub fn to_colours(&self) -> Self {
        if self.has_opacity() {
            self.to_rgba()
        } else {
            self.to_rgb()
        }
    }

    /// The same picture, of whose channels behind the colours its file says this.
    pub fn with_extra(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }

    /// What its file says of the channels behind the colours.
    pub fn extra(&self) -> Extra {
        self.extra
    }

    /// How many channels stand behind the colours and their opacity, as far as the file says.
    pub fn surplus(&self) -> usize {
        self.extra.surplus
    }

    /// Pictures of one size as one, the channels of the first in front; 16 bits if any has them.
    pub fn stack(mut pictures: Vec<Picture>) -> Self {
        if pictures.len() == 1 {
            return pictures.remove(0);
        }
        let deep = pictures
            .iter()
            .any(|picture| picture.depth == Depth::Sixteen);
        let depth = if deep { Depth::Sixteen } else { Depth::Eight };
        let (width, height) = pictures.first().map_or((0, 0), Picture::dimensions);
        let channels = pictures.iter().map(Picture::channels).sum();
        let mut stacked = Self {
            width,
            height,
            channels,
            depth,
            extra: Extra::default(),
            bytes: Vec::new(),
        };
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            for picture in &pictures {
                // 65535 / 255: white stays white.
                let scale = if picture.depth == depth { 1 } else { 257 };
                picture
                    .pixel(x, y)
                    .for_each(|sample| stacked.push(sample * scale));
            }
        }
        stacked
    }

    /// Removes the first `rows` rows and returns them; all rows, if there are fewer.
    pub fn take_rows(&mut self, rows: u32) -> Self {
        let height = rows.min(self.height);
        let bytes = self
            .bytes
            .drain(..height as usize * self.layout().row_bytes())
            .collect();
        self.height -= height;
        Self {
            height,
            bytes,
            ..*self
        }
    }

    /// Adds the rows of `below` under the rows of this picture. Both have the same width, channels
    /// and depth, or this one has no rows.
    pub fn append(&mut self, below: Self) {
        if self.height == 0 {
            *self = below;
        } else if self.layout()
            == (PictureLayout {
                height: self.height,
                ..below.layout()
            })
        {
            self.bytes.reserve_exact(below.bytes.len());
            self.bytes.extend_from_slice(&below.bytes);
            self.height += below.height;
        }
    }

    /// So many `channels`, from channel `start` on.
    pub fn slice(&self, start: usize, channels: usize) -> Self {
        self.map(channels, |pixel, part| {
            part.extend(pixel.iter().skip(start).take(channels))
        })
    }

    fn pixel_bytes(&self) -> usize {
        self.channels * self.depth.bytes()
    }

    /// The bytes of a pixel; none outside.
    fn pixel_at(&self, x: u32, y: u32) -> &[u8] {
        if x >= self.width || y >= self.height {
            return &[];
        }
        let start = (y as usize * self.width as usize + x as usize) * self.pixel_bytes();
        &self.bytes[start..start + self.pixel_bytes()]
    }

    fn push(&mut self, sample: u16) {
        match self.depth {
            Depth::Eight => self.bytes.push(sample as u8),
            Depth::Sixteen => self.bytes.extend(sample.to_ne_bytes()),
        }
    }
}

/// Brightness of a colour, in steps of its own depth.
fn luma([r, g, b]: [u16; 3]) -> u16 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u16
}

/// The samples that these bytes are.
fn samples_of(depth: Depth, bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes
        .chunks_exact(depth.bytes())
        .map(|sample| match *sample {
            [byte] => u16::from(byte),
            [first, second] => u16::from_ne_bytes([first, second]),
            _ => 0,
        })
}

#[cfg(test)]
mod tests;
