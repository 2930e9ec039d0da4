//! How a network is built, read off the keys and shapes of its state dict. The reference's files
//! say nothing else about themselves.

use super::resnet::FIRST_BLOCK;
use super::{DropoutAt, Norm, PatchGanConfig, ResNetConfig, UNetConfig, Upsample};
use std::collections::BTreeMap;

/// Keys and shapes of a state dict, in the reference's order of axes.
pub type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

impl UNetConfig {
    /// The U-Net or encoder-decoder that a state dict belongs to; `upsample` says how it doubles
    /// its maps. Dropout leaves no trace in a state dict. It is taken as on, where PyTorch has it.
    pub fn from_shapes(shapes: &Shapes, upsample: Upsample) -> Option<Self> {
        let &[ngf, in_channels, 4, 4] = *shapes.get("model.model.0.weight")? else {
            return None;
        };
        let [up_channels, out_channels] =
            up_channels(shapes.get("model.model.3.weight")?, upsample, 4)?;
        // In every block but the outermost this is the convolution on the way down. Normalisations
        // have vectors under the same name.
        let inner =
            |key: &&&str, shape: &&[usize]| key.ends_with(".model.1.weight") && shape.len() == 4;
        let num_downs = 1 + shapes
            .iter()
            .filter(|(key, shape)| inner(key, shape))
            .count();
        let norm = norm(shapes, "model.model.0.bias");
        let skips = up_channels != ngf;
        Some(Self {
            in_channels,
            out_channels,
            num_downs,
            ngf,
            norm,
            dropout: true,
            dropout_at: DropoutAt::Pytorch,
            skips,
            upsample,
        })
    }
}

impl ResNetConfig {
    /// The ResNet generator that a state dict belongs to; `upsample` says how it doubles its maps.
    /// Here dropout does leave a trace: it counts as a layer.
    pub fn from_shapes(shapes: &Shapes, upsample: Upsample) -> Option<Self> {
        let &[ngf, in_channels, 7, 7] = *shapes.get("model.1.weight")? else {
            return None;
        };
        let blocks = shapes
            .keys()
            .filter(|key| key.ends_with(".conv_block.1.weight"))
            .count();
        let &[out_channels, _, 7, 7] =
            *shapes.get(&*format!("model.{}.weight", FIRST_BLOCK + blocks + 7))?
        else {
            return None;
        };
        let last_up = up_channels(
            shapes.get(&*format!("model.{}.weight", FIRST_BLOCK + blocks + 3))?,
            upsample,
            3,
        )?;
        if Some(last_up) != ngf.checked_mul(2).map(|wide| [wide, ngf]) {
            return None;
        }
        let dropout = shapes
            .get(&*format!("model.{FIRST_BLOCK}.conv_block.6.weight"))
            .is_some_and(|shape| shape.len() == 4);
        Some(Self {
            in_channels,
            out_channels,
            blocks,
            ngf,
            norm: norm(shapes, "model.1.bias"),
            dropout,
            upsample,
        })
    }
}

impl PatchGanConfig {
    /// The PatchGAN or PixelGAN that a state dict belongs to.
    pub fn from_shapes(shapes: &Shapes) -> Option<Self> {
        if let Some(&&[ndf, in_channels, 1, 1]) = shapes.get("net.0.weight") {
            return Some(Self {
                in_channels,
                ndf,
                n_layers: 0,
                norm: norm(shapes, "net.2.bias"),
            });
        }
        let &[ndf, in_channels, 4, 4] = *shapes.get("model.0.weight")? else {
            return None;
        };
        let convolutions = shapes.values().filter(|shape| shape.len() == 4).count();
        // Behind the strided convolutions come two more: one with stride 1, and the one that makes
        // the logits.
        let n_layers = convolutions
            .checked_sub(2)
            .filter(|&n_layers| n_layers > 0)?;
        Some(Self {
            in_channels,
            ndf,
            n_layers,
            norm: norm(shapes, "model.2.bias"),
        })
    }
}

/// Input and output channels of a step of the way up, from the shape of its weight. A transposed
/// convolution has a kernel of size `kernel` and its input channels first. Behind a resized map
/// comes a convolution of kernel 3, with its output channels first.
fn up_channels(weight: &[usize], upsample: Upsample, kernel: usize) -> Option<[usize; 2]> {
    match (upsample, weight) {
        (Upsample::Deconv, &[input, output, height, width]) if [height, width] == [kernel; 2] => {
            Some([input, output])
        }
        (Upsample::Nearest | Upsample::Bilinear, &[output, input, 3, 3]) => Some([input, output]),
        _ => None,
    }
}

/// The normalisation. With instance norm, and only then, the convolutions have the bias
/// `of_instance`. Running statistics do not tell: files from before PyTorch 0.4 have them for
/// instance norm too, which never used them.
fn norm(shapes: &Shapes, of_instance: &str) -> Norm {
    let has_vector = |what: &str| {
        shapes
            .iter()
            .any(|(key, shape)| shape.len() == 1 && key.ends_with(what))
    };
    // The weights of convolutions have four axes.
    let affine = has_vector(".weight");
    match shapes.contains_key(of_instance) {
        true if affine => Norm::InstanceAffine,
        true => Norm::Instance,
        false if affine || has_vector(".running_mean") => Norm::Batch,
        false => Norm::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ResNet without blocks. `last_up` is the shape of the weight in front of its last
    /// convolution.
    fn res_net(ngf: usize, last_up: &[usize]) -> Option<ResNetConfig> {
        let (first, last) = ([ngf, 3, 7, 7], [3, ngf, 7, 7]);
        let keys = [
            ("model.1.weight", &first[..]),
            ("model.17.weight", &last),
            ("model.13.weight", last_up),
        ];
        ResNetConfig::from_shapes(&Shapes::from(keys), Upsample::Deconv)
    }

    #[test]
    fn files_of_any_shape_are_read_without_a_panic() {
        assert_eq!(res_net(4, &[8, 4, 3, 3]).map(|config| config.ngf), Some(4));
        // A hostile file may claim any length for one axis if another axis is zero.
        for (ngf, last_up) in [
            (4, &[4][..]),
            (4, &[]),
            (4, &[4, 8, 3, 3]),
            (usize::MAX, &[usize::MAX - 1, usize::MAX, 3, 3]),
        ] {
            assert_eq!(res_net(ngf, last_up), None, "{ngf} {last_up:?}");
        }
    }
}
