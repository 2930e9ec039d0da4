//! How a run is trained, as `train` takes it.

use super::CliError;
use crate::train::{Length, Policy, Recipe};
use clap::{Args, ValueEnum};

/// The heading of these options in the help.
const HEADING: &str = "How it is trained";

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

/// What only a whole run has; without these options as the reference trains.
#[derive(Debug, Clone, Args)]
pub struct ScheduleArgs {
    /// How the learning rate changes [default: linear]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    schedule: Option<ScheduleArg>,
    /// Epochs from one drop of --schedule step to the next [default: 50]
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u64).range(1..), help_heading = HEADING)]
    lr_step: Option<u64>,
}

impl ScheduleArgs {
    /// Completes the recipe of a run of `length`.
    ///
    /// # Errors
    /// [`CliError::Usage`] for options that would do nothing.
    pub fn apply(&self, recipe: &mut Recipe, length: Length) -> Result<(), CliError> {
        if self.lr_step.is_some() && self.schedule != Some(ScheduleArg::Step) {
            return Err(CliError::Usage("--lr-step does nothing without --schedule step; leave it out or add that".into()));
        }
        let epochs = self.lr_step.unwrap_or(LR_STEP);
        recipe.schedule = match self.schedule {
            None | Some(ScheduleArg::Linear) => Policy::Linear,
            Some(ScheduleArg::Cosine) => Policy::Cosine,
            Some(ScheduleArg::Step) => Policy::Step { epochs },
            Some(ScheduleArg::Plateau) => Policy::Plateau,
            Some(ScheduleArg::Constant) => Policy::Constant,
        };
        match (recipe.schedule, length) {
            (Policy::Step { epochs }, Length::Epochs(all)) if epochs > all => Err(CliError::Usage(format!(
                "--schedule step drops the rate every {epochs} epochs, and the run has {all}; use --lr-step {all} or less, or --schedule \
                 constant"
            ))),
            _ => Ok(()),
        }
    }
}
