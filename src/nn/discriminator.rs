//! The discriminator of a run: a PatchGAN, or one on the image and others on halves of it
//! (pix2pixHD, arXiv 1711.11585, section 3.2; `MultiscaleDiscriminator` of its code).

use super::layer::Builder;
use super::mode::Mode;
use super::patch_gan::{PatchGan, PatchGanConfig};
use super::{NetworkError, Shapes, check_ranges};
use crate::ops::resample::AveragePool;
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};

/// The shape of a discriminator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscriminatorConfig {
    /// The network of each scale.
    pub patch: PatchGanConfig,
    /// How many there are. The first sees the image, each other one half of what the one before it
    /// sees.
    pub scales: usize,
}

impl DiscriminatorConfig {
    /// The most scales.
    pub const MOST_SCALES: usize = 4;

    /// Side in pixels of what the last of `scales` sees of an image of side `size`.
    pub fn last_side(scales: usize, size: usize) -> usize {
        (1..scales).fold(size, |side, _| AveragePool::side(side))
    }

    /// Patches along a side of what the last scale sees, for an image of side `size`; 0 where the
    /// image is too small.
    pub fn last_patches(&self, size: usize) -> usize {
        PatchGanConfig::patches(self.patch.n_layers, Self::last_side(self.scales, size))
    }

    /// The discriminator that a state dict belongs to.
    pub fn from_shapes(shapes: &Shapes) -> Option<Self> {
        let of_scale = |scale: usize| {
            let prefix = scale_prefix(scale);
            let own = shapes.iter().filter_map(|(key, shape)| {
                let key = key.strip_prefix(&*prefix)?;
                Some((key, *shape))
            });
            PatchGanConfig::from_shapes(&own.collect())
        };
        let Some(patch) = of_scale(0) else {
            let patch = PatchGanConfig::from_shapes(shapes)?;
            return Some(Self { patch, scales: 1 });
        };
        let scales = 1
            + (1..)
                .take_while(|&scale| of_scale(scale).as_ref() == Some(&patch))
                .count();
        Some(Self { patch, scales })
    }
}

/// What stands in front of the keys of a scale where there are several.
fn scale_prefix(scale: usize) -> String {
    format!("scale{scale}.")
}

/// The number of the scale that `prefix` ends in, and what stands in front of that.
pub(crate) fn scale_of(prefix: &str) -> Option<(&str, usize)> {
    let inner = prefix.strip_suffix('.')?;
    let start = inner.rfind('.').map_or(0, |dot| dot + 1);
    let number = inner[start..].strip_prefix("scale")?.parse().ok()?;
    Some((&inner[..start], number))
}

/// What the network of one scale makes of images.
#[derive(Debug, Clone)]
pub struct DiscriminatorOutput {
    /// The images as this scale sees them.
    pub seen: Var,
    /// One logit a patch, `[batch, patches_h, patches_w, 1]`.
    pub logits: Var,
    /// The maps behind each LeakyReLU.
    pub features: Vec<Var>,
}

/// The network of every scale, each with weights of its own. All of them learn together, so their
/// states lie in two arenas.
#[derive(Debug, Clone)]
pub struct Discriminator {
    scales: Vec<PatchGan>,
    parameters: ArenaId,
    statistics: ArenaId,
    unused: Vec<String>,
}

impl Discriminator {
    /// Adds the states to `states`, in arenas `discriminator` and `discriminator.statistics`. With
    /// several scales their keys start with `scale0.`, which sees the image, `scale1.` and so on.
    ///
    /// # Errors
    /// [`NetworkError`] for no channels, or numbers beyond any use.
    pub fn new(states: &mut StateList, config: &DiscriminatorConfig) -> Result<Self, NetworkError> {
        let DiscriminatorConfig { patch, scales } = config;
        check_ranges(&[(
            "discriminators",
            *scales,
            1,
            DiscriminatorConfig::MOST_SCALES,
        )])?;
        patch.check()?;
        let mut builder = Builder::new(states, "discriminator");
        let networks = if *scales == 1 {
            vec![PatchGan::within(&mut builder, patch, "")]
        } else {
            (0..*scales)
                .map(|scale| PatchGan::within(&mut builder, patch, &scale_prefix(scale)))
                .collect()
        };
        Ok(Self {
            scales: networks,
            parameters: builder.parameters,
            statistics: builder.statistics,
            unused: builder.unused,
        })
    }

    /// The arena of the trained parameters.
    pub fn parameters(&self) -> ArenaId {
        self.parameters
    }

    /// The arena of the running statistics.
    pub fn statistics(&self) -> ArenaId {
        self.statistics
    }

    /// As [`PatchGan::unused_keys`].
    pub fn unused_keys(&self) -> &[String] {
        &self.unused
    }

    /// Records what every scale makes of `pair [batch, height, width, in_channels]`, the whole
    /// image first.
    ///
    /// # Errors
    /// Those of recording, for example when the image is too small.
    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        pair: Var,
        mode: &Mode,
    ) -> Result<Vec<DiscriminatorOutput>, TapeError> {
        let mut seen = pair;
        let mut outputs = Vec::new();
        for (scale, network) in self.scales.iter().enumerate() {
            if scale > 0 {
                tape.set_scope("discriminator");
                seen = tape.record(AveragePool, &[seen])?;
                tape.set_scope("");
            }
            let (logits, features) = network.forward_with_features(tape, states, seen, mode)?;
            outputs.push(DiscriminatorOutput {
                seen,
                logits,
                features,
            });
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Norm;

    /// A PatchGAN of 70 pixels for each scale.
    fn config(scales: usize) -> DiscriminatorConfig {
        let patch = PatchGanConfig {
            in_channels: 6,
            ndf: 4,
            n_layers: 3,
            norm: Norm::Batch,
        };
        DiscriminatorConfig { patch, scales }
    }

    #[test]
    fn sides_of_scales_are_halved_and_rounded_up() {
        assert_eq!(DiscriminatorConfig::last_side(1, 65), 65);
        assert_eq!(DiscriminatorConfig::last_side(3, 65), 17);
        let patches = |size| config(2).last_patches(size);
        assert_eq!([46, 47, 48, 256].map(patches), [0, 1, 1, 14]);
    }

    #[test]
    fn a_prefix_names_its_scale() {
        assert_eq!(scale_of("scale0."), Some(("", 0)));
        assert_eq!(scale_of("net_D.scale12."), Some(("net_D.", 12)));
        for other in ["", "scale0", "scale.", "net_D.", "upscale1."] {
            assert_eq!(scale_of(other), None, "{other}");
        }
    }
}
