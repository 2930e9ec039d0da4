//! What the channels of images mean, as `train`, `inspect` and `bench` take it.

use super::CliError;
use crate::data::{DataError, Dataset, Palette, Pixels};
use crate::train::Config;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// The heading of these options in the help.
const HEADING: &str = "What a pixel is";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PixelsArg {
    /// Brightness
    Gray,
    /// Red, green and blue
    Rgb,
    /// Red, green, blue and opacity
    Rgba,
    /// Lightness of CIE Lab
    LabL,
    /// The colour that lightness lacks, a and b of CIE Lab
    LabAb,
    /// A channel for each colour of a label map
    Labels,
    /// All channels as they are in the files, however many (TIFFs of RGB have no further ones but
    /// opacity)
    Channels,
}

impl PixelsArg {
    /// The kind; `channels` are those of the files.
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

/// Kinds of images; without these options both sides are RGB.
#[derive(Debug, Clone, Args)]
pub struct PixelArgs {
    /// What input images are converted to; with lab-l to lab-ab every photo of the data set is a
    /// pair of its own
    #[arg(long, value_enum, default_value = "rgb", value_name = "KIND", help_heading = HEADING)]
    input: PixelsArg,
    /// What the generator paints
    #[arg(long, value_enum, default_value = "rgb", value_name = "KIND", help_heading = HEADING)]
    output: PixelsArg,
    /// Input images of each pair, of one name in folders A, A2, .. and so on
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = HEADING)]
    stack: u8,
    /// Output images of each pair, of one name in folders B, B2, .. and so on
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = HEADING)]
    output_stack: u8,
    /// Text file with a line #rrggbb, or #rrrrggggbbbb of 16 bits, for each label of --input labels
    /// [default: the colours of all input images]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    palette: Option<PathBuf>,
}

impl PixelArgs {
    /// Writes the kinds into `config`, with the palette of its data set where labels have none.
    ///
    /// # Errors
    /// [`CliError::Usage`] for two that no network can map to each other and a palette without
    /// labels; those of finding a palette.
    pub fn apply(&self, config: &mut Config) -> Result<(), CliError> {
        if config.dataset.is_none() && usize::from(self.stack) + usize::from(self.output_stack) > 2
        {
            return usage(
                "the bundled pairs have one image a side; name a data set with folders A, A2, .. for --stack",
            );
        }
        let (dataset, direction) = (config.dataset.as_deref(), config.direction);
        let images = (usize::from(self.stack), usize::from(self.output_stack));
        let counted = || match dataset {
            Some(dataset) => Ok(Dataset::channels(dataset, direction, images)?),
            None => usage(
                "the bundled pairs are RGB; name a data set, or leave out --input and --output channels",
            ),
        };
        let found = || match dataset {
            Some(dataset) => Ok(Dataset::input_palette(dataset, direction, images)?),
            None => {
                usage("the bundled pairs are no label maps; name a data set for --input labels")
            }
        };
        [config.input, config.output] = self.kinds(counted, found)?;
        Ok(())
    }

    /// The same for networks that see no images.
    ///
    /// # Errors
    /// [`CliError::Usage`], also for labels without a palette and for channels.
    pub fn apply_without_images(&self, config: &mut Config) -> Result<(), CliError> {
        let counted = || {
            usage(
                "there are no files here to count the channels of; the same networks are --input gray --stack N",
            )
        };
        let found = || {
            usage(
                "there are no label maps here to count the colours of; add --palette FILE to --input labels",
            )
        };
        [config.input, config.output] = self.kinds(counted, found)?;
        Ok(())
    }

    /// Input and output. Only where the options make sense together, files are looked at: `counted`
    /// counts the channels of inputs and outputs, and `found` finds the palette of label maps.
    fn kinds(
        &self,
        counted: impl FnOnce() -> Result<(usize, usize), CliError>,
        found: impl FnOnce() -> Result<Palette, CliError>,
    ) -> Result<[Pixels; 2], CliError> {
        let [inputs, outputs] = [self.stack, self.output_stack].map(usize::from);
        let (input, output) = (
            self.input.pixels(0).times(inputs),
            self.output.pixels(0).times(outputs),
        );
        Pixels::check(&input, &output).map_err(|reason| CliError::Usage(reason.to_owned()))?;
        if self.palette.is_some() && self.input != PixelsArg::Labels {
            return usage(
                "--palette does nothing without --input labels; add it or leave out --palette",
            );
        }
        let palette = self.palette.as_deref().map(read_palette).transpose()?;
        let counts = [self.input, self.output].contains(&PixelsArg::Channels);
        let channels = if counts { counted()? } else { (0, 0) };
        let input = match (self.input, palette) {
            (PixelsArg::Labels, Some(palette)) => Pixels::Labels(palette),
            (PixelsArg::Labels, None) => Pixels::Labels(found()?),
            (other, _) => other.pixels(channels.0),
        };
        Ok([
            input.times(inputs),
            self.output.pixels(channels.1).times(outputs),
        ])
    }
}

fn usage<T>(reason: &str) -> Result<T, CliError> {
    Err(CliError::Usage(reason.to_owned()))
}

/// Reads a palette's text file.
///
/// # Errors
/// [`DataError::ReadFile`], and [`CliError::Usage`] with the line that is none.
pub fn read_palette(path: &Path) -> Result<Palette, CliError> {
    let text = std::fs::read_to_string(path).map_err(|source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    })?;
    Palette::parse(&text)
        .map_err(|problem| CliError::Usage(format!("--palette {}: {problem}", path.display())))
}
