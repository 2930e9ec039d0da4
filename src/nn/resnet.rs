//! The ResNet generator: two halvings, residual blocks, two doublings (the reference's
//! `ResnetGenerator`, after Johnson et al. 2016, arXiv 1603.08155).

use super::layer::{Builder, Conv, UpConv, Upsample, dropout_half};
use super::mode::Mode;
use super::norm::{Norm, NormLayer};
use super::{MOST_CHANNELS, NetworkError, check_ranges};
use crate::contraction::Geometry;
use crate::ops::activation::{Activation, activate};
use crate::ops::elementwise::add;
use crate::ops::resample::Resample;
use crate::state::StateList;
use crate::tape::{Tape, TapeError, Var};
use serde::{Deserialize, Serialize};

const RELU: Activation = Activation::LeakyRelu { slope: 0.0 };
/// Of the first and the last convolution, which read a map padded by [`WIDE_PAD`].
const WIDE: Geometry = Geometry::new(7, 1, 0);
const WIDE_PAD: usize = 3;
/// Of the convolutions of a block, which read a map padded by one pixel.
const SMOOTH: Geometry = Geometry::new(3, 1, 0);
/// Of the halvings and, as transposed convolutions, the doublings.
const HALVE: Geometry = Geometry::new(3, 2, 1);
/// Number of the first block in the state dict.
pub(super) const FIRST_BLOCK: usize = 10;

/// The shape of a ResNet generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResNetConfig {
    /// Channels of the input image.
    pub in_channels: usize,
    /// Channels of the output image.
    pub out_channels: usize,
    /// Residual blocks: 9 or 6 in the reference.
    pub blocks: usize,
    /// Channels after the first convolution; the blocks have four times that.
    pub ngf: usize,
    /// Normalisation.
    pub norm: Norm,
    /// Dropout between the convolutions of each block.
    pub dropout: bool,
    /// How it doubles its maps.
    #[serde(default)]
    pub upsample: Upsample,
}

/// The layers.
#[derive(Debug, Clone)]
pub(super) struct ResNet {
    first: Unit,
    downs: Vec<Unit>,
    blocks: Vec<Block>,
    ups: Vec<(UpConv, NormLayer)>,
    last: Conv,
}

/// A convolution and the normalisation behind it.
#[derive(Debug, Clone)]
struct Unit {
    conv: Conv,
    norm: NormLayer,
}

/// Two convolutions beside a skip.
#[derive(Debug, Clone)]
struct Block {
    first: Unit,
    /// The layer's name where there is one.
    dropout: Option<String>,
    second: Unit,
}

impl Unit {
    fn new(
        builder: &mut Builder,
        key: impl Fn(usize) -> String,
        at: usize,
        geometry: Geometry,
        channels: [usize; 2],
        norm: Norm,
    ) -> Self {
        let conv = Conv::new(builder, &key(at), geometry, channels, norm.conv_has_bias());
        Self {
            conv,
            norm: NormLayer::new(builder, &key(at + 1), norm, channels[1]),
        }
    }

    fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        input: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        let value = self.conv.forward(tape, states, input)?;
        self.norm.forward(tape, states, value, mode)
    }
}

impl ResNet {
    /// Adds the states. Zero blocks, zero channels and numbers beyond any use are refused.
    pub fn new(builder: &mut Builder, config: &ResNetConfig) -> Result<Self, NetworkError> {
        check_ranges(&[
            ("blocks", config.blocks, 1, 64),
            ("ngf", config.ngf, 1, MOST_CHANNELS),
            ("in_channels", config.in_channels, 1, MOST_CHANNELS),
            ("out_channels", config.out_channels, 1, MOST_CHANNELS),
        ])?;
        let &ResNetConfig {
            in_channels,
            out_channels,
            blocks,
            ngf,
            norm,
            upsample,
            ..
        } = config;
        let key = |index: usize| format!("model.{index}");
        let first = Unit::new(builder, key, 1, WIDE, [in_channels, ngf], norm);
        let halve = |i: usize| {
            Unit::new(
                builder,
                key,
                4 + 3 * i,
                HALVE,
                [ngf << i, ngf << (i + 1)],
                norm,
            )
        };
        let downs = (0..2).map(halve).collect();
        let blocks = (FIRST_BLOCK..FIRST_BLOCK + blocks)
            .map(|index| Block::new(builder, config, &key(index)))
            .collect::<Vec<_>>();
        let behind = FIRST_BLOCK + blocks.len();
        let double = |i: usize| {
            let channels = [ngf << (2 - i), ngf << (1 - i)];
            let conv = UpConv::new(
                builder,
                &key(behind + 3 * i),
                upsample,
                HALVE,
                channels,
                norm.conv_has_bias(),
            );
            (
                conv,
                NormLayer::new(builder, &key(behind + 3 * i + 1), norm, channels[1]),
            )
        };
        let ups = (0..2).map(double).collect();
        let last = Conv::new(builder, &key(behind + 7), WIDE, [ngf, out_channels], true);
        Ok(Self {
            first,
            downs,
            blocks,
            ups,
            last,
        })
    }

    /// As [`super::Generator::forward`].
    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        image: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        tape.set_scope("generator.first");
        let mut value = tape.record(Resample::ReflectPad { pad: WIDE_PAD }, &[image])?;
        value = self.first.forward(tape, states, value, mode)?;
        value = activate(tape, value, RELU)?;
        for (index, down) in self.downs.iter().enumerate() {
            tape.set_scope(&format!("generator.down{}", index + 1));
            value = down.forward(tape, states, value, mode)?;
            value = activate(tape, value, RELU)?;
        }
        for (index, block) in self.blocks.iter().enumerate() {
            tape.set_scope(&format!("generator.block{}", index + 1));
            value = block.forward(tape, states, value, mode)?;
        }
        for (index, (up, norm)) in self.ups.iter().enumerate() {
            tape.set_scope(&format!("generator.up{}", self.ups.len() - index));
            value = up.forward(tape, states, value)?;
            value = norm.forward(tape, states, value, mode)?;
            value = activate(tape, value, RELU)?;
        }
        tape.set_scope("generator.last");
        value = tape.record(Resample::ReflectPad { pad: WIDE_PAD }, &[value])?;
        value = self.last.forward(tape, states, value)?;
        let output = activate(tape, value, Activation::Tanh)?;
        tape.set_scope("");
        Ok(output)
    }
}

impl Block {
    fn new(builder: &mut Builder, config: &ResNetConfig, block: &str) -> Self {
        let key = |index: usize| format!("{block}.conv_block.{index}");
        let channels = [4 * config.ngf; 2];
        let first = Unit::new(builder, key, 1, SMOOTH, channels, config.norm);
        // In the state dict a dropout layer moves the layers behind it by one place.
        let dropout = config.dropout.then(|| key(4));
        let second = Unit::new(
            builder,
            key,
            if config.dropout { 6 } else { 5 },
            SMOOTH,
            channels,
            config.norm,
        );
        Self {
            first,
            dropout,
            second,
        }
    }

    fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        input: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        let mut value = tape.record(Resample::ReflectPad { pad: 1 }, &[input])?;
        value = self.first.forward(tape, states, value, mode)?;
        value = activate(tape, value, RELU)?;
        if let Some(name) = &self.dropout {
            value = dropout_half(tape, value, name, mode)?;
        }
        value = tape.record(Resample::ReflectPad { pad: 1 }, &[value])?;
        value = self.second.forward(tape, states, value, mode)?;
        add(tape, input, value)
    }
}
