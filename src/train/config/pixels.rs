//! What somebody asks about the channels of images. Some of it has to be found in files.

use super::ConfigError;
use super::rules::check_number;
use crate::data::{DataError, Dataset, Direction, PairReading, Palette, Pixels};
use std::path::Path;
use thiserror::Error;

/// Kinds of images. What a kind lacks, the number of channels or the palette, is found in files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum PixelKind {
    /// Brightness
    Gray,
    /// Red, green and blue
    #[default]
    Rgb,
    /// Red, green, blue and opacity
    Rgba,
    /// Lightness of CIE Lab
    LabL,
    /// The colour that lightness lacks, a and b of CIE Lab
    LabAb,
    /// A channel for each colour of a label map
    Labels,
    /// All channels as they are in the files, however many
    Channels,
}

impl PixelKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Gray,
        Self::Rgb,
        Self::Rgba,
        Self::LabL,
        Self::LabAb,
        Self::Labels,
        Self::Channels,
    ];

    /// Its name, as somebody asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Rgb => "rgb",
            Self::Rgba => "rgba",
            Self::LabL => "lab-l",
            Self::LabAb => "lab-ab",
            Self::Labels => "labels",
            Self::Channels => "channels",
        }
    }

    /// What they are; `channels` are those of the files.
    fn pixels(self, channels: usize) -> Pixels {
        match self {
            Self::Gray => Pixels::Gray,
            Self::Rgb => Pixels::Rgb,
            Self::Rgba => Pixels::Rgba,
            Self::LabL => Pixels::LabL,
            Self::LabAb => Pixels::LabAb,
            Self::Labels => Pixels::Labels(Palette::default()),
            Self::Channels => Pixels::Channels(channels),
        }
    }
}

/// Why something could not be found in the files of a data set.
#[derive(Debug, Error)]
pub enum LookUpError {
    /// Kinds that the data set does not have.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Images that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// The kinds of both sides of a pair. Both are RGB unless something else is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PixelSettings {
    /// Of input images.
    pub input: PixelKind,
    /// Of output images.
    pub output: PixelKind,
    /// Input images of a pair; `None` for one.
    pub stack: Option<usize>,
    /// Output images of a pair; `None` for one.
    pub output_stack: Option<usize>,
    /// The colours of labels, if they are known.
    pub palette: Option<Palette>,
    /// The channels of the files of inputs and outputs, if they were counted.
    pub channels: Option<(usize, usize)>,
}

impl PixelSettings {
    /// Input and output images of a pair.
    pub fn images(&self) -> (usize, usize) {
        (self.stack.unwrap_or(1), self.output_stack.unwrap_or(1))
    }

    /// Whether the colours of label maps have to be found first.
    pub fn needs_palette(&self) -> bool {
        self.input == PixelKind::Labels && self.palette.is_none()
    }

    /// Whether the channels of files have to be counted first.
    pub fn needs_channels(&self) -> bool {
        [self.input, self.output].contains(&PixelKind::Channels) && self.channels.is_none()
    }

    /// Checks everything that needs no files.
    ///
    /// # Errors
    /// Two kinds that no network can map to each other, and a palette without labels.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (inputs, outputs) = self.images();
        for (field, images) in [("stack", inputs), ("output_stack", outputs)] {
            check_number(field, images as f64)?;
        }
        let (input, output) = (
            self.input.pixels(0).times(inputs),
            self.output.pixels(0).times(outputs),
        );
        Pixels::check(&input, &output)?;
        if self.palette.is_some() && self.input != PixelKind::Labels {
            return Err(ConfigError::new(
                "palette",
                "`palette` does nothing without `input` labels",
                "add it or leave out `palette`",
            ));
        }
        Ok(())
    }

    /// Finds the palette and counts the channels of a data set, if that is needed. `None` stands
    /// for the bundled pairs. This may read all images.
    ///
    /// # Errors
    /// Kinds that the bundled pairs do not have, and those of reading images.
    pub fn look_up(
        &mut self,
        dataset: Option<&Path>,
        direction: Direction,
        reading: &PairReading,
    ) -> Result<(), LookUpError> {
        let images = self.images();
        let Some(dataset) = dataset else {
            return Ok(self.check_bundled()?);
        };
        // The numbers of channels are not needed to read files.
        let [input, output] = [self.input, self.output].map(|kind| kind.pixels(0));
        let reading = &reading
            .ordered(direction, &input, &output)
            .map_err(ConfigError::from)?;
        if self.needs_channels() {
            self.channels = Some(Dataset::channels(dataset, direction, images, reading)?);
        }
        if self.needs_palette() {
            self.palette = Some(Dataset::input_palette(dataset, direction, images, reading)?);
        }
        Ok(())
    }

    /// Refuses what the bundled pairs do not have. They are RGB, with one image on each side.
    fn check_bundled(&self) -> Result<(), ConfigError> {
        let (inputs, outputs) = self.images();
        let (field, rule, remedy) = if inputs + outputs > 2 {
            (
                "stack",
                "the bundled pairs have one image a side",
                "name a data set with folders A, A2, .. for `stack`",
            )
        } else if self.needs_channels() {
            (
                "input",
                "the bundled pairs are RGB",
                "name a data set, or leave out `input` and `output` channels",
            )
        } else if self.needs_palette() {
            (
                "input",
                "the bundled pairs are no label maps",
                "name a data set for `input` labels",
            )
        } else {
            return Ok(());
        };
        Err(ConfigError::new(field, rule, remedy))
    }

    /// Input and output.
    ///
    /// # Errors
    /// Those of [`PixelSettings::check`], and labels or channels that were not looked up.
    pub fn kinds(&self) -> Result<[Pixels; 2], ConfigError> {
        self.check()?;
        if self.needs_channels() {
            return Err(ConfigError::new(
                "input",
                "there are no files here whose channels could be counted",
                "the same networks are `input` gray `stack` N",
            ));
        }
        let (inputs, outputs) = self.images();
        let channels = self.channels.unwrap_or_default();
        let input = match (self.input, &self.palette) {
            (PixelKind::Labels, Some(palette)) => Pixels::Labels(palette.clone()),
            (PixelKind::Labels, None) => {
                return Err(ConfigError::new(
                    "palette",
                    "there are no label maps here whose colours could be counted",
                    "add `palette` FILE to `input` labels",
                ));
            }
            (other, _) => other.pixels(channels.0),
        };
        Ok([
            input.times(inputs),
            self.output.pixels(channels.1).times(outputs),
        ])
    }
}
