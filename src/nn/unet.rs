//! The U-Net of any depth (paper, section 6.1.1; the reference's `UnetGenerator`), and the
//! encoder-decoder, which is the same without skips.

use super::layer::{Builder, Conv, UpConv, Upsample, dropout_half};
use super::mode::Mode;
use super::norm::{Norm, NormLayer};
use super::{MOST_CHANNELS, NetworkError, check_ranges};
use crate::contraction::Geometry;
use crate::ops::Concat;
use crate::ops::activation::{Activation, activate};
use crate::ops::window::Window;
use crate::state::StateList;
use crate::tape::{Tape, TapeError, Var};
use serde::{Deserialize, Serialize};

const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };
const RELU: Activation = Activation::LeakyRelu { slope: 0.0 };
const HALVE: Geometry = Geometry::new(4, 2, 1);
/// The most halvings.
const MOST_DOWNS: usize = 16;

/// The shape of a U-Net.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UNetConfig {
    /// Channels of the input image.
    pub in_channels: usize,
    /// Channels of the output image.
    pub out_channels: usize,
    /// Halvings down to the innermost map, at least 2; 8 for 256×256.
    pub num_downs: usize,
    /// Channels after the first convolution; they double up to eight times that.
    pub ngf: usize,
    /// Normalisation.
    pub norm: Norm,
    /// Dropout in the blocks that `dropout_at` names.
    pub dropout: bool,
    /// Which blocks have dropout.
    #[serde(default)]
    pub dropout_at: DropoutAt,
    /// Whether the way up sees the maps of the way down. Without these skips it is an
    /// encoder-decoder.
    #[serde(default = "with_skips")]
    pub skips: bool,
    /// How the way up doubles its maps.
    #[serde(default)]
    pub upsample: Upsample,
}

/// The value for files that are older than this field.
fn with_skips() -> bool {
    true
}

/// Which blocks have dropout, as in one of the two references.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DropoutAt {
    /// In the blocks between the innermost and the four outermost ones
    ///
    /// As in PyTorch: `num_downs - 5` blocks.
    #[default]
    Pytorch,
    /// In the first three blocks of the way up
    ///
    /// As in Lua Torch.
    Torch,
}

impl DropoutAt {
    /// Whether the block at `depth`, 0 outermost, is one of them.
    fn includes(self, depth: usize, num_downs: usize) -> bool {
        match self {
            Self::Pytorch => (4..num_downs - 1).contains(&depth),
            Self::Torch => depth > 0 && depth + 3 >= num_downs,
        }
    }
}

impl UNetConfig {
    /// Whether any block has dropout.
    pub(super) fn has_dropout(&self) -> bool {
        self.dropout
            && (0..self.num_downs.min(MOST_DOWNS))
                .any(|depth| self.dropout_at.includes(depth, self.num_downs))
    }

    /// Image sizes must be multiples of this. It does not overflow, whatever depth a file says.
    pub(super) fn multiple(&self) -> usize {
        1 << self.num_downs.min(MOST_DOWNS)
    }
}

/// The layers.
#[derive(Debug, Clone)]
pub(super) struct UNet {
    levels: Vec<Level>,
    skips: bool,
}

/// One resolution: the way down into it and the way up out of it. Level 0 is the outermost.
#[derive(Debug, Clone)]
struct Level {
    down: Conv,
    down_norm: NormLayer,
    up: UpConv,
    up_norm: NormLayer,
    /// The layer's name where there is one.
    dropout: Option<String>,
}

impl UNet {
    /// Adds the states. A depth under 2, zero channels and numbers beyond any use are refused.
    pub fn new(builder: &mut Builder, config: &UNetConfig) -> Result<Self, NetworkError> {
        check_ranges(&[
            ("num_downs", config.num_downs, 2, MOST_DOWNS),
            ("ngf", config.ngf, 1, MOST_CHANNELS),
            ("in_channels", config.in_channels, 1, MOST_CHANNELS),
            ("out_channels", config.out_channels, 1, MOST_CHANNELS),
        ])?;
        let mut levels = Vec::new();
        add_level(builder, config, 0, "model", &mut levels);
        levels.reverse();
        Ok(Self {
            levels,
            skips: config.skips,
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
        let innermost = self.levels.len() - 1;
        let mut skips = Vec::new();
        let mut value = image;
        for (depth, level) in self.levels.iter().enumerate() {
            tape.set_scope(&format!("generator.down{}", depth + 1));
            if depth > 0 {
                // The reference activates in place, so the skip carries the activated value.
                value = activate(tape, value, LEAKY)?;
                skips.push(value);
            }
            value = level.down.forward(tape, states, value)?;
            value = level.down_norm.forward(tape, states, value, mode)?;
        }
        for (depth, level) in self.levels.iter().enumerate().rev() {
            tape.set_scope(&format!("generator.up{}", depth + 1));
            if self.skips
                && depth < innermost
                && let Some(skip) = skips.pop()
            {
                // If an odd map was halved, the decoder's map is smaller. It is joined with the
                // middle of the skip.
                let small = tape.shape(value);
                let skip = Window::centre(tape.shape(skip), small.height(), small.width())
                    .of(tape, skip)?;
                value = tape.record(Concat, &[skip, value])?;
            }
            value = activate(tape, value, RELU)?;
            value = level.up.forward(tape, states, value)?;
            value = level.up_norm.forward(tape, states, value, mode)?;
            if let Some(name) = &level.dropout {
                value = dropout_half(tape, value, name, mode)?;
            }
        }
        let output = activate(tape, value, Activation::Tanh)?;
        tape.set_scope("");
        Ok(output)
    }
}

/// Adds the levels from `depth` inwards. States are in the reference's order: innermost level
/// first.
fn add_level(
    builder: &mut Builder,
    config: &UNetConfig,
    depth: usize,
    key: &str,
    levels: &mut Vec<Level>,
) {
    let channels = |depth: usize| config.ngf << depth.min(3);
    let (outermost, innermost) = (depth == 0, depth + 1 == config.num_downs);
    let [down, down_norm, sub, up, up_norm_index] = match (outermost, innermost) {
        (true, _) => [0, 0, 1, 3, 0],
        (_, true) => [1, 0, 0, 3, 4],
        _ => [1, 2, 3, 5, 6],
    };
    let at = |index: usize| format!("{key}.model.{index}");
    let own = channels(depth);
    let outside = if outermost {
        [config.in_channels, config.out_channels]
    } else {
        [channels(depth - 1); 2]
    };
    let has_bias = config.norm.conv_has_bias();

    let down = Conv::new(builder, &at(down), HALVE, [outside[0], own], has_bias);
    let down_norm = if outermost || innermost {
        NormLayer::None
    } else {
        NormLayer::new(builder, &at(down_norm), config.norm, own)
    };
    if !innermost {
        add_level(builder, config, depth + 1, &at(sub), levels);
    }
    let up_channels = if config.skips && !innermost {
        2 * own
    } else {
        own
    };
    let up = UpConv::new(
        builder,
        &at(up),
        config.upsample,
        HALVE,
        [up_channels, outside[1]],
        outermost || has_bias,
    );
    let up_norm = if outermost {
        NormLayer::None
    } else {
        NormLayer::new(builder, &at(up_norm_index), config.norm, outside[1])
    };
    let has_dropout = config.dropout && config.dropout_at.includes(depth, config.num_downs);
    let dropout = has_dropout.then(|| at(up_norm_index + 1));
    levels.push(Level {
        down,
        down_norm,
        up,
        up_norm,
        dropout,
    });
}

#[cfg(test)]
mod tests {
    use super::DropoutAt;

    #[test]
    fn dropout_is_where_either_reference_has_it() {
        let blocks = |at: DropoutAt, num_downs| {
            (0..num_downs)
                .filter(|&depth| at.includes(depth, num_downs))
                .collect::<Vec<_>>()
        };
        assert_eq!(blocks(DropoutAt::Pytorch, 8), [4, 5, 6]);
        assert_eq!(blocks(DropoutAt::Torch, 8), [5, 6, 7]);
        assert_eq!(
            (blocks(DropoutAt::Pytorch, 5), blocks(DropoutAt::Torch, 5)),
            (vec![], vec![2, 3, 4])
        );
        assert_eq!(
            (blocks(DropoutAt::Pytorch, 2), blocks(DropoutAt::Torch, 2)),
            (vec![], vec![1])
        );
    }
}
