//! What a caller says about how image files are read.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::background::Background;
use super::limits::SizeLimit;
use super::picture::Picture;
use super::pixels::Pixels;
use super::read_tally::ReadTally;
use super::split::Direction;
use super::values::{ValueError, ValueMapping, ValueRange};

/// How image files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Pictures stay as they are stored, as in the reference. Otherwise they are turned as their
    /// EXIF orientation says, as viewers show them.
    pub ignore_orientation: bool,
    /// What the numbers in the files mean. Without it their type says so.
    pub values: Option<ValueMapping>,
    /// The most pixels of an image, of 16 bytes at most once they are decoded. Images of larger
    /// pixels count as more. Reading takes at most [`ReadOptions::BYTES_A_PIXEL`] for each of them,
    /// [`ReadOptions::BYTES_A_FILE_BYTE`] for each byte of the file, and
    /// [`ReadOptions::BYTES_MORE`]. Without it the limit is 16384 pixels a side and 512 MiB
    /// decoded, and larger images can be read row by row.
    pub max_pixels: Option<u64>,
    /// The files of one side are numbers of labels, which may all be small. Otherwise a picture
    /// that is nearly black is told.
    pub are_labels: bool,
    /// Every channel is a number of its own, so colours are not divided by an opacity that they are
    /// multiplied by. Otherwise those that are more than white then are told.
    pub are_channels: bool,
    /// What pictures with opacity are laid on, which then have none. Without it the opacity stays.
    pub background: Option<Background>,
}

impl ReadOptions {
    /// See [`ReadOptions::max_pixels`].
    pub const BYTES_A_PIXEL: u64 = 80;
    /// The same.
    pub const BYTES_A_FILE_BYTE: u64 = 2;
    /// The same.
    pub const BYTES_MORE: u64 = 32 << 20;

    /// Whether pictures that are nearly black are told.
    pub(super) fn tells_dark(&self) -> bool {
        self.values.is_none() && !self.are_labels
    }

    /// The picture of a file, or some of its rows, on the background if there is one. If pixels let
    /// something through, this is counted.
    pub(super) fn lay(&self, path: &Path, picture: Picture, tally: &mut ReadTally) -> Picture {
        let Some(background) = self.background else {
            return picture;
        };
        if picture.is_translucent() {
            tally.count_laid(path, background);
        }
        picture.on(background)
    }

    /// How large an image may be.
    pub(super) fn limit(&self) -> SizeLimit {
        self.max_pixels.map_or(SizeLimit::Usual, SizeLimit::Pixels)
    }
}

/// How the files of pairs are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PairReading {
    /// As in [`ReadOptions`].
    pub ignore_orientation: bool,
    /// As in [`ReadOptions`].
    pub max_pixels: Option<u64>,
    /// The numbers of input files that are black and white. Without it their type says so.
    pub value_range: Option<ValueRange>,
    /// Those of output files.
    pub output_value_range: Option<ValueRange>,
    /// What fills missing values of files with a range. Without it they are refused.
    pub nodata: Option<f64>,
    /// What pictures with opacity are laid on, on a side that drops opacity. It belongs to the use
    /// of a model, and no run records it.
    #[serde(skip)]
    pub background: Option<Background>,
}

impl PairReading {
    /// How the files of inputs and of outputs are read, which have these pixels.
    ///
    /// # Errors
    /// [`ValueError::NodataAlone`] and [`ValueError::NodataOutside`].
    pub fn sides(&self, input: &Pixels, output: &Pixels) -> Result<[ReadOptions; 2], ValueError> {
        let has_range = self.value_range.or(self.output_value_range).is_some();
        if self.nodata.is_some() && !has_range {
            return Err(ValueError::NodataAlone);
        }
        // The halves of a combined image are read alike.
        let are_labels = [input, output]
            .iter()
            .any(|pixels| matches!(pixels, Pixels::Labels(_)));
        let side = |range, pixels| {
            let options = self.side(range, pixels)?;
            Ok(ReadOptions {
                are_labels,
                ..options
            })
        };
        Ok([
            side(self.value_range, input)?,
            side(self.output_value_range, output)?,
        ])
    }

    /// The same for A and B.
    ///
    /// # Errors
    /// Those of [`PairReading::sides`].
    pub fn ordered(
        &self,
        direction: Direction,
        input: &Pixels,
        output: &Pixels,
    ) -> Result<[ReadOptions; 2], ValueError> {
        let [input, output] = self.sides(input, output)?;
        let (a, b) = direction.order((input, output));
        Ok([a, b])
    }

    fn side(&self, range: Option<ValueRange>, pixels: &Pixels) -> Result<ReadOptions, ValueError> {
        let mapping = |range| ValueMapping::new(range, self.nodata, pixels.are_any_channels());
        let values = range.map(mapping).transpose()?;
        Ok(ReadOptions {
            ignore_orientation: self.ignore_orientation,
            max_pixels: self.max_pixels,
            values: match pixels {
                Pixels::Labels(_) => values.map(ValueMapping::of_labels),
                _ => values,
            },
            are_labels: false,
            are_channels: pixels.are_any_channels(),
            background: self.background.filter(|_| pixels.drop_opacity()),
        })
    }
}
