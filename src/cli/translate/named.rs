//! The model that was named: its weights, and what is known of the images that it takes.

use super::TranslateArgs;
use crate::cli::CliError;
use crate::cli::pth::say;
use crate::cli::weights::open_weights;
use crate::data::{Background, PairReading, Pixels, ReadOptions};
use crate::interop::TensorFile;
use crate::models::{self, BundledModel};
use crate::train::checkpoint::{self, NetworkKind};
use crate::train::{ConfigError, ModelConfig};

/// A generator that was read and is not on the device yet.
pub struct NamedModel {
    pub file: TensorFile,
    pub config: ModelConfig,
    /// What images with opacity are laid on.
    background: Option<Background>,
    /// Side of the images that it was trained on, if that is known.
    pub trained_size: Option<u32>,
}

impl NamedModel {
    /// The model that `args` name. What a bundled one does not keep in its weights stands on its
    /// card.
    pub fn open(args: &TranslateArgs) -> Result<Self, CliError> {
        let file = open_weights(&args.model, NetworkKind::Generator)?;
        let (file, config, notes) =
            checkpoint::find_generator(&file, &args.pth.network, args.pth.upsample)?;
        notes.iter().for_each(|note| say(file.path(), note));
        if let (Some(_), Some(reason)) = (args.background, no_background(&config.input)) {
            return Err(CliError::Usage(format!(
                "this model takes {reason}, so nothing lies behind its images; leave out \
                 --background"
            )));
        }
        let card = models::named(&args.model).map(BundledModel::card);
        let card = card.transpose()?;
        let of_card = card.as_ref().and_then(|card| card.background);
        Ok(Self {
            background: args.background.or(of_card),
            trained_size: config.trained_size().or(card.map(|card| card.size)),
            file,
            config,
        })
    }

    /// How its input files are read.
    pub fn reading(&self, args: &TranslateArgs) -> Result<ReadOptions, ConfigError> {
        self.config.reading_as(self.asked(args))
    }

    /// The same, and how files of targets are read.
    pub fn readings(&self, args: &TranslateArgs) -> Result<[ReadOptions; 2], ConfigError> {
        self.config.readings_as(self.asked(args))
    }

    fn asked(&self, args: &TranslateArgs) -> PairReading {
        PairReading {
            background: self.background,
            ..args.reading.asked()
        }
    }
}

/// What a model takes whose images are not laid on a colour.
fn no_background(input: &Pixels) -> Option<&'static str> {
    match input {
        _ if input.drop_opacity() => None,
        _ if input.are_any_channels() => Some("every channel as it is, whatever it means"),
        _ => Some("opacity as it is"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_drops_opacity_has_a_background() {
        let channels = Some("every channel as it is, whatever it means");
        for (input, reason) in [
            (Pixels::Rgb, None),
            (Pixels::Gray.times(3), None),
            (Pixels::Rgba, Some("opacity as it is")),
            (Pixels::Rgba.times(2), Some("opacity as it is")),
            (Pixels::Channels(3), channels),
            (Pixels::Channels(4), channels),
        ] {
            assert_eq!(no_background(&input), reason, "{input}");
        }
    }
}
