//! How the networks are trained: first weights, learning rate, optimiser, and what is averaged or
//! kept.

use super::schedule::Policy;
use crate::nn::Initialisation;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The way of training of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// How the learning rate changes.
    pub schedule: Policy,
    /// How the weights start.
    pub init: Initialisation,
    /// The gain of `init`.
    pub init_gain: f32,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// Older fakes that the discriminator may see again; 0 for none.
    pub pool: usize,
    /// Batches whose mean gradient makes one update, at least 1.
    pub accumulate: usize,
    /// The share of the generator's moving average that stays in a step. `None` for no average.
    pub ema: Option<f64>,
    /// The file that the generator started from.
    pub pretrained: Option<PathBuf>,
    /// The file that the discriminator started from.
    pub pretrained_discriminator: Option<PathBuf>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            schedule: Policy::Linear,
            init: Initialisation::Normal,
            init_gain: 0.02,
            optimizer: Optimizer::Adam,
            pool: 0,
            accumulate: 1,
            ema: None,
            pretrained: None,
            pretrained_discriminator: None,
        }
    }
}

/// The optimiser: how gradients change the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam, with the decay rates of the objective.
    #[default]
    Adam,
    /// Gradient descent, in less memory.
    Sgd {
        /// The share of the velocity that stays from step to step. 0 for no momentum.
        momentum: f64,
    },
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for Optimizer {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Adam, Self::Sgd { momentum: 0.0 }]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let (name, help) = match self {
            Self::Adam => ("adam", "Adam"),
            Self::Sgd { .. } => (
                "sgd",
                "Gradient descent, with momentum or without: less memory",
            ),
        };
        Some(clap::builder::PossibleValue::new(name).help(help))
    }
}

impl Optimizer {
    /// Numbers that it keeps beside each weight.
    pub fn moments(self) -> usize {
        match self {
            Self::Adam => 2,
            Self::Sgd { momentum } => usize::from(momentum != 0.0),
        }
    }
}
