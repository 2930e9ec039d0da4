//! Sets of defaults.

use super::{Config, Length};
use crate::data::default_load_size;
use crate::nn::Upsample;
use crate::train::losses::GanLoss;
use crate::train::objective::Objective;
use crate::train::recipe::Recipe;
use std::path::Path;

/// Whose defaults a run has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Preset {
    /// Those of the paper
    #[default]
    Paper,
    /// Small images, few channels, 2800 steps, and a recipe that learns fast
    Fast,
}

impl Preset {
    /// Its name, as somebody asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Fast => "fast",
        }
    }

    /// The preset of a run on this data set. `None` stands for the bundled pairs.
    pub fn of(dataset: Option<&Path>) -> Self {
        match dataset {
            Some(_) => Self::Paper,
            None => Self::Fast,
        }
    }

    /// The configuration with all its defaults.
    pub fn config(self) -> Config {
        match self {
            Self::Paper => Config::default(),
            // docs/decisions/networks-and-training.md has the numbers.
            Self::Fast => Config {
                size: 64,
                load_size: self.load_size(64),
                ngf: 16,
                ndf: 8,
                num_downs: 6,
                d_layers: 1,
                upsample: Upsample::Nearest,
                dropout: false,
                length: Length::Steps(2800),
                learning_rate: 4e-3,
                objective: Objective {
                    gan_loss: GanLoss::Lsgan,
                    ..Objective::default()
                },
                recipe: Recipe {
                    ema: Some(0.998),
                    ..Recipe::default()
                },
                ..Config::default()
            },
        }
    }

    /// Channels of the discriminator's first convolution, beside so many of the generator's.
    pub(super) fn ndf(self, ngf: usize) -> usize {
        match self {
            Self::Paper => ngf,
            Self::Fast => (ngf / 2).max(1),
        }
    }

    /// The side that images are resized to before the crop, for crops of this size.
    pub(super) fn load_size(self, size: u32) -> u32 {
        match self {
            Self::Paper => default_load_size(size),
            // Images are not enlarged: that blurs what the networks learn from.
            Self::Fast => size,
        }
    }
}
