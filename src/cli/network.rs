//! Options about networks, losses and steps, which several commands have. Their headings, help
//! texts and defaults are those of the fields: see [`options`](super::options).

use super::pixels::PixelArgs;
use super::reading::ValueArgs;
use super::{CliError, DeviceArgs, note};
use crate::data::Preprocess;
use crate::nn::{DropoutAt, Fit, Initialisation, Norm, Upsample};
use crate::tensor::DType;
use crate::train::{
    Architecture, Config, Distance, GanLoss, Group, LookUpError, Optimizer, PaperObjective, Policy,
    Preset, Settings, UpdateOrder,
};
use clap::Args;

/// The configuration of `settings`. The options about the seed, channels and numbers are added to
/// them first.
///
/// # Errors
/// A rule that is broken, and errors of reading palettes and images.
pub fn configure(
    settings: &mut Settings,
    pixels: &PixelArgs,
    values: Option<&ValueArgs>,
    device: &DeviceArgs,
) -> Result<Config, CliError> {
    settings.seed = Some(device.seed);
    // All rules are checked first, because the look-up may have to read all images.
    settings.config()?;
    settings.pixels = pixels.settings()?;
    settings.values = values.map(ValueArgs::settings).unwrap_or_default();
    settings.values.check(&settings.pixels)?;
    let suspects = settings.look_up().map_err(|error| match error {
        LookUpError::Config(error) => CliError::Config(error),
        LookUpError::Data(error) => CliError::Data(error),
    })?;
    if let Some(values) = values {
        values.tell_measured(settings);
    }
    for suspect in suspects {
        note(&format!("note: {suspect}"));
    }
    Ok(settings.config()?)
}

/// The networks, their objective and their optimiser. Without these options they are the paper's.
#[derive(Debug, Clone, Args)]
pub struct NetworkArgs {
    #[arg(long, value_enum, value_name = "NAME")]
    preset: Option<Preset>,
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    #[arg(long, value_enum, value_name = "FIT")]
    fit: Option<Fit>,
    #[arg(long, value_name = "N")]
    ngf: Option<usize>,
    #[arg(long, value_name = "N")]
    ndf: Option<usize>,
    #[arg(long, value_enum, value_name = "NAME")]
    generator: Option<Architecture>,
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    #[arg(long, value_enum, value_name = "NAME")]
    dropout_at: Option<DropoutAt>,
    #[arg(long, value_enum, value_name = "NAME")]
    upsample: Option<Upsample>,
    #[arg(long, value_enum, value_name = "NORM")]
    norm: Option<Norm>,
    /// Dropout in the generator, where a preset has none
    #[arg(long, conflicts_with = "no_dropout", help_heading = Group::Networks.title())]
    dropout: bool,
    /// No dropout in the generator
    #[arg(long)]
    no_dropout: bool,
    #[arg(long, value_name = "N")]
    d_layers: Option<usize>,
    #[arg(long, value_name = "PIXELS")]
    patch: Option<usize>,
    #[arg(long, value_name = "N")]
    discriminators: Option<usize>,
    #[command(flatten)]
    objective: ObjectiveArgs,
    #[command(flatten)]
    optimizer: OptimizerArgs,
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    #[arg(long)]
    recompute: bool,
    #[arg(long, value_enum, value_name = "TYPE")]
    pub precision: Option<DType>,
}

/// The losses.
#[derive(Debug, Clone, Args)]
struct ObjectiveArgs {
    #[arg(long, value_enum, value_name = "NAME")]
    objective: Option<PaperObjective>,
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    lambda_l1: Option<f32>,
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    lambda_gan: Option<f32>,
    #[arg(long, value_enum, value_name = "NAME")]
    distance: Option<Distance>,
    #[arg(long, value_enum, value_name = "NAME")]
    gan_mode: Option<GanLoss>,
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    lambda_gp: Option<f32>,
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    lambda_feat: Option<f32>,
    #[arg(long, value_enum, value_name = "NAME")]
    order: Option<UpdateOrder>,
}

/// The optimiser.
#[derive(Debug, Clone, Args)]
struct OptimizerArgs {
    #[arg(long, value_enum, value_name = "NAME")]
    optimizer: Option<Optimizer>,
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    momentum: Option<f64>,
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    beta1: Option<f64>,
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    beta2: Option<f64>,
    #[arg(long, value_name = "BATCHES")]
    accumulate: Option<usize>,
    #[arg(long, value_name = "IMAGES")]
    pool: Option<usize>,
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true)]
    ema: Option<f64>,
}

impl NetworkArgs {
    /// The settings that these options ask for, for networks without a data set. Without a preset
    /// everything else is as in the paper.
    pub fn alone(&self) -> Settings {
        Settings {
            preset: Some(self.preset.unwrap_or_default()),
            networks_alone: true,
            ..self.settings()
        }
    }

    /// The settings that these options ask for.
    pub fn settings(&self) -> Settings {
        let (objective, optimizer) = (&self.objective, &self.optimizer);
        Settings {
            preset: self.preset,
            size: self.size,
            fit: self.fit,
            ngf: self.ngf,
            ndf: self.ndf,
            num_downs: self.depth,
            d_layers: self.d_layers,
            patch: self.patch,
            discriminators: self.discriminators,
            norm: self.norm,
            architecture: self.generator,
            upsample: self.upsample,
            dropout: match (self.dropout, self.no_dropout) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            dropout_at: self.dropout_at,
            precision: self.precision,
            batch_size: self.batch_size,
            recompute: self.recompute.then_some(true),
            objective: objective.objective,
            gan_loss: objective.gan_mode,
            lambda_gp: objective.lambda_gp,
            lambda_feat: objective.lambda_feat,
            lambda_gan: objective.lambda_gan,
            distance: objective.distance,
            lambda_l1: objective.lambda_l1,
            order: objective.order,
            beta1: optimizer.beta1,
            beta2: optimizer.beta2,
            optimizer: optimizer.optimizer,
            momentum: optimizer.momentum,
            pool: optimizer.pool,
            accumulate: optimizer.accumulate,
            ema: optimizer.ema,
            ..Settings::default()
        }
    }
}

/// How the images of a data set are prepared. Without these options it is as in the paper.
#[derive(Debug, Clone, Args)]
pub struct PreparedArgs {
    #[arg(long, value_enum, value_name = "MODE")]
    preprocess: Option<Preprocess>,
    /// No training image is mirrored
    #[arg(long)]
    no_flip: bool,
    #[arg(long, value_name = "PIXELS")]
    load_size: Option<u32>,
    #[arg(long)]
    ignore_orientation: bool,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pixels: Option<u64>,
}

impl PreparedArgs {
    /// Adds the settings that these options ask for.
    pub fn add_to(&self, settings: &mut Settings) {
        settings.preprocess = self.preprocess;
        settings.mirror = self.no_flip.then_some(false);
        settings.load_size = self.load_size;
        settings.ignore_orientation = self.ignore_orientation.then_some(true);
        settings.max_pixels = self.max_pixels;
    }
}

/// How the weights of a run start, and how its learning rate changes. Without these options it is
/// as in the reference.
#[derive(Debug, Clone, Args)]
pub struct ScheduleArgs {
    #[arg(long, value_enum, value_name = "NAME")]
    schedule: Option<Policy>,
    #[arg(long, value_name = "EPOCHS")]
    lr_step: Option<u64>,
    #[arg(long, value_enum, value_name = "NAME")]
    init: Option<Initialisation>,
    #[arg(long, value_name = "GAIN", allow_negative_numbers = true)]
    init_gain: Option<f32>,
    #[arg(long, value_name = "FILE")]
    pub pretrained: Option<std::path::PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub pretrained_discriminator: Option<std::path::PathBuf>,
}

impl ScheduleArgs {
    /// Adds the settings that these options ask for, except the files to start from.
    pub fn add_to(&self, settings: &mut Settings) {
        settings.schedule = self.schedule;
        settings.lr_step = self.lr_step;
        settings.init = self.init;
        settings.init_gain = self.init_gain;
    }
}
