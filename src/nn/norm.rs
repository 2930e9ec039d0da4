//! Normalisation layers.

use super::layer::{Builder, INIT_STD};
use super::mode::{Mode, StatisticsFrom};
use crate::ops::batch_norm::{
    Groups, batch_norm, batch_norm_running, instance_norm, update_running_statistics,
};
use crate::state::{Init, StateId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use serde::{Deserialize, Serialize};

/// Added to the variance before the square root, as in the reference.
const EPSILON: f32 = 1e-5;
/// Weight of the new statistics in the running ones, as in the reference.
const MOMENTUM: f32 = 0.1;

/// The normalisation layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Norm {
    /// By the statistics of the batch
    ///
    /// With weight, bias and running statistics.
    Batch,
    /// By those of each image
    ///
    /// Without parameters.
    Instance,
    /// None
    None,
}

impl Norm {
    /// Its name, as `config.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Instance => "instance",
            Self::None => "none",
        }
    }

    /// Whether the convolutions in front of a normalisation have a bias. As in the reference, only
    /// with instance norm.
    pub(super) fn conv_has_bias(self) -> bool {
        self == Self::Instance
    }
}

/// A normalisation layer.
#[derive(Debug, Clone)]
pub(super) enum NormLayer {
    Batch {
        weight: StateId,
        bias: StateId,
        running_mean: StateId,
        running_var: StateId,
    },
    Instance,
    None,
}

impl NormLayer {
    pub fn new(builder: &mut Builder, key: &str, norm: Norm, channels: usize) -> Self {
        match norm {
            Norm::None => Self::None,
            Norm::Instance => Self::Instance,
            Norm::Batch => {
                let shape = Shape::vector(channels);
                let Builder {
                    states,
                    parameters,
                    statistics,
                } = builder;
                let mut add = |arena, what: &str, init| {
                    states.add(arena, format!("{key}.{what}"), shape, init)
                };
                Self::Batch {
                    weight: add(
                        *parameters,
                        "weight",
                        Init::Normal {
                            mean: 1.0,
                            std: INIT_STD,
                        },
                    ),
                    bias: add(*parameters, "bias", Init::Constant(0.0)),
                    running_mean: add(*statistics, "running_mean", Init::Constant(0.0)),
                    running_var: add(*statistics, "running_var", Init::Constant(1.0)),
                }
            }
        }
    }

    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        input: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        let (weight, bias, mean, var) = match *self {
            Self::None => return Ok(input),
            Self::Instance => return instance_norm(tape, input, EPSILON),
            Self::Batch {
                weight,
                bias,
                running_mean,
                running_var,
            } => (weight, bias, running_mean, running_var),
        };
        let affine = [tape.state(states, weight), tape.state(states, bias)];
        let running = [tape.state(states, mean), tape.state(states, var)];
        match mode.statistics {
            StatisticsFrom::Image => {
                Ok(batch_norm(tape, input, affine, Groups::Instance, EPSILON)?.0)
            }
            StatisticsFrom::WholeBatch => {
                Ok(batch_norm(tape, input, affine, Groups::Batch, EPSILON)?.0)
            }
            StatisticsFrom::Running => batch_norm_running(tape, input, affine, running, EPSILON),
            StatisticsFrom::BatchAgain => {
                Ok(batch_norm(tape, input, affine, Groups::Parts(1), EPSILON)?.0)
            }
            StatisticsFrom::Batch => batch_norm_training(tape, input, affine, running, 1),
            StatisticsFrom::Parts(parts) => {
                batch_norm_training(tape, input, affine, running, parts)
            }
        }
    }
}

/// Batch norm by the statistics of each of `parts` equal parts of the batch. They also move the
/// running statistics.
fn batch_norm_training(
    tape: &mut Tape,
    input: Var,
    affine: [Var; 2],
    running: [Var; 2],
    parts: usize,
) -> Result<Var, TapeError> {
    let (output, statistics) = batch_norm(tape, input, affine, Groups::Parts(parts), EPSILON)?;
    update_running_statistics(
        tape,
        statistics,
        running,
        tape.shape(input).rows() / parts.max(1),
        MOMENTUM,
        EPSILON,
    )?;
    Ok(output)
}
