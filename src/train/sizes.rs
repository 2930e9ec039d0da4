//! The sizes of a run's images. This is one size, or with whole pictures all sizes of the data set.
//! A program is compiled for each.

use super::config::{Config, DEEPEST_NAMED};
use super::error::TrainError;
use crate::data::{PairSet, Preprocess};
use crate::nn::{DiscriminatorConfig, PatchGanConfig};
use std::collections::HashSet;

/// Compiled programs that are kept for images of different sizes. Programs share activations,
/// gradients and scratch. One more costs little on the device, but a tape and a plan on the host.
/// This number bounds them.
pub(super) const KEPT_PROGRAMS: usize = 64;

/// Pairs that are translated for a score: enough for a stable mean, few enough not to slow the run.
pub(super) const SCORED_PAIRS: usize = 100;

/// A size of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// Width and height, in pixels.
    pub sides: (u32, u32),
    /// The first pair of this size, if pictures are used whole.
    pub pair: Option<String>,
}

/// The sizes of a run, each once, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Of the images of training.
    pub training: Vec<Size>,
    /// Of the images that are translated for sample grids and scores.
    pub shown: Vec<Size>,
}

impl Sizes {
    /// Images of the configuration's size and no other.
    pub fn one(config: &Config) -> Self {
        let size = vec![Size {
            sides: (config.size, config.size),
            pair: None,
        }];
        Self {
            training: size.clone(),
            shown: size,
        }
    }

    /// The sizes of the pairs that a run learns from, and of those that it shows.
    ///
    /// # Errors
    /// [`TrainError::TooSmall`] for a whole picture that the networks cannot take.
    pub fn of(config: &Config, training: &PairSet, shown: &PairSet) -> Result<Self, TrainError> {
        if !config.preprocess.is_whole() {
            return Ok(Self::one(config));
        }
        let sizes = Self {
            training: distinct(training, training.len()),
            shown: distinct(shown, SCORED_PAIRS),
        };
        let multiple = config.generator().multiple();
        // Images of training go through both networks. Images that are shown go through the
        // generator alone.
        check(&sizes.training, config, least_side(config, multiple))?;
        check(&sizes.shown, config, config.fit.least_side(multiple))?;
        Ok(sizes)
    }

    /// Width and height of the largest images of training. A data set has at least one image.
    pub(super) fn largest(&self) -> (u32, u32) {
        self.training
            .first()
            .map(|size| size.sides)
            .unwrap_or_default()
    }

    /// The sizes that no other size covers in both width and height. If these fit, all fit.
    pub(super) fn outermost(&self) -> Self {
        let outermost = |sizes: &[Size]| {
            let covers = |large: &Size, small: &Size| {
                large.sides != small.sides
                    && large.sides.0 >= small.sides.0
                    && large.sides.1 >= small.sides.1
            };
            sizes
                .iter()
                .filter(|size| !sizes.iter().any(|other| covers(other, size)))
                .cloned()
                .collect()
        };
        Self {
            training: outermost(&self.training),
            shown: outermost(&self.shown),
        }
    }

    /// The same pictures scaled to a width.
    pub(super) fn scaled(&self, width: u32) -> Self {
        let scaled = |sizes: &[Size]| {
            let scale = |size: &Size| Size {
                sides: Preprocess::ScaleWidth.resized(size.sides, width, 1),
                ..size.clone()
            };
            sizes.iter().map(scale).collect()
        };
        Self {
            training: scaled(&self.training),
            shown: scaled(&self.shown),
        }
    }
}

impl Size {
    /// Adds to an error the picture that it is about, if pictures are used whole.
    pub(super) fn cause(&self, error: TrainError) -> TrainError {
        let (width, height) = self.sides;
        match self.pair.clone() {
            Some(pair) => TrainError::Picture {
                pair,
                width,
                height,
                source: Box::new(error),
            },
            None => error,
        }
    }

    fn shorter_side(&self) -> usize {
        self.sides.0.min(self.sides.1) as usize
    }
}

/// Refuses sizes that the networks cannot take. Only the smallest is looked at: if it fits, all do.
fn check(sizes: &[Size], config: &Config, least: usize) -> Result<(), TrainError> {
    let Some(smallest) = sizes
        .iter()
        .min_by_key(|size| size.shorter_side())
        .filter(|size| size.shorter_side() < least)
    else {
        return Ok(());
    };
    let (pair, (width, height)) = (smallest.pair.clone().unwrap_or_default(), smallest.sides);
    // If the generator cannot take this side, there is no patch at all.
    let shown = config
        .fit
        .output_side(smallest.shorter_side(), config.generator().multiple());
    let side = DiscriminatorConfig::last_side(config.discriminators, shown);
    let held = (0..=DEEPEST_NAMED.min(config.d_layers))
        .rev()
        .find(|&n_layers| PatchGanConfig::patches(n_layers, side) > 0);
    let patches =
        held.map(|n_layers| [config.d_layers, n_layers].map(PatchGanConfig::receptive_field));
    Err(TrainError::TooSmall {
        pair,
        width,
        height,
        least,
        patches,
    })
}

/// The least side that both networks can take. The discriminator, if there is one, needs a patch.
fn least_side(config: &Config, multiple: usize) -> usize {
    let least = config.fit.least_side(multiple);
    if config.objective.lambda_gan == 0.0 {
        return least;
    }
    let discriminator = config.discriminator();
    let fits =
        |&side: &usize| discriminator.last_patches(config.fit.output_side(side, multiple)) > 0;
    (least..).find(fits).unwrap_or(least)
}

/// The sizes of the first `pairs` pairs, the largest first.
fn distinct(set: &PairSet, pairs: usize) -> Vec<Size> {
    let mut sizes: Vec<Size> = Vec::new();
    let mut seen = HashSet::new();
    for (&sides, source) in set.sides().iter().zip(set.sources()).take(pairs) {
        if seen.insert(sides) {
            sizes.push(Size {
                sides,
                pair: Some(source.to_string()),
            });
        }
    }
    let area = |size: &Size| u64::from(size.sides.0) * u64::from(size.sides.1);
    sizes.sort_by_key(|size| u64::MAX - area(size));
    sizes
}
