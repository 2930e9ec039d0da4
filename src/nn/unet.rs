//! The U-Net of any depth (paper, section 6.1.1; the reference's `UnetGenerator`).

use super::layer::{Builder, Conv, Mode, Norm, NormLayer, dropout_half};
use super::{MOST_CHANNELS, NetworkError, check_ranges};
use crate::ops::Concat;
use crate::ops::activation::{Activation, activate};
use crate::ops::contraction::Geometry;
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
    /// Halvings down to the innermost map, at least 5; 8 for 256×256.
    pub num_downs: usize,
    /// Channels after the first convolution; they double up to eight times that.
    pub ngf: usize,
    /// Normalisation.
    pub norm: Norm,
    /// Dropout on the `num_downs - 5` middle blocks.
    pub dropout: bool,
}

impl UNetConfig {
    /// Image sizes must be multiples of this, whatever depth a file says.
    pub(super) fn multiple(&self) -> usize {
        1 << self.num_downs.min(MOST_DOWNS)
    }
}

/// The layers.
#[derive(Debug, Clone)]
pub(super) struct UNet {
    levels: Vec<Level>,
}

/// One resolution: the way down into it and the way up out of it. Level 0 is the outermost.
#[derive(Debug, Clone)]
struct Level {
    /// Key of the block in the state dict.
    key: String,
    down: Conv,
    down_norm: NormLayer,
    up: Conv,
    up_norm: NormLayer,
    dropout: bool,
}

impl UNet {
    /// Adds the states. Refuses a depth under 5, no channels, and numbers beyond any use.
    pub fn new(builder: &mut Builder, config: &UNetConfig) -> Result<Self, NetworkError> {
        check_ranges(&[
            ("number of downs", config.num_downs, 5, MOST_DOWNS),
            ("ngf", config.ngf, 1, MOST_CHANNELS),
            ("number of input channels", config.in_channels, 1, MOST_CHANNELS),
            ("number of output channels", config.out_channels, 1, MOST_CHANNELS),
        ])?;
        let mut levels = Vec::new();
        add_level(builder, config, 0, "model".to_owned(), &mut levels);
        levels.reverse();
        Ok(Self { levels })
    }

    /// As [`super::Generator::forward`].
    pub fn forward(&self, tape: &mut Tape, states: &StateList, image: Var, mode: &Mode) -> Result<Var, TapeError> {
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
            if depth < innermost
                && let Some(skip) = skips.pop()
            {
                value = tape.record(Concat, &[skip, value])?;
            }
            value = activate(tape, value, RELU)?;
            value = level.up.forward(tape, states, value)?;
            value = level.up_norm.forward(tape, states, value, mode)?;
            if level.dropout {
                value = dropout_half(tape, value, &format!("{}.model.7", level.key), mode)?;
            }
        }
        let output = activate(tape, value, Activation::Tanh)?;
        tape.set_scope("");
        Ok(output)
    }
}

/// Adds the levels from `depth` inwards, states in the reference's order, innermost level first.
fn add_level(builder: &mut Builder, config: &UNetConfig, depth: usize, key: String, levels: &mut Vec<Level>) {
    let channels = |depth: usize| config.ngf << depth.min(3);
    let (outermost, innermost) = (depth == 0, depth + 1 == config.num_downs);
    let [down, down_norm, sub, up, up_norm] = match (outermost, innermost) {
        (true, _) => [0, 0, 1, 3, 0],
        (_, true) => [1, 0, 0, 3, 4],
        _ => [1, 2, 3, 5, 6],
    };
    let prefix = key.clone();
    let at = move |index: usize| format!("{prefix}.model.{index}");
    let own = channels(depth);
    let outside = if outermost { [config.in_channels, config.out_channels] } else { [channels(depth - 1); 2] };
    let has_bias = config.norm.conv_has_bias();

    let down = Conv::new(builder, &at(down), HALVE, [outside[0], own], has_bias);
    let down_norm = if outermost || innermost { NormLayer::None } else { NormLayer::new(builder, &at(down_norm), config.norm, own) };
    if !innermost {
        add_level(builder, config, depth + 1, at(sub), levels);
    }
    let up_channels = if innermost { own } else { 2 * own };
    let up = Conv::transposed(builder, &at(up), HALVE, [up_channels, outside[1]], outermost || has_bias);
    let up_norm = if outermost { NormLayer::None } else { NormLayer::new(builder, &at(up_norm), config.norm, outside[1]) };
    // The blocks between the innermost and the four outermost ones.
    let dropout = config.dropout && depth >= 4 && !innermost;
    levels.push(Level { key, down, down_norm, up, up_norm, dropout });
}
