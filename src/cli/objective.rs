//! What the networks learn, as `train`, `inspect` and `bench` take it.

use super::CliError;
use crate::train::{Distance, GanLoss, Objective, UpdateOrder};
use clap::{Args, ValueEnum};

/// The heading of these options in the help.
const HEADING: &str = "What is learnt";

/// The objectives that the paper compares (table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ObjectiveArg {
    /// The distance to the target alone
    L1,
    /// A discriminator that sees the output alone
    Gan,
    /// A discriminator that sees input and output
    Cgan,
    /// Both of l1 and gan
    #[value(name = "l1+gan")]
    L1Gan,
    /// Both of l1 and cgan
    #[value(name = "l1+cgan")]
    L1Cgan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GanModeArg {
    /// Binary cross-entropy
    Vanilla,
    /// Least squares
    Lsgan,
    /// Hinge
    Hinge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DistanceArg {
    /// Mean absolute difference
    L1,
    /// Mean squared difference
    L2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OrderArg {
    /// The discriminator first, from half its loss; the generator from the updated one
    Pytorch,
    /// Both from one judgement, the discriminator from its whole loss
    Torch,
}

/// The objective; without these options the paper's.
#[derive(Debug, Clone, Args)]
pub struct ObjectiveArgs {
    /// Which losses, by the paper's names
    #[arg(long, value_enum, default_value = "l1+cgan", value_name = "NAME", help_heading = HEADING)]
    objective: ObjectiveArg,
    /// Weight of the distance to the target
    #[arg(long, default_value_t = 100.0, value_name = "WEIGHT", allow_negative_numbers = true, help_heading = HEADING)]
    lambda_l1: f32,
    /// Weight of the adversarial loss
    #[arg(long, default_value_t = 1.0, value_name = "WEIGHT", allow_negative_numbers = true, help_heading = HEADING)]
    lambda_gan: f32,
    /// The distance to the target
    #[arg(long, value_enum, default_value = "l1", value_name = "NAME", help_heading = HEADING)]
    distance: DistanceArg,
    /// The adversarial loss
    #[arg(long, value_enum, default_value = "vanilla", value_name = "NAME", help_heading = HEADING)]
    gan_mode: GanModeArg,
    /// In which order the networks learn, after the reference in PyTorch or that in Lua Torch
    #[arg(long, value_enum, default_value = "pytorch", value_name = "NAME", help_heading = HEADING)]
    order: OrderArg,
}

impl ObjectiveArgs {
    /// The objective.
    ///
    /// # Errors
    /// [`CliError::Usage`] for weights that are no weights, and where nothing is left to learn from.
    pub fn objective(&self) -> Result<Objective, CliError> {
        for (what, value) in [("--lambda-l1", self.lambda_l1), ("--lambda-gan", self.lambda_gan)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(CliError::Usage(format!("{what} {value} must be a number from 0 on")));
            }
        }
        let (has_distance, has_gan) = match self.objective {
            ObjectiveArg::L1 => (true, false),
            ObjectiveArg::Gan | ObjectiveArg::Cgan => (false, true),
            ObjectiveArg::L1Gan | ObjectiveArg::L1Cgan => (true, true),
        };
        let weight = |wanted: bool, weight: f32| if wanted { weight } else { 0.0 };
        let objective = Objective {
            gan_loss: match self.gan_mode {
                GanModeArg::Vanilla => GanLoss::Vanilla,
                GanModeArg::Lsgan => GanLoss::Lsgan,
                GanModeArg::Hinge => GanLoss::Hinge,
            },
            lambda_gan: weight(has_gan, self.lambda_gan),
            distance: if self.distance == DistanceArg::L1 { Distance::L1 } else { Distance::L2 },
            lambda_l1: weight(has_distance, self.lambda_l1),
            conditional: !matches!(self.objective, ObjectiveArg::Gan | ObjectiveArg::L1Gan),
            order: if self.order == OrderArg::Pytorch { UpdateOrder::Pytorch } else { UpdateOrder::Torch },
            ..Objective::default()
        };
        match objective.lambda_gan + objective.lambda_l1 > 0.0 {
            true => Ok(objective),
            false => Err(CliError::Usage("every loss has the weight 0; leave --lambda-l1 or --lambda-gan above it".into())),
        }
    }
}
