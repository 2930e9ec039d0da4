//! The sizes of networks and batches, as several commands take them.

use super::CliError;
use super::generator::GeneratorArgs;
use super::objective::ObjectiveArgs;
use super::recipe::OptimizerArgs;
use crate::data::{Direction, Pixels, Preprocess, default_load_size};
use crate::nn::{
    Fit, Generator, GeneratorConfig, NetworkError, Norm, PatchGan, PatchGanConfig, TestTime,
};
use crate::state::StateList;
use crate::tensor::DType;
use crate::train::{Config, Length, Objective};
use clap::{Args, ValueEnum};

/// How weights, activations and gradients are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionArg {
    /// 32-bit floats
    F32,
    /// 16-bit floats, with sums, statistics, losses, the weights that are trained and the optimiser
    /// in f32
    F16,
}

impl PrecisionArg {
    /// The type of that name.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }
}

/// The heading of further options of the networks in the help.
pub const NETWORKS: &str = "How the networks are built";
/// The heading of what happens to images before the networks see them.
pub const PREPARED: &str = "How images are prepared";
/// The heading of what takes or saves memory and time.
pub const RESOURCES: &str = "Memory and speed";

/// Strided convolutions of the discriminator with the largest patches that `--patch` names.
const DEEPEST_NAMED: usize = 5;

/// Normalisation of both networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NormArg {
    /// By the statistics of the batch
    Batch,
    /// By those of each image
    Instance,
    /// None
    None,
}

impl NormArg {
    fn norm(self) -> Norm {
        match self {
            Self::Batch => Norm::Batch,
            Self::Instance => Norm::Instance,
            Self::None => Norm::None,
        }
    }
}

/// How images whose sides the generator does not divide go through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FitArg {
    /// Extended by their reflection, the result cut back
    Pad,
    /// By the U-Net's own rule: the result shows the middle of the image, a multiple of the
    /// generator's in size; prefer pad for other sizes than that of the training
    Crop,
}

impl FitArg {
    /// The fit of that name.
    pub fn fit(self) -> Fit {
        match self {
            Self::Pad => Fit::Pad,
            Self::Crop => Fit::Crop,
        }
    }

    /// The fit of a model of `generator` that records `recorded`, unless something else is `asked`
    /// for.
    ///
    /// # Errors
    /// [`CliError::Usage`] for what such a generator cannot do.
    pub fn over(
        asked: Option<Self>,
        recorded: Fit,
        generator: &GeneratorConfig,
    ) -> Result<Fit, CliError> {
        match (asked, generator) {
            (Some(Self::Crop), GeneratorConfig::ResNet(_)) => {
                Err(CliError::Usage("--fit crop is the U-Net's own rule; this generator is a ResNet and takes --fit pad".to_owned()))
            }
            _ => Ok(asked.map_or(recorded, Self::fit)),
        }
    }
}

/// How images come to --size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreprocessArg {
    /// Resized to a square of --load-size, cropped
    ResizeAndCrop,
    /// Cropped as they are
    Crop,
    /// Scaled to --load-size in width, in proportion in height (at least --size), cropped
    ScaleWidthAndCrop,
    /// Whole, scaled to --load-size in width and in proportion in height
    ScaleWidth,
    /// Whole and as they are
    None,
}

impl PreprocessArg {
    fn preprocess(self) -> Preprocess {
        match self {
            Self::ResizeAndCrop => Preprocess::ResizeAndCrop,
            Self::Crop => Preprocess::Crop,
            Self::ScaleWidthAndCrop => Preprocess::ScaleWidthAndCrop,
            Self::ScaleWidth => Preprocess::ScaleWidth,
            Self::None => Preprocess::None,
        }
    }
}

/// What happens to the images of a data set; without these options as in the paper.
#[derive(Debug, Clone, Args)]
pub struct PreparedArgs {
    /// How images come to --size: at random in training, the middle in sample grids and scores; or
    /// that each keeps a size of its own [default: resize-and-crop]
    #[arg(long, value_enum, value_name = "MODE", help_heading = PREPARED)]
    preprocess: Option<PreprocessArg>,
    /// No training image is mirrored
    #[arg(long, help_heading = PREPARED)]
    no_flip: bool,
    /// Training images are resized to this and cropped to --size at random; equal to --size for no
    /// jitter; the width of --preprocess scale-width
    /// [default: 286/256 of --size; with scale-width 256, for the bundled pairs 64]
    #[arg(long, value_name = "PIXELS", help_heading = PREPARED)]
    load_size: Option<u32>,
}

impl PreparedArgs {
    /// Whether the networks see whole images, each in a size of its own.
    pub fn is_whole(&self) -> bool {
        self.preprocess
            .is_some_and(|mode| mode.preprocess().is_whole())
    }

    /// Writes the preparation into `config`.
    ///
    /// # Errors
    /// [`CliError::Usage`] for sizes that do not go together.
    pub fn apply(&self, config: &mut Config) -> Result<(), CliError> {
        config.preprocess = self.preprocess()?;
        if self.is_whole() {
            refuse_with_whole_images(config)?;
            config.size = self.load_size.unwrap_or(config.size);
            config.load_size = config.size;
        }
        config.load_size = self.load_size.unwrap_or(config.load_size);
        config.mirror = !self.no_flip;
        config.check().map_err(usage)?;
        // Heights are not known yet, but no image is wider.
        if config.preprocess == Preprocess::ScaleWidth {
            check_patches(config)
        } else {
            Ok(())
        }
    }

    /// How images are resized before the crop, if they are.
    fn preprocess(&self) -> Result<Preprocess, CliError> {
        let resizes_nothing = |mode: &str, other: &str| {
            Err(CliError::Usage(format!(
                "--preprocess {mode} resizes nothing; leave out --load-size or use --preprocess {other}"
            )))
        };
        match (self.preprocess, self.load_size) {
            (Some(PreprocessArg::Crop), Some(_)) => resizes_nothing("crop", "scale-width-and-crop"),
            (Some(PreprocessArg::None), Some(_)) => resizes_nothing("none", "scale-width"),
            (mode, _) => Ok(mode.map(PreprocessArg::preprocess).unwrap_or_default()),
        }
    }
}

/// Images of different sizes go through the networks one at a time.
fn refuse_with_whole_images(config: &Config) -> Result<(), CliError> {
    let option = match config {
        Config {
            batch_size: 2.., ..
        } => "--batch-size 1",
        _ if config.recipe.accumulate > 1 => "--accumulate 1",
        _ if config.recipe.pool > 0 => "--pool 0",
        _ => return Ok(()),
    };
    let reason = "images of --preprocess none and scale-width have sizes of their own and go through the networks one at a time";
    Err(CliError::Usage(format!(
        "{reason}; use {option}, or --preprocess crop"
    )))
}

/// Sizes; without them those of the paper.
#[derive(Debug, Clone, Args)]
pub struct NetworkArgs {
    /// Height and width of the images in pixels, a multiple of 32, of 2^--depth, or of 4 with a
    /// ResNet
    /// [default: 256; training on the bundled pairs: 64]
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u32>,
    /// Allow other sizes, and how they go through the generator
    /// [default: none but multiples; translated images of other sizes are padded]
    #[arg(long, value_enum, value_name = "FIT", help_heading = NETWORKS)]
    pub fit: Option<FitArg>,
    /// Channels of the generator's first convolution
    /// [default: 64; training on the bundled pairs: 16]
    #[arg(long, value_name = "N", help_heading = NETWORKS)]
    pub ngf: Option<usize>,
    /// Channels of the discriminator's first convolution [default: as --ngf]
    #[arg(long, value_name = "N", help_heading = NETWORKS)]
    pub ndf: Option<usize>,
    /// The generator.
    #[command(flatten)]
    pub generator: GeneratorArgs,
    /// Normalisation of both networks
    #[arg(long, value_enum, default_value = "batch", value_name = "NORM", help_heading = NETWORKS)]
    pub norm: NormArg,
    /// No dropout in the generator
    #[arg(long, help_heading = NETWORKS)]
    pub no_dropout: bool,
    /// Strided convolutions of the discriminator; 0 judges each pixel alone [default: 3]
    #[arg(long, value_name = "N", help_heading = NETWORKS)]
    pub d_layers: Option<usize>,
    /// The discriminator by the side of the patches that it judges: 1, 16, 34, 70, 142 or 286
    /// pixels [default: 70]
    #[arg(long, value_name = "PIXELS", conflicts_with = "d_layers", help_heading = NETWORKS)]
    pub patch: Option<usize>,
    /// What the networks learn.
    #[command(flatten)]
    pub objective: ObjectiveArgs,
    /// What moves the weights.
    #[command(flatten)]
    pub optimizer: OptimizerArgs,
    /// Pairs of a step
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// Make values again for the backward pass instead of keeping them: less memory, a little
    /// slower, the same result
    #[arg(long, help_heading = RESOURCES)]
    pub recompute: bool,
    /// How weights, activations and gradients are stored; with f16 losses are scaled so that
    /// gradients do not vanish [default: f32]
    #[arg(long, value_enum, value_name = "TYPE", help_heading = RESOURCES)]
    pub precision: Option<PrecisionArg>,
}

impl NetworkArgs {
    /// The configuration of a run of `length`; `small` takes the bundled pairs' defaults.
    ///
    /// # Errors
    /// [`CliError::Usage`] for sizes that make no network.
    pub fn config(&self, small: bool, length: Length, seed: u64) -> Result<Config, CliError> {
        self.config_of(small, length, seed, false)
    }

    /// The same for `whole` images, each in a size of its own, which --size says nothing of.
    ///
    /// # Errors
    /// Those of [`NetworkArgs::config`].
    pub fn config_of(
        &self,
        small: bool,
        length: Length,
        seed: u64,
        whole: bool,
    ) -> Result<Config, CliError> {
        if whole && self.size.is_some() {
            let reason = "--size is of crops; leave it out with --preprocess none, and with scale-width use --load-size for the width";
            return Err(CliError::Usage(reason.to_owned()));
        }
        let size = self.size.unwrap_or(if small { 64 } else { 256 });
        let ngf = self.ngf.unwrap_or(if small { 16 } else { 64 });
        let ndf = self.ndf.unwrap_or(ngf);
        let objective = Objective {
            betas: self.optimizer.betas()?,
            ..self.objective.objective()?
        };
        if objective.lambda_gan == 0.0 {
            self.refuse_judge()?;
        }
        let config = Config {
            dataset: None,
            adapter: None,
            direction: Direction::AtoB,
            input: Pixels::Rgb,
            output: Pixels::Rgb,
            size,
            fit: self.fit.map(FitArg::fit).unwrap_or_default(),
            preprocess: Preprocess::default(),
            load_size: default_load_size(size),
            mirror: true,
            ngf,
            ndf,
            num_downs: self
                .generator
                .num_downs((!whole).then_some(size), self.fit)?,
            d_layers: self.d_layers()?,
            norm: self.norm.norm(),
            architecture: self.generator.architecture(),
            upsample: self.generator.upsample(),
            dropout: !self.no_dropout,
            dropout_at: self.generator.dropout_at(),
            test: TestTime::default(),
            precision: self.precision.map_or(DType::F32, PrecisionArg::dtype),
            batch_size: self.batch_size as usize,
            recompute: self.recompute,
            length,
            learning_rate: 2e-4,
            objective,
            recipe: self.optimizer.recipe(&objective)?,
            seed,
            sample_every: 0,
            checkpoint_every: 0,
        };
        config.check().map_err(usage)?;
        let mut states = StateList::default();
        Generator::new(&mut states, &config.generator()).map_err(usage)?;
        if config.objective.lambda_gan != 0.0 {
            let most = if whole { None } else { deepest(&config) };
            PatchGan::new(&mut states, &config.discriminator())
                .map_err(|error| usage(at_most(error, most)))?;
        }
        if !whole {
            check_patches(&config)?;
        }
        Ok(config)
    }

    /// Refuses options of a discriminator where there is none.
    fn refuse_judge(&self) -> Result<(), CliError> {
        let options = [
            ("--ndf", self.ndf.is_some()),
            ("--d-layers", self.d_layers.is_some()),
            ("--patch", self.patch.is_some()),
        ];
        options.iter().find(|(_, given)| *given).map_or(Ok(()), |(option, _)| {
            Err(CliError::Usage(format!(
                "{option} does nothing without an adversarial loss, which has the discriminator; leave it out or use --objective l1+cgan"
            )))
        })
    }

    /// Strided convolutions of the discriminator, from either option.
    fn d_layers(&self) -> Result<usize, CliError> {
        let Some(patch) = self.patch else {
            return Ok(self.d_layers.unwrap_or(3));
        };
        let known = (0..=DEEPEST_NAMED)
            .map(|n_layers| (n_layers, PatchGanConfig::receptive_field(n_layers)));
        let nearest = known
            .min_by_key(|(_, side)| side.abs_diff(patch))
            .unwrap_or((3, 70));
        match nearest.1 == patch {
            true => Ok(nearest.0),
            false => Err(CliError::Usage(format!(
                "--patch {patch} is none of 1, 16, 34, 70, 142 and 286; the nearest is {}",
                nearest.1
            ))),
        }
    }
}

/// The error with the option in place of the number.
fn usage(error: NetworkError) -> CliError {
    let NetworkError::Range {
        what,
        given,
        least,
        most,
    } = error;
    let option = match what {
        "size" => "--size",
        "load size" => "--load-size",
        "batch size" => "--batch-size",
        "image pool" => "--pool",
        "number of batches of a step" => "--accumulate",
        "number of downs" => "--depth",
        "number of discriminator layers" => "--d-layers",
        "ngf" => "--ngf",
        "ndf" => "--ndf",
        other => other,
    };
    CliError::Usage(format!(
        "{option} {given} must lie between {least} and {most}"
    ))
}

/// The error with the deepest discriminator that fits the images in place of the deepest there is.
fn at_most(error: NetworkError, deepest: Option<usize>) -> NetworkError {
    match error {
        NetworkError::Range {
            what: what @ "number of discriminator layers",
            given,
            least,
            most,
        } => NetworkError::Range {
            what,
            given,
            least,
            most: deepest.unwrap_or(most),
        },
        other => other,
    }
}

/// Strided convolutions of the deepest discriminator with a patch in the images, if any has one.
fn deepest(config: &Config) -> Option<usize> {
    let size = config
        .fit
        .output_side(config.size as usize, 1 << config.num_downs);
    (0..=PatchGanConfig::MOST_LAYERS)
        .rev()
        .find(|&n_layers| PatchGanConfig::patches(n_layers, size) > 0)
}

/// Refuses a discriminator whose patches do not fit the images.
fn check_patches(config: &Config) -> Result<(), CliError> {
    if config.objective.lambda_gan == 0.0 {
        return Ok(());
    }
    let (size, n_layers) = (config.size, config.d_layers);
    let field = PatchGanConfig::receptive_field;
    match deepest(config) {
        Some(most) if n_layers <= most => Ok(()),
        Some(most) => Err(CliError::Usage(format!(
            "a discriminator with {n_layers} strided convolutions (patches of {} pixels) is too deep for images of {size}; the deepest \
             that fits has {most} (--d-layers {most}{})",
            field(n_layers),
            if most <= DEEPEST_NAMED {
                format!(" or --patch {}", field(most))
            } else {
                String::new()
            }
        ))),
        None => Err(CliError::Usage(format!(
            "images of {size} pixels are too small for any discriminator"
        ))),
    }
}
