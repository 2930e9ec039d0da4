//! A PatchGAN, which gives one logit for each of many overlapping patches
//! (paper, section 6.1.2; the reference's `NLayerDiscriminator` and `PixelDiscriminator`).

use super::layer::{Builder, Conv};
use super::mode::Mode;
use super::norm::{Norm, NormLayer};
use super::{MOST_CHANNELS, NetworkError, check_ranges};
use crate::contraction::Geometry;
use crate::ops::activation::{Activation, activate};
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use serde::{Deserialize, Serialize};

const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };

/// The shape of a discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchGanConfig {
    /// Channels of what it sees: input and output image side by side.
    pub in_channels: usize,
    /// Channels after the first convolution.
    pub ndf: usize,
    /// Strided convolutions. With 3 a logit sees 70×70 pixels; 0 is the 1×1 PixelGAN.
    pub n_layers: usize,
    /// Normalisation.
    pub norm: Norm,
}

impl PatchGanConfig {
    /// The most strided convolutions.
    pub const MOST_LAYERS: usize = 8;

    /// Side in pixels of the patch that one logit sees (paper, section 6.1.2): 1, 16, 34, 70, 142,
    /// 286 for 0, 1, .. 5 layers.
    pub fn receptive_field(n_layers: usize) -> usize {
        if n_layers == 0 {
            1
        } else {
            (1..=n_layers).fold(7, |field, _| 2 * field + 2)
        }
    }

    /// Checks that it is a network, and that its numbers are not beyond any use.
    pub(super) fn check(&self) -> Result<(), NetworkError> {
        check_ranges(&[
            ("ndf", self.ndf, 1, MOST_CHANNELS),
            ("in_channels", self.in_channels, 1, MOST_CHANNELS),
            ("d_layers", self.n_layers, 0, Self::MOST_LAYERS),
        ])
    }

    /// Patches along a side of `size` pixels; 0 where the image is too small.
    pub fn patches(n_layers: usize, size: usize) -> usize {
        if n_layers == 0 {
            size
        } else {
            (size >> n_layers).saturating_sub(2)
        }
    }
}

/// The network: states in a [`StateList`] and the way to record a forward pass.
#[derive(Debug, Clone)]
pub struct PatchGan {
    layers: Vec<Layer>,
    parameters: ArenaId,
    statistics: ArenaId,
    unused: Vec<String>,
    /// What its operations are called in listings.
    scope: String,
}

/// Convolution, normalisation, and LeakyReLU behind all but the last.
#[derive(Debug, Clone)]
struct Layer {
    conv: Conv,
    norm: NormLayer,
}

impl PatchGan {
    /// Adds the network's states to `states`, in arenas `discriminator` and
    /// `discriminator.statistics`.
    ///
    /// # Errors
    /// [`NetworkError`] for no channels, or numbers beyond any use.
    pub fn new(states: &mut StateList, config: &PatchGanConfig) -> Result<Self, NetworkError> {
        config.check()?;
        let mut builder = Builder::new(states, "discriminator");
        Ok(Self::within(&mut builder, config, ""))
    }

    /// Adds the states of a network that passes [`PatchGanConfig::check`], with `prefix` in front
    /// of their keys.
    pub(super) fn within(builder: &mut Builder, config: &PatchGanConfig, prefix: &str) -> Self {
        let layers = if config.n_layers == 0 {
            pixel_layers(builder, config, prefix)
        } else {
            patch_layers(builder, config, prefix)
        };
        Self {
            layers,
            parameters: builder.parameters,
            statistics: builder.statistics,
            unused: builder.unused.clone(),
            scope: format!("discriminator.{prefix}layer"),
        }
    }

    /// The arena of the trained parameters.
    pub fn parameters(&self) -> ArenaId {
        self.parameters
    }

    /// The arena of the running statistics.
    pub fn statistics(&self) -> ArenaId {
        self.statistics
    }

    /// Keys that a state dict of this network may hold and that the network does not use: PyTorch's
    /// counters, and running statistics of instance norm, which the reference drops when it loads
    /// a file.
    pub fn unused_keys(&self) -> &[String] {
        &self.unused
    }

    /// Records `pair [batch, height, width, in_channels]` to one logit a patch,
    /// `[batch, patches_h, patches_w, 1]`.
    ///
    /// # Errors
    /// Those of recording, for example when the image is too small.
    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        pair: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        Ok(self.forward_with_features(tape, states, pair, mode)?.0)
    }

    /// The same, with the maps behind each LeakyReLU.
    pub(super) fn forward_with_features(
        &self,
        tape: &mut Tape,
        states: &StateList,
        pair: Var,
        mode: &Mode,
    ) -> Result<(Var, Vec<Var>), TapeError> {
        let mut value = pair;
        let mut features = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            tape.set_scope(&format!("{}{}", self.scope, index + 1));
            value = layer.conv.forward(tape, states, value)?;
            value = layer.norm.forward(tape, states, value, mode)?;
            if index + 1 < self.layers.len() {
                value = activate(tape, value, LEAKY)?;
                features.push(value);
            }
        }
        tape.set_scope("");
        Ok((value, features))
    }
}

/// Strided convolutions, one more with stride 1, and one to a single channel. Layer i has min(2^i,
/// 8) times the channels of the first.
fn patch_layers(builder: &mut Builder, config: &PatchGanConfig, prefix: &str) -> Vec<Layer> {
    let channels = |layer: usize| config.ndf << layer.min(3);
    let mut layers = Vec::new();
    let mut index = 0;
    for layer in 0..=config.n_layers {
        let stride = if layer < config.n_layers { 2 } else { 1 };
        let first = layer == 0;
        let ends = [
            if first {
                config.in_channels
            } else {
                channels(layer - 1)
            },
            channels(layer),
        ];
        let has_bias = first || config.norm.conv_has_bias();
        let conv = Conv::new(
            builder,
            &format!("{prefix}model.{index}"),
            Geometry::new(4, stride, 1),
            ends,
            has_bias,
        );
        let norm = match first {
            true => NormLayer::None,
            false => NormLayer::new(
                builder,
                &format!("{prefix}model.{}", index + 1),
                config.norm,
                channels(layer),
            ),
        };
        layers.push(Layer { conv, norm });
        // In the reference's numbering, convolution, normalisation and activation are one module
        // each.
        index += if first { 2 } else { 3 };
    }
    let ends = [channels(config.n_layers), 1];
    let conv = Conv::new(
        builder,
        &format!("{prefix}model.{index}"),
        Geometry::new(4, 1, 1),
        ends,
        true,
    );
    layers.push(Layer {
        conv,
        norm: NormLayer::None,
    });
    layers
}

/// Three 1×1 convolutions: each logit sees one pixel.
fn pixel_layers(builder: &mut Builder, config: &PatchGanConfig, prefix: &str) -> Vec<Layer> {
    let (ndf, has_bias) = (config.ndf, config.norm.conv_has_bias());
    let point = Geometry::new(1, 1, 0);
    let first = Conv::new(
        builder,
        &format!("{prefix}net.0"),
        point,
        [config.in_channels, ndf],
        true,
    );
    let middle = Conv::new(
        builder,
        &format!("{prefix}net.2"),
        point,
        [ndf, 2 * ndf],
        has_bias,
    );
    let norm = NormLayer::new(builder, &format!("{prefix}net.3"), config.norm, 2 * ndf);
    let last = Conv::new(
        builder,
        &format!("{prefix}net.5"),
        point,
        [2 * ndf, 1],
        has_bias,
    );
    vec![
        Layer {
            conv: first,
            norm: NormLayer::None,
        },
        Layer { conv: middle, norm },
        Layer {
            conv: last,
            norm: NormLayer::None,
        },
    ]
}
