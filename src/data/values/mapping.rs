//! How the numbers of a file become samples of a picture.

use std::path::Path;

use super::error::ValueError;
use super::range::ValueRange;
use crate::data::depth::Depth;
use crate::data::read_tally::{ReadTally, What};

/// What is said about the numbers of files. Pictures read by it have 16 bits: a step is a 65535th
/// of the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueMapping {
    range: ValueRange,
    nodata: Option<f64>,
    all_channels: bool,
    /// The numbers are those of labels, which may be far from both ends.
    are_labels: bool,
}

/// Numbers of a file, and where they lie in it.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Numbers<'a> {
    /// The file.
    pub path: &'a Path,
    /// The number that the file calls no data.
    pub marked: Option<f64>,
    /// The largest number of the type: full opacity. 1 for floats.
    pub most: f64,
    /// Pixels from left to right.
    pub width: u32,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Channels behind colours and opacity.
    pub surplus: usize,
    /// Pixels of a plane, where each channel has a plane of its own.
    pub plane: Option<usize>,
    /// Column and row of the first pixel.
    pub corner: [u32; 2],
}

impl Numbers<'_> {
    /// The channel of the number with this index.
    pub fn channel(&self, index: usize) -> usize {
        match self.plane {
            Some(plane) => index / plane.max(1),
            None => index % self.channels.max(1),
        }
    }

    /// Column and row of the number with this index.
    fn place(&self, index: usize) -> [u32; 2] {
        let pixel = match self.plane {
            Some(plane) => index % plane.max(1),
            None => index / self.channels.max(1),
        };
        let width = self.width.max(1) as usize;
        [
            self.corner[0] + (pixel % width) as u32,
            self.corner[1] + (pixel / width) as u32,
        ]
    }

    /// The channel that is opacity, if one is.
    pub fn opacity(&self) -> Option<usize> {
        (self.surplus == 0 && matches!(self.channels, 2 | 4)).then(|| self.channels - 1)
    }

    /// The error for the missing number with this index.
    pub fn missing(&self, index: usize, found: f64, has_range: bool) -> ValueError {
        ValueError::Missing {
            path: self.path.to_owned(),
            at: self.place(index),
            channel: self.channel(index),
            found,
            has_range,
        }
    }

    /// The numbers that a range is about, which are neither missing nor opacity.
    pub fn present(
        &self,
        all_channels: bool,
        numbers: impl Iterator<Item = f64>,
    ) -> impl Iterator<Item = f64> {
        let opacity = self.opacity().filter(|_| !all_channels);
        numbers
            .enumerate()
            .filter(move |&(index, number)| {
                number.is_finite()
                    && self.marked != Some(number)
                    && opacity != Some(self.channel(index))
            })
            .map(|(_, number)| number)
    }
}

/// How many numbers were changed, and one of them.
#[derive(Default)]
struct Count {
    numbers: u64,
    example: f64,
    distance: f64,
}

impl Count {
    /// Counts a number. The example is one of those that are the farthest away.
    fn add(&mut self, number: f64, distance: f64) {
        if self.numbers == 0 || distance > self.distance {
            (self.example, self.distance) = (number, distance);
        }
        self.numbers += 1;
    }
}

impl ValueMapping {
    /// Black and white are the ends of `range`. Missing values are filled with `nodata`, or refused
    /// without it. `all_channels` says that opacity is a number as every other channel is; else it
    /// keeps the range of its type.
    ///
    /// # Errors
    /// [`ValueError::NodataOutside`].
    pub fn new(
        range: ValueRange,
        nodata: Option<f64>,
        all_channels: bool,
    ) -> Result<Self, ValueError> {
        match nodata {
            Some(nodata) if !range.contains(nodata) => {
                Err(ValueError::NodataOutside { nodata, range })
            }
            _ => Ok(Self {
                range,
                nodata,
                all_channels,
                are_labels: false,
            }),
        }
    }

    /// The same for numbers of labels. That they do not fill the range is not told.
    pub fn of_labels(self) -> Self {
        Self {
            are_labels: true,
            ..self
        }
    }

    /// Black and white.
    pub fn range(&self) -> ValueRange {
        self.range
    }

    /// What missing values are filled with.
    pub fn nodata(&self) -> Option<f64> {
        self.nodata
    }

    /// The bytes of 16-bit samples in the order of `numbers`. Infinite numbers lie outside of every
    /// range. What is changed is counted in `tally`.
    ///
    /// # Errors
    /// [`ValueError::Missing`].
    pub(in crate::data) fn samples(
        &self,
        file: &Numbers,
        numbers: impl Iterator<Item = f64>,
        tally: &mut ReadTally,
    ) -> Result<Vec<u8>, ValueError> {
        let opacity = file.opacity().filter(|_| !self.all_channels);
        let white = f64::from(Depth::Sixteen.max());
        let (mut outside, mut filled) = (Count::default(), Count::default());
        // Floats have no largest number, and 1 stands for it.
        if !self.are_labels && file.most > 1.0 && 3.0 * file.most < self.range.width() {
            tally.count_narrow(file.path, self.range, file.most);
        }
        let mut bytes = Vec::with_capacity(2 * numbers.size_hint().0);
        for (index, mut number) in numbers.enumerate() {
            let is_opacity = opacity == Some(file.channel(index));
            if number.is_nan() || !is_opacity && file.marked == Some(number) {
                let fill = self.nodata;
                let fill = fill.ok_or_else(|| file.missing(index, number, true))?;
                filled.add(number, 0.0);
                // A pixel of unknown opacity shows nothing.
                number = if is_opacity { 0.0 } else { fill };
            }
            let share = if is_opacity {
                number / file.most
            } else {
                self.range.share(number)
            };
            if !(0.0..=1.0).contains(&share) {
                outside.add(number, (share - 0.5).abs());
            }
            let sample = (share.clamp(0.0, 1.0) * white).round() as u16;
            bytes.extend(sample.to_ne_bytes());
        }
        let changes = [
            (What::Clamped(self.range), outside),
            (What::Filled(self.nodata.unwrap_or_default()), filled),
        ];
        for (change, count) in changes {
            if count.numbers > 0 {
                tally.count(change, file.path, count.numbers, count.example);
            }
        }
        Ok(bytes)
    }
}
