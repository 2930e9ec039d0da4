//! How a run is trained, as `train` takes it.

use super::{CliError, network_file, recorded};
use crate::nn::Initialisation;
use crate::train::checkpoint::NetworkKind;
use crate::train::{Length, MOST_BATCHES, Objective, Optimizer, Policy, Recipe, UpdateOrder};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The heading of these options in the help.
const HEADING: &str = "How it is trained";

/// More pictures than any pool holds.
const MOST_POOLED: i64 = 1 << 16;

/// Epochs from one drop of the rate to the next.
const LR_STEP: u64 = 50;

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScheduleArg {
    /// Constant for the first half of the run, then down to zero in a line
    Linear,
    /// Down to zero in half a cosine
    Cosine,
    /// A tenth every --lr-step epochs
    Step,
    /// A fifth when the held-out L1 has not fallen by 1 % in six scores
    Plateau,
    /// The same all along
    Constant,
}

/// How the weights of convolutions start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InitArg {
    /// Normal with the gain as its deviation
    Normal,
    /// Normal by both numbers of channels
    Xavier,
    /// Normal by the number of input channels, whatever the gain
    Kaiming,
    /// Orthogonal, times the gain
    Orthogonal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OptimizerArg {
    /// Adam
    Adam,
    /// Gradient descent, with --momentum or without: less memory
    Sgd,
}

/// What moves the weights; without these options Adam as in the paper.
#[derive(Debug, Clone, Args)]
pub struct OptimizerArgs {
    /// What moves the weights by their gradients [default: adam]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    optimizer: Option<OptimizerArg>,
    /// What stays of the velocity of --optimizer sgd from step to step [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = HEADING)]
    momentum: Option<f64>,
    /// Decay of Adam's first moment [default: 0.5]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = HEADING)]
    beta1: Option<f64>,
    /// Decay of Adam's second moment [default: 0.999]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = HEADING)]
    beta2: Option<f64>,
    /// Batches whose mean gradient makes one update, in less memory than one large batch
    /// [default: 1]
    #[arg(long, value_name = "BATCHES", value_parser = clap::value_parser!(u32).range(1..=MOST_BATCHES as i64), help_heading = HEADING)]
    accumulate: Option<u32>,
    /// Older fakes, as many as this, that the discriminator may judge again in place of new ones
    /// [default: 0]
    #[arg(long, value_name = "IMAGES", value_parser = clap::value_parser!(u32).range(..=MOST_POOLED), help_heading = HEADING)]
    pool: Option<u32>,
    /// Keep a moving average of the generator's weights, of which this much stays in a step (0.999,
    /// say); it is what translates
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true, help_heading = HEADING)]
    ema: Option<f64>,
}

impl OptimizerArgs {
    /// Adam's decay rates.
    ///
    /// # Errors
    /// [`CliError::Usage`] for rates that are none, and without Adam.
    pub fn betas(&self) -> Result<[f64; 2], CliError> {
        for (what, rate) in [("--beta1", self.beta1), ("--beta2", self.beta2)] {
            rate.map_or(Ok(()), |rate| share(what, rate))?;
            if rate.is_some() && self.optimizer == Some(OptimizerArg::Sgd) {
                return Err(CliError::Usage(format!(
                    "{what} does nothing with --optimizer sgd; leave it out or use --momentum"
                )));
            }
        }
        let [beta1, beta2] = Objective::default().betas;
        Ok([self.beta1.unwrap_or(beta1), self.beta2.unwrap_or(beta2)])
    }

    /// The recipe of a step; that of a whole run is completed by [`ScheduleArgs::apply`].
    ///
    /// # Errors
    /// [`CliError::Usage`] for numbers that are out of their ranges, and options that would do
    /// nothing.
    pub fn recipe(&self, objective: &Objective) -> Result<Recipe, CliError> {
        self.momentum
            .map_or(Ok(()), |momentum| share("--momentum", momentum))?;
        let optimizer = match (self.optimizer, self.momentum) {
            (Some(OptimizerArg::Sgd), momentum) => Optimizer::Sgd {
                momentum: momentum.unwrap_or(0.0),
            },
            (_, None) => Optimizer::Adam,
            (_, Some(_)) => {
                return Err(CliError::Usage(
                    "--momentum does nothing with Adam; use --optimizer sgd or --beta1".into(),
                ));
            }
        };
        let pool = self.pool.unwrap_or(0) as usize;
        if pool > 0 && objective.lambda_gan == 0.0 {
            return Err(CliError::Usage(
                "--pool does nothing with --objective l1; leave it out or use l1+cgan".into(),
            ));
        }
        if pool > 0 && objective.order == UpdateOrder::Torch {
            let reason = "--pool needs --order pytorch: in the other order both networks learn from the same judgement of the same fakes";
            return Err(CliError::Usage(reason.into()));
        }
        self.ema.map_or(Ok(()), |decay| share("--ema", decay))?;
        let accumulate = self.accumulate.unwrap_or(1) as usize;
        Ok(Recipe {
            optimizer,
            pool,
            accumulate,
            ema: self.ema,
            ..Recipe::default()
        })
    }
}

/// Checks a number that must be below 1.
fn share(what: &str, value: f64) -> Result<(), CliError> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(CliError::Usage(format!(
            "{what} {value} must be a number from 0 on and below 1"
        ))),
    }
}

/// What only a whole run has; without these options as the reference trains.
#[derive(Debug, Clone, Args)]
pub struct ScheduleArgs {
    /// How the learning rate changes [default: linear]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    schedule: Option<ScheduleArg>,
    /// Epochs from one drop of --schedule step to the next [default: 50]
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u64).range(1..), help_heading = HEADING)]
    lr_step: Option<u64>,
    /// How the weights of convolutions start [default: normal]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    init: Option<InitArg>,
    /// Gain of --init, and the deviation of the weights of batch norm around 1 [default: 0.02]
    #[arg(long, value_name = "GAIN", allow_negative_numbers = true, help_heading = HEADING)]
    init_gain: Option<f32>,
    /// Start from the generator of a run folder, a weight file, a checkpoint or a .pth file of the
    /// PyTorch code, with a fresh optimiser
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pretrained: Option<PathBuf>,
    /// Start from a discriminator as well
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pretrained_discriminator: Option<PathBuf>,
}

impl ScheduleArgs {
    /// Completes the recipe of a run of `length`.
    ///
    /// # Errors
    /// [`CliError::Usage`] for options that would do nothing, [`CliError::NoNetwork`] for a folder
    /// without a network.
    pub fn apply(
        &self,
        recipe: &mut Recipe,
        objective: &Objective,
        length: Length,
    ) -> Result<(), CliError> {
        if self.lr_step.is_some() && self.schedule != Some(ScheduleArg::Step) {
            return Err(CliError::Usage(
                "--lr-step does nothing without --schedule step; leave it out or add that".into(),
            ));
        }
        let epochs = self.lr_step.unwrap_or(LR_STEP);
        recipe.schedule = match self.schedule {
            None | Some(ScheduleArg::Linear) => Policy::Linear,
            Some(ScheduleArg::Cosine) => Policy::Cosine,
            Some(ScheduleArg::Step) => Policy::Step { epochs },
            Some(ScheduleArg::Plateau) => Policy::Plateau,
            Some(ScheduleArg::Constant) => Policy::Constant,
        };
        recipe.init = match self.init {
            None | Some(InitArg::Normal) => Initialisation::Normal,
            Some(InitArg::Xavier) => Initialisation::Xavier,
            Some(InitArg::Kaiming) => Initialisation::Kaiming,
            Some(InitArg::Orthogonal) => Initialisation::Orthogonal,
        };
        if let Some(gain) = self.init_gain {
            if !(gain.is_finite() && gain > 0.0) {
                return Err(CliError::Usage(format!(
                    "--init-gain {gain} must be a number above 0"
                )));
            }
            recipe.init_gain = gain;
        }
        if self.pretrained_discriminator.is_some() && objective.lambda_gan == 0.0 {
            let reason = "--pretrained-discriminator does nothing with --objective l1; leave it out or use l1+cgan";
            return Err(CliError::Usage(reason.into()));
        }
        let file = |path: &Option<PathBuf>, kind| {
            path.as_ref()
                .map(|path| recorded(&network_file(path, kind)?))
                .transpose()
        };
        recipe.pretrained = file(&self.pretrained, NetworkKind::Generator)?;
        recipe.pretrained_discriminator =
            file(&self.pretrained_discriminator, NetworkKind::Discriminator)?;
        match (recipe.schedule, length) {
            (Policy::Step { epochs }, Length::Epochs(all)) if epochs > all => {
                Err(CliError::Usage(format!(
                    "--schedule step drops the rate every {epochs} epochs, and the run has {all}; use --lr-step {all} or less, or --schedule \
                 constant"
                )))
            }
            _ => Ok(()),
        }
    }
}
