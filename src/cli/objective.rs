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
    /// Wasserstein, with a gradient penalty
    Wgangp,
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
    #[arg(long, value_enum, default_value = "l1+cgan", value_name = "NAME")]
    objective: ObjectiveArg,
    /// Weight of the distance to the target [default: 100]
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true, help_heading = HEADING)]
    lambda_l1: Option<f32>,
    /// Weight of the adversarial loss [default: 1]
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true, help_heading = HEADING)]
    lambda_gan: Option<f32>,
    /// The distance to the target [default: l1]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    distance: Option<DistanceArg>,
    /// The adversarial loss [default: vanilla]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    gan_mode: Option<GanModeArg>,
    /// Weight of the gradient penalty of --gan-mode wgangp; 0 for none, as the reference trains
    /// pix2pix [default: 10]
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true, help_heading = HEADING)]
    lambda_gp: Option<f32>,
    /// In which order the networks learn, after the reference in PyTorch or that in Lua Torch
    /// [default: pytorch]
    #[arg(long, value_enum, value_name = "NAME", help_heading = HEADING)]
    order: Option<OrderArg>,
}

impl ObjectiveArgs {
    /// The objective.
    ///
    /// # Errors
    /// [`CliError::Usage`] for weights that are no weights, options of a loss that the objective
    /// leaves out, and where nothing is left to learn from.
    pub fn objective(&self) -> Result<Objective, CliError> {
        for (what, value) in [
            ("--lambda-l1", self.lambda_l1),
            ("--lambda-gan", self.lambda_gan),
            ("--lambda-gp", self.lambda_gp),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(CliError::Usage(format!(
                    "{what} {value} must be a number from 0 on"
                )));
            }
        }
        let (has_distance, has_gan) = match self.objective {
            ObjectiveArg::L1 => (true, false),
            ObjectiveArg::Gan | ObjectiveArg::Cgan => (false, true),
            ObjectiveArg::L1Gan | ObjectiveArg::L1Cgan => (true, true),
        };
        let (has_distance, has_gan) = (
            has_distance && self.lambda_l1 != Some(0.0),
            has_gan && self.lambda_gan != Some(0.0),
        );
        self.refuse_unused(has_distance, has_gan)?;
        let objective = Objective {
            gan_loss: match self.gan_mode {
                Some(GanModeArg::Lsgan) => GanLoss::Lsgan,
                Some(GanModeArg::Hinge) => GanLoss::Hinge,
                Some(GanModeArg::Wgangp) => GanLoss::Wgangp,
                Some(GanModeArg::Vanilla) | None => GanLoss::Vanilla,
            },
            lambda_gp: self.lambda_gp.unwrap_or(10.0),
            lambda_gan: if has_gan {
                self.lambda_gan.unwrap_or(1.0)
            } else {
                0.0
            },
            distance: if self.distance == Some(DistanceArg::L2) {
                Distance::L2
            } else {
                Distance::L1
            },
            lambda_l1: if has_distance {
                self.lambda_l1.unwrap_or(100.0)
            } else {
                0.0
            },
            conditional: !matches!(self.objective, ObjectiveArg::Gan | ObjectiveArg::L1Gan),
            order: if self.order == Some(OrderArg::Torch) {
                UpdateOrder::Torch
            } else {
                UpdateOrder::Pytorch
            },
            ..Objective::default()
        };
        match objective.lambda_gan + objective.lambda_l1 > 0.0 {
            true => Ok(objective),
            false => Err(CliError::Usage(
                "every loss has the weight 0; leave --lambda-l1 or --lambda-gan above it".into(),
            )),
        }
    }

    /// An option of a loss that is not part of the objective would do nothing.
    fn refuse_unused(&self, has_distance: bool, has_gan: bool) -> Result<(), CliError> {
        let weighs = |weight: Option<f32>| weight.is_some_and(|weight| weight != 0.0);
        let of_distance = [
            ("--lambda-l1", weighs(self.lambda_l1)),
            ("--distance", self.distance.is_some()),
        ];
        let of_gan = [
            ("--lambda-gan", weighs(self.lambda_gan)),
            ("--gan-mode", self.gan_mode.is_some()),
            ("--order", self.order.is_some()),
        ];
        let unused = |options: &[(&'static str, bool)]| {
            options
                .iter()
                .find(|(_, given)| *given)
                .map(|(name, _)| *name)
        };
        let name = self
            .objective
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default();
        let refuse = |option: &str, (weight, value): (&str, Option<f32>), remedy: &str| {
            let cause = if value.is_some() {
                format!("{weight} 0")
            } else {
                format!("--objective {name}")
            };
            let remedy = if value.is_some() {
                "a weight above it"
            } else {
                remedy
            };
            Err(CliError::Usage(format!(
                "{option} does nothing with {cause}; leave it out or use {remedy}"
            )))
        };
        match (unused(&of_distance), unused(&of_gan)) {
            (Some(option), _) if !has_distance => {
                refuse(option, ("--lambda-l1", self.lambda_l1.filter(|w| *w == 0.0)), "l1+gan or l1+cgan")
            }
            (_, Some(option)) if !has_gan => refuse(option, ("--lambda-gan", self.lambda_gan.filter(|w| *w == 0.0)), "l1+cgan"),
            _ if self.lambda_gp.is_some() && self.gan_mode != Some(GanModeArg::Wgangp) => {
                Err(CliError::Usage("--lambda-gp is the weight of a penalty that only --gan-mode wgangp has; use both or neither".into()))
            }
            _ => Ok(()),
        }
    }
}
