//! The generator, of any architecture.

use super::layer::{Builder, Upsample};
use super::mode::Mode;
use super::norm::Norm;
use super::resnet::{ResNet, ResNetConfig};
use super::unet::{UNet, UNetConfig};
use super::{NetworkError, Shapes};
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use serde::{Deserialize, Serialize};

/// The shape of a generator. Files hold the fields of its architecture without a tag; the fields
/// tell the architectures apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GeneratorConfig {
    /// A U-Net or an encoder-decoder.
    UNet(UNetConfig),
    /// A ResNet.
    ResNet(ResNetConfig),
}

impl GeneratorConfig {
    /// The generator that a state dict belongs to. The state dict shows whether maps are resized,
    /// but not how; `upsample` says that.
    pub fn from_shapes(shapes: &Shapes, upsample: Upsample) -> Option<Self> {
        let res_net = || ResNetConfig::from_shapes(shapes, upsample).map(Self::ResNet);
        UNetConfig::from_shapes(shapes, upsample)
            .map(Self::UNet)
            .or_else(res_net)
    }

    /// Channels of the input and of the output image.
    pub fn channels(&self) -> [usize; 2] {
        match self {
            Self::UNet(config) => [config.in_channels, config.out_channels],
            Self::ResNet(config) => [config.in_channels, config.out_channels],
        }
    }

    /// Normalisation.
    pub fn norm(&self) -> Norm {
        match self {
            Self::UNet(config) => config.norm,
            Self::ResNet(config) => config.norm,
        }
    }

    /// Whether any layer has dropout.
    pub fn has_dropout(&self) -> bool {
        match self {
            Self::UNet(config) => config.has_dropout(),
            Self::ResNet(config) => config.dropout,
        }
    }

    /// For a generator without dropout: what to train with to have it, in words for a message that
    /// names fields of a configuration in backticks.
    pub fn dropout_remedy(&self) -> &'static str {
        match self {
            Self::UNet(UNetConfig { dropout: true, .. }) => {
                "with `dropout_at` torch, or with a `num_downs` of 6 or more where images allow it"
            }
            Self::UNet(config)
                if !(UNetConfig {
                    dropout: true,
                    ..config.clone()
                })
                .has_dropout() =>
            {
                "with `dropout` true and with `dropout_at` torch"
            }
            _ => "with `dropout` true",
        }
    }

    /// The sides of results are multiples of this. Images of other sizes are fitted to it, see
    /// [`Fit`](super::Fit).
    pub fn multiple(&self) -> usize {
        match self {
            Self::UNet(config) => config.multiple(),
            Self::ResNet(_) => 4,
        }
    }

    /// The smallest side of an image that it takes: one multiple. In a ResNet it is two of them,
    /// since its blocks can reflect only maps of two pixels or more.
    pub fn least_side(&self) -> usize {
        match self {
            Self::UNet(_) => self.multiple(),
            Self::ResNet(_) => 2 * self.multiple(),
        }
    }
}

/// The network: states in a [`StateList`] and the way to record a forward pass.
#[derive(Debug, Clone)]
pub struct Generator {
    config: GeneratorConfig,
    layers: Layers,
    parameters: ArenaId,
    statistics: ArenaId,
    unused: Vec<String>,
}

/// The layers.
#[derive(Debug, Clone)]
enum Layers {
    UNet(UNet),
    ResNet(Box<ResNet>),
}

impl Generator {
    /// Adds the network's states to `states`, in arenas `generator` and `generator.statistics`.
    ///
    /// # Errors
    /// [`NetworkError`] for numbers that make no network of its architecture.
    pub fn new(states: &mut StateList, config: &GeneratorConfig) -> Result<Self, NetworkError> {
        let mut builder = Builder::new(states, "generator");
        let (parameters, statistics) = (builder.parameters, builder.statistics);
        let layers = match config {
            GeneratorConfig::UNet(config) => Layers::UNet(UNet::new(&mut builder, config)?),
            GeneratorConfig::ResNet(config) => {
                Layers::ResNet(Box::new(ResNet::new(&mut builder, config)?))
            }
        };
        Ok(Self {
            config: config.clone(),
            layers,
            parameters,
            statistics,
            unused: builder.unused,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
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

    /// As [`GeneratorConfig::multiple`].
    pub fn multiple(&self) -> usize {
        self.config.multiple()
    }

    /// Records `image [batch, height, width, in_channels]` to
    /// `[batch, height, width, out_channels]` in -1..1.
    ///
    /// # Errors
    /// Those of recording, for example when the image is too small for the network.
    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        image: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        match &self.layers {
            Layers::UNet(network) => network.forward(tape, states, image, mode),
            Layers::ResNet(network) => network.forward(tape, states, image, mode),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::nn::DropoutAt;

    #[test]
    fn files_tell_architectures_apart() {
        let old = r#"{"in_channels":3,"out_channels":1,"num_downs":6,"ngf":4,"norm":"batch",
            "dropout":true}"#;
        let GeneratorConfig::UNet(u_net) = serde_json::from_str(old).unwrap() else {
            panic!("a file older than the ResNets")
        };
        assert_eq!(
            (u_net.skips, u_net.dropout_at, u_net.upsample),
            (true, DropoutAt::Pytorch, Upsample::Deconv)
        );
        let (norm, upsample) = (Norm::Instance, Upsample::Nearest);
        let res_net = ResNetConfig {
            in_channels: 3,
            out_channels: 1,
            blocks: 6,
            ngf: 4,
            norm,
            dropout: false,
            upsample,
        };
        for config in [
            GeneratorConfig::UNet(UNetConfig {
                skips: false,
                ..u_net
            }),
            GeneratorConfig::ResNet(res_net),
        ] {
            assert_eq!(
                serde_json::from_str::<GeneratorConfig>(&serde_json::to_string(&config).unwrap())
                    .unwrap(),
                config
            );
        }
    }
}
