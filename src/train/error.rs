//! Errors of training.

use super::config::ConfigError;
use crate::data::DataError;
use crate::gpu::GpuError;
use crate::interop::InteropError;
use crate::nn::NetworkError;
use crate::program::ProgramError;
use crate::tape::TapeError;
use crate::train::run::RunError;
use std::path::PathBuf;
use thiserror::Error;

/// What stopped a run.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Compiling or running a program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Recording the step.
    #[error("the networks do not fit the images: {0}")]
    Tape(#[from] TapeError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A checkpoint whose configuration breaks a rule.
    #[error("{}: its configuration cannot be used: {}", file.display(), source)]
    CheckpointConfig {
        /// The checkpoint.
        file: PathBuf,
        /// The field, the rule and the nearest valid choice.
        source: ConfigError,
    },
    /// Building a network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Reading a weight file.
    #[error(transparent)]
    Interop(#[from] InteropError),
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no step to do: fewer training pairs than one batch, or a length of zero.
    #[error(
        "nothing to train: {pairs} training pairs, {batch_size} to a step, {steps} steps; use a \
         smaller `batch_size` or `recipe.accumulate`, or more pairs"
    )]
    Nothing {
        /// Training pairs.
        pairs: usize,
        /// Pairs of a step.
        batch_size: usize,
        /// Steps asked for.
        steps: u64,
    },
    /// A field that follows scores, without anything to score.
    #[error(
        "{field} follows the held-out score, and there are no held-out pairs; add a val/ folder \
         or leave it out"
    )]
    NoHeldOut {
        /// The field.
        field: &'static str,
    },
    /// A rate that would drop only after the run.
    #[error(
        "`recipe.schedule` step drops the rate every {period} epochs, too seldom for a run of \
         {epochs}; use {}`recipe.schedule` constant",
        if *longest > 0 { format!("`lr_step` {longest} or less, or ") } else { String::new() }
    )]
    NoDrop {
        /// Epochs from one drop to the next.
        period: u64,
        /// Epochs of the run.
        epochs: u64,
        /// The longest period with a drop, if there is one.
        longest: u64,
    },
    /// Weights to start from that do not fit.
    #[error("`{field}`: {source}{}", pretrained_words(source))]
    Pretrained {
        /// The field.
        field: &'static str,
        /// What is wrong with its file.
        source: Box<InteropError>,
    },
    /// A whole picture that the networks cannot take.
    #[error(
        "{pair}: {width}x{height} pixels are too small for {}: sides of at least {least} are \
         needed; leave it out, scale it up, or use {}",
        patches.map_or("`fit` crop".to_owned(), |[side, _]| {
            format!("a discriminator with patches of {side} pixels")
        }),
        patches.map_or("`fit` pad".to_owned(), |[_, held]| format!("`patch` {held}"))
    )]
    TooSmall {
        /// The picture.
        pair: String,
        /// Its width, in pixels.
        width: u32,
        /// Its height.
        height: u32,
        /// The least side.
        least: usize,
        /// Sides of the discriminator's patches and of the largest ones that the picture holds, if
        /// these are in the way.
        patches: Option<[usize; 2]>,
    },
    /// An image so small that cropping leaves nothing of it.
    #[error(
        "{width}x{height} pixels are too small for `fit` crop: sides of at least {least} are \
         needed; scale it up, or use `fit` pad"
    )]
    NothingLeft {
        /// Its width, in pixels.
        width: usize,
        /// Its height.
        height: usize,
        /// The least side.
        least: usize,
    },
    /// A size of a data set's pictures that cannot be trained on.
    #[error("{pair}: {width}x{height} pixels: {source}")]
    Picture {
        /// A picture of that size.
        pair: String,
        /// Its width, in pixels.
        width: u32,
        /// Its height.
        height: u32,
        /// What is in the way.
        source: Box<TrainError>,
    },
    /// A run folder without a checkpoint.
    #[error(
        "{run}: there is no checkpoint to resume from; put one back into its folder checkpoints/, \
         or move this folder away and start again"
    )]
    NoCheckpoint {
        /// The folder.
        run: String,
    },
    /// Images, batch or network are too large for the device.
    #[error("{what}: {source}; {}", fitting_words(fitting))]
    DoesNotFit {
        /// The configuration.
        what: String,
        /// The limit in the way.
        source: Box<TrainError>,
        /// Changes. Each of them alone makes it fit.
        fitting: Vec<String>,
    },
    /// An image, or a tile, is too large to be translated on the device.
    #[error(
        "{source}; the largest image of this shape that fits here is {}x{} pixels, so {remedy}",
        size[0], size[1]
    )]
    ImageTooLarge {
        /// The limit in the way.
        source: Box<TrainError>,
        /// Width and height that would fit.
        size: [usize; 2],
        /// What to do.
        remedy: String,
    },
    /// A signal ended a translation, or a score of a run.
    #[error("stopped before the end")]
    Interrupted,
    /// A loss is not finite any more. Or a gradient is not, although the loss scale is 1 already.
    #[error(
        "step {step}: {what} is not finite, first seen in {op}; {checkpoint}, or look at the data"
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// The loss or gradient, in words.
        what: String,
        /// Layer and operation.
        op: String,
        /// The last good checkpoint and what to do, in words.
        checkpoint: String,
    },
}

/// The remedy for a file that is complete, but of other networks.
fn pretrained_words(source: &InteropError) -> &'static str {
    match source {
        InteropError::Missing { .. }
        | InteropError::Shape { .. }
        | InteropError::Surplus { .. } => {
            "; the run's networks must be those of the file: see `size`, `ngf`, `ndf`, \
             `architecture`, `num_downs`, `upsample`, `norm`, `patch`, `discriminators`, \
             `objective`, `input` and `output`"
        }
        _ => "",
    }
}

fn fitting_words(fitting: &[String]) -> String {
    match fitting {
        [] => "no smaller images, batch or networks are sure to fit".to_owned(),
        _ => format!("what fits here: {}", fitting.join(" or ")),
    }
}

impl TrainError {
    /// Whether images, batch or network are too large for the device.
    pub fn is_too_large(&self) -> bool {
        let by_device = |error: &GpuError| {
            matches!(error, GpuError::Limit { .. } | GpuError::OutOfMemory { .. })
        };
        match self {
            Self::Gpu(error)
            | Self::Program(ProgramError::Gpu(error))
            | Self::Program(ProgramError::Build { source: error, .. }) => by_device(error),
            Self::Program(ProgramError::TooLarge { .. }) => true,
            Self::Picture { source, .. } => source.is_too_large(),
            _ => false,
        }
    }
}
