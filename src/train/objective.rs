//! What a step learns: losses, their weights, and the order of updates.

use super::losses::{Distance, GanLoss};
use serde::{Deserialize, Serialize};

/// The objective of a step (paper, section 3.1 and table 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objective {
    /// The adversarial loss.
    pub gan_loss: GanLoss,
    /// Weight of the gradient penalty in the discriminator's loss, where [`GanLoss::Wgangp`] is the
    /// loss; 0 for none.
    pub lambda_gp: f32,
    /// The adversarial loss's weight in the generator's loss; 0 for a generator that learns from
    /// the distance alone, without a discriminator.
    pub lambda_gan: f32,
    /// The distance of the output to the target.
    pub distance: Distance,
    /// Weight of the distance.
    pub lambda_l1: f32,
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
}

/// In which order the networks of a step learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateOrder {
    /// As the PyTorch reference: the discriminator learns from half the sum of its losses, fake
    /// pairs before real ones; then the generator learns from the judgement of the updated
    /// discriminator.
    Pytorch,
    /// As the Lua Torch reference: the discriminator learns from the whole sum, real pairs before
    /// fake ones; the generator learns from the same judgement, made before the update.
    Torch,
}
