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
/// PyTorch's number of updates of the running statistics. Nothing here reads it.
const COUNTER: &str = "num_batches_tracked";

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
    /// By those of each image, with weight and bias
    #[serde(rename = "instance-affine")]
    InstanceAffine,
    /// None
    None,
}

impl Norm {
    /// Its name, as `config.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Instance => "instance",
            Self::InstanceAffine => "instance-affine",
            Self::None => "none",
        }
    }

    /// Whether the convolutions in front of a normalisation have a bias. As in the reference, only
    /// with instance norm.
    pub(super) fn conv_has_bias(self) -> bool {
        matches!(self, Self::Instance | Self::InstanceAffine)
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
    InstanceAffine {
        weight: StateId,
        bias: StateId,
    },
    None,
}

impl NormLayer {
    pub fn new(builder: &mut Builder, key: &str, norm: Norm, channels: usize) -> Self {
        let unused: &[&str] = match norm {
            Norm::None => &[],
            Norm::Batch => &[COUNTER],
            Norm::Instance | Norm::InstanceAffine => &["running_mean", "running_var", COUNTER],
        };
        let unused = unused.iter().map(|what| format!("{key}.{what}"));
        builder.unused.extend(unused);
        let Builder {
            states,
            parameters,
            statistics,
            ..
        } = builder;
        let shape = Shape::vector(channels);
        let mut add =
            |arena, what: &str, init| states.add(arena, format!("{key}.{what}"), shape, init);
        match norm {
            Norm::None => Self::None,
            Norm::Instance => Self::Instance,
            // As PyTorch starts it: the reference draws the weights of batch norm alone.
            Norm::InstanceAffine => Self::InstanceAffine {
                weight: add(*parameters, "weight", Init::Constant(1.0)),
                bias: add(*parameters, "bias", Init::Constant(0.0)),
            },
            Norm::Batch => Self::Batch {
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
            },
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
            Self::InstanceAffine { weight, bias } => {
                let affine = [tape.state(states, weight), tape.state(states, bias)];
                return Ok(batch_norm(tape, input, affine, Groups::Instance, EPSILON)?.0);
            }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tape::Source;

    /// The kernels meet their twin in f64 with such groups. Here it is which vector is which.
    #[test]
    fn affine_instance_norm_is_recorded_with_weight_and_bias() {
        let mut states = StateList::default();
        let mut builder = Builder::new(&mut states, "generator");
        let layer = NormLayer::new(&mut builder, "model.2", Norm::InstanceAffine, 3);
        let mut tape = Tape::default();
        let input = tape.input("input", Shape::nhwc(2, 4, 4, 3));
        let output = layer
            .forward(&mut tape, &states, input, &Mode::training())
            .unwrap();
        let state = |var: Var| match tape.nodes()[var.0].source {
            Source::State(id) => Some(states.get(id).name.as_str()),
            _ => None,
        };
        let node = &tape.nodes()[output.0];
        let [normalised, statistics, weight, bias] = node.inputs[..] else {
            unreachable!("{:?}", node.inputs)
        };
        assert_eq!((node.name(), normalised), ("normalize", input));
        assert_eq!(
            [state(weight), state(bias)],
            [Some("model.2.weight"), Some("model.2.bias")]
        );
        assert_eq!(tape.shape(statistics).batch(), 2, "each image has its own");
    }
}
