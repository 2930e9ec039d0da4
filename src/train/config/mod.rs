//! Everything that defines a run, and the one place that knows its defaults, ranges and rules. It
//! is stored in `config.json` and in every checkpoint, so a run goes on without being told anything
//! again.
//!
//! | file | idea |
//! |---|---|
//! | `mod.rs` | the configuration and what follows from it |
//! | `field.rs`, `fields.rs` | what a field is, and the table of all fields |
//! | `rules.rs` | what a whole configuration must keep |
//! | `model.rs` | a trained generator as its file describes it, and what may be asked of it |
//! | `preset.rs` | sets of defaults |
//! | `form.rs` | the fields of a form, and settings by the names of fields |
//! | `settings.rs` | what somebody asks for, and the configuration that it makes |
//! | `pixels.rs`, `values.rs` | what is asked about the channels and the numbers in files |
//! | `without_use.rs` | what somebody asks for and the rest leaves without use |
//! | `error.rs` | the field, the rule, the nearest valid choice |

mod error;
mod field;
mod fields;
mod form;
mod model;
mod pixels;
mod preset;
mod rules;
mod settings;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
mod values;
mod without_use;

pub use error::ConfigError;
pub use field::{Field, Group, Range};
pub use fields::{CHANGED_ON_RESUME, FIELDS, SHORTHANDS, find};
pub use form::{FormField, FormGroup, form};
pub use model::ModelConfig;
pub use pixels::{LookUpError, PixelKind, PixelSettings};
pub use preset::Preset;
pub(super) use rules::DEEPEST_NAMED;
pub use settings::Settings;
pub use values::ValueSettings;

use super::objective::Objective;
use super::recipe::Recipe;
use super::schedule::{Plateau, Schedule};
use super::score::EvalMetric;
use crate::data::{DataOptions, Direction, PairReading, Pixels, Preprocess, default_load_size};
use crate::nn::{
    DiscriminatorConfig, DropoutAt, Fit, GeneratorConfig, Norm, PatchGanConfig, ResNetConfig,
    TestNorm, TestTime, UNetConfig, Upsample,
};
use crate::tensor::DType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// How long a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Passes over the training pairs; the learning rate changes from epoch to epoch.
    Epochs(u64),
    /// Training steps; the learning rate changes from step to step.
    Steps(u64),
}

/// The architecture of a generator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Architecture {
    /// An encoder and a decoder with skips between them
    ///
    /// A U-Net.
    #[default]
    #[cfg_attr(feature = "cli", value(name = "unet"))]
    UNet,
    /// The same without skips
    #[serde(rename = "encoder-decoder")]
    EncoderDecoder,
    /// Two halvings, nine residual blocks, two doublings
    #[cfg_attr(feature = "cli", value(name = "resnet9"))]
    ResNet9,
    /// The same with six blocks
    #[cfg_attr(feature = "cli", value(name = "resnet6"))]
    ResNet6,
}

impl Default for Config {
    /// The paper's settings (section 6.2), as the reference in PyTorch has them.
    fn default() -> Self {
        Self {
            dataset: None,
            adapter: None,
            direction: Direction::AtoB,
            input: Pixels::Rgb,
            output: Pixels::Rgb,
            size: 256,
            fit: Fit::default(),
            preprocess: Preprocess::default(),
            load_size: default_load_size(256),
            mirror: true,
            reading: PairReading::default(),
            ngf: 64,
            ndf: 64,
            num_downs: 8,
            d_layers: 3,
            discriminators: 1,
            norm: Norm::Batch,
            architecture: Architecture::default(),
            upsample: Upsample::default(),
            dropout: true,
            dropout_at: DropoutAt::default(),
            test: TestTime::default(),
            precision: DType::F32,
            batch_size: 1,
            recompute: false,
            length: Length::Epochs(200),
            learning_rate: 2e-4,
            objective: Objective::default(),
            recipe: Recipe::default(),
            seed: 0,
            sample_every: 1000,
            checkpoint_every: 1000,
            eval_metric: EvalMetric::default(),
            patience: None,
            tensorboard: false,
        }
    }
}

/// A run's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The data set's folder; `None` for the bundled pairs.
    pub dataset: Option<PathBuf>,
    /// The adapter that was asked for; `None` for the default one.
    pub adapter: Option<String>,
    /// Which half of a pair is the input.
    pub direction: Direction,
    /// What the channels of input images mean.
    #[serde(default)]
    pub input: Pixels,
    /// What those of output images mean.
    #[serde(default)]
    pub output: Pixels,
    /// Side of the square images. If pictures are used whole, it is the width that they are scaled
    /// to, or only an example.
    pub size: u32,
    /// How images go through the generator if their size does not suit it.
    #[serde(default)]
    pub fit: Fit,
    /// How images are resized, and whether they are cropped.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// Height and width that images are resized to before the random crop. For whole pictures, it
    /// is the width that they are scaled to.
    pub load_size: u32,
    /// Half of the training samples are mirrored.
    #[serde(default = "mirrored")]
    pub mirror: bool,
    /// How image files are read.
    #[serde(default)]
    pub reading: PairReading,
    /// Channels of the generator's first convolution.
    pub ngf: usize,
    /// Channels of the discriminator's first convolution.
    pub ndf: usize,
    /// Halvings of the generator, 2 in a ResNet.
    pub num_downs: usize,
    /// Strided convolutions of the discriminator.
    pub d_layers: usize,
    /// Scales of the image with a discriminator of their own.
    #[serde(default = "one")]
    pub discriminators: usize,
    /// Normalisation of both networks.
    pub norm: Norm,
    /// The generator's architecture.
    #[serde(default)]
    pub architecture: Architecture,
    /// How the generator doubles its maps.
    #[serde(default)]
    pub upsample: Upsample,
    /// Dropout in the generator.
    pub dropout: bool,
    /// Which blocks of a U-Net or an encoder-decoder have it.
    #[serde(default)]
    pub dropout_at: DropoutAt,
    /// How the generator is used in sample grids, held-out scores and translation.
    #[serde(default)]
    pub test: TestTime,
    /// How weights, activations and gradients are stored.
    #[serde(default)]
    pub precision: DType,
    /// Pairs in a batch. A step takes one batch, or `accumulate` of them.
    pub batch_size: usize,
    /// Compute values again for the backward pass instead of keeping them: less memory, the same
    /// bits.
    #[serde(default)]
    pub recompute: bool,
    /// Length of the run.
    pub length: Length,
    /// The learning rate at the start.
    pub learning_rate: f64,
    /// Losses and their weights.
    pub objective: Objective,
    /// How the networks are trained.
    #[serde(default)]
    pub recipe: Recipe,
    /// Seed of weights, data order, jitter and dropout.
    pub seed: u64,
    /// Steps from one sample grid and held-out score to the next.
    pub sample_every: u64,
    /// Steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// The held-out score by which checkpoints are compared.
    #[serde(default)]
    pub eval_metric: EvalMetric,
    /// Held-out scores in a row that may be no better than the best one, before the run ends.
    #[serde(default)]
    pub patience: Option<u64>,
    /// Event files for TensorBoard are written.
    #[serde(default)]
    pub tensorboard: bool,
}

/// The values in the JSON of a configuration, with dots in the names of nested ones. A choice with
/// a value of its own is one field.
fn leaves(json: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (name, value) in json.as_object().into_iter().flatten() {
        match value {
            Value::Object(inner) if NESTED.contains(&name.as_str()) => found.extend(
                inner
                    .iter()
                    .map(|(field, value)| (format!("{name}.{field}"), value.clone())),
            ),
            value => {
                found.insert(name.clone(), value.clone());
            }
        }
    }
    found
}

/// Fields of [`Config`] that have fields of their own.
const NESTED: [&str; 4] = ["reading", "test", "objective", "recipe"];

fn mirrored() -> bool {
    true
}

fn one() -> usize {
    1
}

/// Bounds far above any device, so that no shape overflows before the device's own limits are
/// checked.
const MOST_PIXELS: u32 = 1 << 14;
const MOST_PAIRS: usize = 1 << 16;
/// The most batches that a step accumulates. They are recorded one by one, and planning twice as
/// many takes ten times as long.
pub const MOST_BATCHES: usize = 128;

impl Config {
    /// Sides of the images that networks are trained on.
    pub const SIZES: RangeInclusive<u32> = 32..=MOST_PIXELS;

    /// The generator.
    pub fn generator(&self) -> GeneratorConfig {
        let [in_channels, out_channels] = [self.input.channels(), self.output.channels()];
        let Self {
            num_downs,
            ngf,
            norm,
            dropout,
            dropout_at,
            upsample,
            ..
        } = *self;
        let u_net = |skips| {
            GeneratorConfig::UNet(UNetConfig {
                in_channels,
                out_channels,
                num_downs,
                ngf,
                norm,
                dropout,
                dropout_at,
                skips,
                upsample,
            })
        };
        let res_net = |blocks| {
            GeneratorConfig::ResNet(ResNetConfig {
                in_channels,
                out_channels,
                blocks,
                ngf,
                norm,
                dropout,
                upsample,
            })
        };
        match self.architecture {
            Architecture::UNet => u_net(true),
            Architecture::EncoderDecoder => u_net(false),
            Architecture::ResNet9 => res_net(9),
            Architecture::ResNet6 => res_net(6),
        }
    }

    /// The discriminator, which sees input and output side by side, or the output alone.
    pub fn discriminator(&self) -> DiscriminatorConfig {
        let input = if self.objective.conditional {
            self.input.channels()
        } else {
            0
        };
        DiscriminatorConfig {
            patch: PatchGanConfig {
                in_channels: input + self.output.channels(),
                ndf: self.ndf,
                n_layers: self.d_layers,
                norm: self.norm,
            },
            scales: self.discriminators,
        }
    }

    /// The names of the fields that are different in `other`. Names of nested fields have dots.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let theirs = other.leaves();
        self.leaves()
            .into_iter()
            .filter(|(name, value)| theirs.get(name) != Some(value))
            .map(|(name, _)| name)
            .collect()
    }

    /// Every field with its value as JSON, named as in [`FIELDS`].
    fn leaves(&self) -> BTreeMap<String, Value> {
        // Plain structs of numbers and strings: this cannot fail. Numbers have the digits of a
        // file.
        let json = serde_json::to_string(self)
            .and_then(|text| serde_json::from_str(&text))
            .unwrap_or_default();
        leaves(&json)
    }

    /// The names in the JSON of a configuration that no field has.
    pub(super) fn unknown_names(json: &Value) -> Vec<String> {
        let is_known = |name: &str| FIELDS.iter().any(|field| field.name == name);
        leaves(json)
            .into_keys()
            .filter(|name| !is_known(name))
            .collect()
    }

    /// Pairs that one step takes.
    pub fn pairs_per_step(&self) -> usize {
        self.batch_size * self.recipe.accumulate.max(1)
    }

    /// Images that go through the generator together in sample grids and held-out scores. These
    /// share statistics.
    pub fn test_batch(&self) -> usize {
        if self.test.norm == TestNorm::Batch {
            self.batch_size
        } else {
            1
        }
    }

    /// How images are prepared.
    pub fn data_options(&self) -> DataOptions {
        let (input, target) = (self.input.clone(), self.output.clone());
        let Self {
            preprocess,
            load_size,
            mirror,
            direction,
            reading,
            ..
        } = *self;
        DataOptions {
            preprocess,
            load_size,
            mirror,
            direction,
            reading,
            input,
            target,
            ..DataOptions::new(self.size)
        }
    }

    /// Length and learning rate, for a data set with this number of steps in an epoch.
    pub fn schedule(&self, steps_per_epoch: u64) -> Schedule {
        let (total_steps, by_epoch) = match self.length {
            Length::Epochs(epochs) => (epochs.saturating_mul(steps_per_epoch), true),
            Length::Steps(steps) => (steps, false),
        };
        Schedule {
            policy: self.recipe.schedule,
            steps_per_epoch,
            total_steps,
            by_epoch,
            learning_rate: self.learning_rate,
            plateau: Plateau::default(),
        }
    }

    /// Halvings for images of `size`. Images of up to 256 are halved down to 1×1, as in the
    /// reference. `None` if the size is no multiple of 32.
    pub fn downs_for(size: u32) -> Option<usize> {
        (size > 0 && size.is_multiple_of(32)).then(|| size.trailing_zeros().min(8) as usize)
    }
}
