//! What a step learns: losses, their weights, and the order of updates.

use super::losses::{Distance, GanLoss};
use serde::{Deserialize, Serialize};

/// The objective of a step (paper, section 3.1 and table 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objective {
    /// The adversarial loss.
    pub gan_loss: GanLoss,
    /// Weight of the gradient penalty in the discriminator's loss. Only [`GanLoss::Wgangp`] has
    /// one. 0 for none.
    pub lambda_gp: f32,
    /// Weight of the adversarial loss in the generator's loss. With 0 there is no discriminator,
    /// and the generator learns from the distance alone.
    pub lambda_gan: f32,
    /// The distance of the output to the target.
    pub distance: Distance,
    /// Weight of the distance.
    pub lambda_l1: f32,
    /// Weight of the distance between what the discriminator's layers make of output and target
    /// (pix2pixHD's feature matching). 0 for none.
    pub lambda_feat: f32,
    /// Whether the discriminator sees the input image beside the output (cGAN) or the output alone
    /// (GAN).
    pub conditional: bool,
    /// Which network learns from what.
    pub order: UpdateOrder,
    /// Adam's decay rates.
    pub betas: [f64; 2],
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            gan_loss: GanLoss::Vanilla,
            lambda_gp: 10.0,
            lambda_gan: 1.0,
            distance: Distance::L1,
            lambda_l1: 100.0,
            lambda_feat: 0.0,
            conditional: true,
            order: UpdateOrder::Pytorch,
            betas: [0.5, 0.999],
        }
    }
}

impl Objective {
    /// Whether the discriminator's loss has a gradient penalty.
    pub fn has_penalty(&self) -> bool {
        self.gan_loss == GanLoss::Wgangp && self.lambda_gp > 0.0 && self.lambda_gan > 0.0
    }

    /// Whether the generator learns from the discriminator's features.
    pub fn matches_features(&self) -> bool {
        self.lambda_feat > 0.0 && self.lambda_gan > 0.0
    }
}

/// In which order the networks of a step learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum UpdateOrder {
    /// The discriminator first, from half its loss; the generator from the updated one
    ///
    /// As the PyTorch reference: fake pairs before real ones.
    Pytorch,
    /// Both from one pass of the discriminator, which learns from its whole loss
    ///
    /// As the Lua Torch reference: real pairs before fake ones. The generator learns from the
    /// logits that the discriminator had before its update.
    Torch,
}

/// The objectives that the paper compares (table 1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum PaperObjective {
    /// The distance to the target alone
    L1,
    /// A discriminator that sees the output alone
    Gan,
    /// A discriminator that sees input and output
    Cgan,
    /// Both of l1 and gan
    #[cfg_attr(feature = "cli", value(name = "l1+gan"))]
    L1Gan,
    /// Both of l1 and cgan
    #[default]
    #[cfg_attr(feature = "cli", value(name = "l1+cgan"))]
    L1Cgan,
}

impl PaperObjective {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::L1, Self::Gan, Self::Cgan, Self::L1Gan, Self::L1Cgan];

    /// Its name in the paper.
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::Gan => "gan",
            Self::Cgan => "cgan",
            Self::L1Gan => "l1+gan",
            Self::L1Cgan => "l1+cgan",
        }
    }

    /// Whether the generator learns from the distance to the target.
    pub fn has_distance(self) -> bool {
        matches!(self, Self::L1 | Self::L1Gan | Self::L1Cgan)
    }

    /// Whether there is a discriminator.
    pub fn has_gan(self) -> bool {
        self != Self::L1
    }

    /// Whether the discriminator sees the input as well.
    pub fn is_conditional(self) -> bool {
        !matches!(self, Self::Gan | Self::L1Gan)
    }
}
