//! A picture as its file stores it, before anything is said about what its numbers mean.

use std::path::Path;

use tiff::decoder::DecodingResult;

use super::extent::Extent;
use super::floats::{floats, most, rounded};
use super::mapping::{Numbers, ValueMapping};
use crate::data::depth::Depth;
use crate::data::error::DataError;
use crate::data::picture::{Extra, Picture};
use crate::data::read_tally::{ReadTally, What};
use crate::data::tiff_planes::interleave;
use crate::data::tiff_samples::picture_samples;

/// What a decoder returns.
pub(in crate::data) enum Stored {
    /// Samples of 8 or 16 bits without a sign.
    Picture(Picture),
    /// Numbers of any type.
    Wide(Wide),
}

/// A picture of numbers of any type.
pub(in crate::data) struct Wide {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Numbers of a pixel.
    pub channels: usize,
    /// What the file says of the channels behind the colours.
    pub extra: Extra,
    /// Each channel lies in a plane of its own.
    pub is_planar: bool,
    /// 0 is white where the type of the numbers says what they mean. The picture is grey alone.
    pub is_white_zero: bool,
    /// The numbers as they lie.
    pub numbers: DecodingResult,
}

impl From<Picture> for Stored {
    fn from(picture: Picture) -> Self {
        Self::Picture(picture)
    }
}

/// What is known of a file beside its numbers.
#[derive(Clone, Copy)]
pub(in crate::data) struct Origin<'a> {
    /// The file.
    pub path: &'a Path,
    /// The number that it calls no data.
    pub marked: Option<f64>,
}

impl Stored {
    /// The picture that it is. Without `values` the type of the numbers says what they mean.
    ///
    /// # Errors
    /// Numbers that cannot be shown: [`super::ValueError`].
    pub fn picture(
        self,
        origin: Origin,
        values: Option<&ValueMapping>,
        tally: &mut ReadTally,
    ) -> Result<Picture, DataError> {
        match (self, values) {
            (Self::Picture(picture), None) => Ok(picture),
            (Self::Picture(picture), Some(values)) => {
                mapped(&picture, origin, [0, 0], values, tally)
            }
            (Self::Wide(mut wide), None) => {
                let file = wide.file(origin, [0, 0]);
                let none = DecodingResult::U8(Vec::new());
                let numbers = std::mem::replace(&mut wide.numbers, none);
                let (depth, mut bytes) = picture_samples(&file, numbers)?;
                if wide.is_white_zero {
                    // The largest sample has all bits, so this is its distance from the sample.
                    bytes.iter_mut().for_each(|byte| *byte = !*byte);
                }
                Ok(wide.picture_of(depth, bytes))
            }
            (Self::Wide(wide), Some(values)) => wide.mapped(origin, [0, 0], values, tally),
        }
    }

    /// Counts the opacities by which colours stay multiplied, as OpenEXR stores them.
    pub fn count_multiplied(&self, origin: Origin, tally: &mut ReadTally) {
        let Self::Wide(wide) = self else { return };
        let file = wide.file(origin, [0, 0]);
        let Some(opacity) = file.opacity() else {
            return;
        };
        let all = floats(&wide.numbers).enumerate();
        let mut below = all
            .filter(|&(index, number)| file.channel(index) == opacity && number < 1.0)
            .map(|(_, number)| number);
        if let Some(example) = below.next() {
            let count = 1 + below.count() as u64;
            tally.count(What::Multiplied, origin.path, count, example);
        }
    }

    /// The least and the largest number.
    pub fn extent(&self, origin: Origin, all_channels: bool) -> Extent {
        let extent = Extent::default();
        match self {
            Self::Picture(picture) => {
                let numbers = picture.samples().map(f64::from);
                let file = file_of(picture, origin, [0, 0]);
                extent.with(file.present(all_channels, numbers))
            }
            Self::Wide(wide) => {
                let numbers = floats(&wide.numbers);
                extent.with(wide.file(origin, [0, 0]).present(all_channels, numbers))
            }
        }
    }
}

/// The rows of a picture by a value range. `corner` is the place of its first pixel in the file.
pub(in crate::data) fn mapped(
    picture: &Picture,
    origin: Origin,
    corner: [u32; 2],
    values: &ValueMapping,
    tally: &mut ReadTally,
) -> Result<Picture, DataError> {
    let numbers = picture.samples().map(f64::from);
    let bytes = values.samples(&file_of(picture, origin, corner), numbers, tally)?;
    let (width, height) = picture.dimensions();
    // As many bytes as there are samples, so the default is never taken.
    let mapped = Picture::from_bytes(width, height, picture.channels(), Depth::Sixteen, bytes);
    Ok(mapped.unwrap_or_default().with_extra(picture.extra()))
}

fn file_of<'a>(picture: &Picture, origin: Origin<'a>, corner: [u32; 2]) -> Numbers<'a> {
    Numbers {
        path: origin.path,
        marked: origin.marked,
        most: picture.depth().max().into(),
        width: picture.width(),
        channels: picture.channels(),
        surplus: picture.surplus(),
        plane: None,
        corner,
    }
}

impl Wide {
    /// The same numbers, of which 0 is white.
    pub fn with_white_zero(self) -> Self {
        Self {
            is_white_zero: true,
            ..self
        }
    }

    /// The picture by a value range. `corner` is the place of its first pixel in the file.
    pub fn mapped(
        &self,
        origin: Origin,
        corner: [u32; 2],
        values: &ValueMapping,
        tally: &mut ReadTally,
    ) -> Result<Picture, DataError> {
        let numbers = floats(&self.numbers);
        let bytes = values.samples(&self.file(origin, corner), numbers, tally)?;
        Ok(self.picture_of(Depth::Sixteen, bytes))
    }

    fn file<'a>(&self, origin: Origin<'a>, corner: [u32; 2]) -> Numbers<'a> {
        Numbers {
            path: origin.path,
            // The text of the tag may have more digits than the numbers.
            marked: origin.marked.map(|number| rounded(&self.numbers, number)),
            most: most(&self.numbers),
            width: self.width,
            channels: self.channels,
            surplus: self.extra.surplus,
            plane: self
                .is_planar
                .then(|| self.width as usize * self.height as usize),
            corner,
        }
    }

    /// The picture of these samples, which lie as the numbers do.
    fn picture_of(&self, depth: Depth, bytes: Vec<u8>) -> Picture {
        let bytes = if self.is_planar {
            interleave(&bytes, self.channels, depth.bytes())
        } else {
            bytes
        };
        // The decoder returns as many numbers as there are samples, so the default is never taken.
        Picture::from_bytes(self.width, self.height, self.channels, depth, bytes)
            .unwrap_or_default()
            .with_extra(self.extra)
    }
}
