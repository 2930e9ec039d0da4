//! The layers that all networks are made of: convolutions, upsampling and dropout.

use super::mode::{DropoutMode, Mode};
use crate::contraction::Geometry;
use crate::ops::conv_transpose2d::conv_transpose2d_to;
use crate::ops::conv2d::conv2d;
use crate::ops::dropout::dropout;
use crate::ops::elementwise::multiply;
use crate::ops::resample::Resample;
use crate::state::{ArenaId, Init, StateId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use serde::{Deserialize, Serialize};

/// Standard deviation of initial weights (paper, section 6.2; the reference's `init_gain`).
pub(super) const INIT_STD: f32 = 0.02;

/// Where a network adds its states while it is built.
pub(super) struct Builder<'a> {
    pub states: &'a mut StateList,
    pub parameters: ArenaId,
    pub statistics: ArenaId,
    /// Keys that a state dict may hold, and that the network does not use.
    pub unused: Vec<String>,
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
            unused: Vec::new(),
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
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Upsample {
    /// By transposed convolutions
    #[default]
    Deconv,
    /// By repeating pixels before a convolution
    ///
    /// All pixels meet equally many taps; where they do not, a checkerboard shows.
    Nearest,
    /// By interpolating between pixels before a convolution
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
