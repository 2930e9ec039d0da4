//! What the networks are made of: convolutions, normalisation and dropout, and how these behave in
//! training and in use.

use super::test_time::TestTime;
use crate::contraction::Geometry;
use crate::ops::batch_norm::{
    Groups, batch_norm, batch_norm_running, instance_norm, update_running_statistics,
};
use crate::ops::conv_transpose2d::conv_transpose2d_to;
use crate::ops::conv2d::conv2d;
use crate::ops::dropout::dropout;
use crate::ops::elementwise::multiply;
use crate::ops::resample::Resample;
use crate::state::{ArenaId, Init, StateId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Added to the variance before the square root, as in the reference.
const EPSILON: f32 = 1e-5;
/// Weight of the new statistics in the running ones, as in the reference.
const MOMENTUM: f32 = 0.1;
/// Standard deviation of initial weights (paper, section 6.2; the reference's `init_gain`).
const INIT_STD: f32 = 0.02;

/// The normalisation layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Batch norm with weight, bias and running statistics.
    Batch,
    /// Instance norm without parameters.
    Instance,
    /// None.
    None,
}

impl Norm {
    /// Its name on the command line.
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

/// Where batch norm takes its statistics from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticsFrom {
    /// From the whole batch; updates the running statistics. This is training.
    Batch,
    /// From the whole batch, without an update: for a second pass over the same images.
    BatchAgain,
    /// From each of so many equal parts of the batch; updates the running statistics by one part
    /// after the other. This is several batches at once.
    Parts(usize),
    /// From each image alone, whatever the batch: the use that fits training at batch 1. It is
    /// instance normalisation.
    Image,
    /// From the whole batch; the running statistics stay as they are.
    WholeBatch,
    /// The running statistics: the reference's `eval()`.
    Running,
}

/// What dropout does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropoutMode {
    /// Nothing.
    Off,
    /// Draws a mask from seed, step and layer.
    Random,
    /// As [`DropoutMode::Random`]; each of several batches of a step has masks of its own.
    Numbered(usize),
    /// Multiplies by given 0/1 masks, by layer name.
    Given(BTreeMap<String, Var>),
}

/// How a network is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// Batch norm.
    pub statistics: StatisticsFrom,
    /// Dropout.
    pub dropout: DropoutMode,
}

impl Mode {
    /// Batch statistics and random dropout.
    pub fn training() -> Self {
        Self {
            statistics: StatisticsFrom::Batch,
            dropout: DropoutMode::Random,
        }
    }

    /// The same for `parts` batches of equal size that go through the network as one.
    pub fn for_parts(&self, parts: usize) -> Self {
        let statistics = if self.statistics == StatisticsFrom::Batch {
            StatisticsFrom::Parts(parts)
        } else {
            self.statistics
        };
        Self {
            statistics,
            ..self.clone()
        }
    }

    /// The same for batch `number`, counted from 0, of a step that has several. Random dropout
    /// draws other masks for each.
    pub fn numbered(&self, number: usize) -> Self {
        let other = number > 0 && self.dropout == DropoutMode::Random;
        let dropout = if other {
            DropoutMode::Numbered(number)
        } else {
            self.dropout.clone()
        };
        Self {
            dropout,
            ..self.clone()
        }
    }

    /// The same for a second pass over the same images: the output is the same, and running
    /// statistics stay.
    pub fn again(&self) -> Self {
        let statistics = if self.statistics == StatisticsFrom::Batch {
            StatisticsFrom::BatchAgain
        } else {
            self.statistics
        };
        Self {
            statistics,
            ..self.clone()
        }
    }

    /// For use: per-image statistics and no dropout, so the same image gives the same output every
    /// time.
    pub fn translation() -> Self {
        TestTime::default().mode()
    }
}

/// Where a network adds its states while it is built.
pub(super) struct Builder<'a> {
    pub states: &'a mut StateList,
    pub parameters: ArenaId,
    pub statistics: ArenaId,
}

impl<'a> Builder<'a> {
    /// Arenas `name` and `name.statistics`.
    pub fn new(states: &'a mut StateList, name: &str) -> Self {
        let parameters = states.arena(name, true);
        let statistics = states.arena(&format!("{name}.statistics"), false);
        Self {
            states,
            parameters,
            statistics,
        }
    }
}

/// A convolution or transposed convolution with its weight and perhaps a bias.
#[derive(Debug, Clone)]
pub(super) struct Conv {
    weight: StateId,
    bias: Option<StateId>,
    geometry: Geometry,
    transposed: bool,
}

impl Conv {
    pub fn new(
        builder: &mut Builder,
        key: &str,
        geometry: Geometry,
        channels: [usize; 2],
        bias: bool,
    ) -> Self {
        let shape = Shape::hwio(geometry.kernel, geometry.kernel, channels[0], channels[1]);
        let init = Init::Normal {
            mean: 0.0,
            std: INIT_STD,
        };
        let weight = builder
            .states
            .add(builder.parameters, format!("{key}.weight"), shape, init);
        let vector = Shape::vector(channels[1]);
        let bias = bias.then(|| {
            builder.states.add(
                builder.parameters,
                format!("{key}.bias"),
                vector,
                Init::Constant(0.0),
            )
        });
        Self {
            weight,
            bias,
            geometry,
            transposed: false,
        }
    }

    /// A transposed convolution to `stride` times the height and width.
    pub fn transposed(
        builder: &mut Builder,
        key: &str,
        geometry: Geometry,
        channels: [usize; 2],
        bias: bool,
    ) -> Self {
        let conv = Self::new(builder, key, geometry, channels, bias);
        builder.states.mark_transposed(conv.weight);
        Self {
            transposed: true,
            ..conv
        }
    }

    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        input: Var,
    ) -> Result<Var, TapeError> {
        let weight = tape.state(states, self.weight);
        let bias = self.bias.map(|bias| tape.state(states, bias));
        match self.transposed {
            false => conv2d(tape, input, weight, bias, self.geometry),
            true => {
                let (shape, stride) = (tape.shape(input), self.geometry.stride);
                conv_transpose2d_to(
                    tape,
                    input,
                    weight,
                    bias,
                    self.geometry,
                    [shape.height() * stride, shape.width() * stride],
                )
            }
        }
    }
}

/// How a generator doubles its maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upsample {
    /// A transposed convolution.
    #[default]
    Deconv,
    /// Every pixel is repeated twice in both directions, then comes a convolution. All pixels meet
    /// equally many taps; where they do not, a checkerboard shows.
    Nearest,
    /// As [`Upsample::Nearest`], but interpolated between the pixels.
    Bilinear,
}

/// The convolution behind a resized map.
const SMOOTH: Geometry = Geometry::new(3, 1, 1);

/// A step of the way up, to twice the height and width.
#[derive(Debug, Clone)]
pub(super) struct UpConv {
    resample: Option<Resample>,
    conv: Conv,
}

impl UpConv {
    /// `geometry` is that of the transposed convolution, of stride 2.
    pub fn new(
        builder: &mut Builder,
        key: &str,
        upsample: Upsample,
        geometry: Geometry,
        channels: [usize; 2],
        bias: bool,
    ) -> Self {
        let resample = match upsample {
            Upsample::Deconv => {
                return Self {
                    resample: None,
                    conv: Conv::transposed(builder, key, geometry, channels, bias),
                };
            }
            Upsample::Nearest => Resample::Nearest,
            Upsample::Bilinear => Resample::Bilinear,
        };
        Self {
            resample: Some(resample),
            conv: Conv::new(builder, key, SMOOTH, channels, bias),
        }
    }

    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        input: Var,
    ) -> Result<Var, TapeError> {
        let large = self
            .resample
            .map_or(Ok(input), |resample| tape.record(resample, &[input]))?;
        self.conv.forward(tape, states, large)
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

/// Dropout with probability one half (paper, section 2.1: the noise of the generator).
pub(super) fn dropout_half(
    tape: &mut Tape,
    input: Var,
    name: &str,
    mode: &Mode,
) -> Result<Var, TapeError> {
    match &mode.dropout {
        DropoutMode::Off => Ok(input),
        DropoutMode::Random => dropout(tape, input, 0.5, name),
        DropoutMode::Numbered(number) => {
            dropout(tape, input, 0.5, &format!("{name} of batch {number}"))
        }
        DropoutMode::Given(masks) => match masks.get(name) {
            Some(&mask) => multiply(tape, input, mask, 2.0),
            None => Ok(input),
        },
    }
}
