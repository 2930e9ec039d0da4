//! The twin of each kind of loss.

use pix2pix::ops::loss::LossKind;
use pix2pix_twins::loss::{bce_with_logits, hinge, l1, mse};

/// The loss of one element; `desired` counts for pairs only.
pub fn twin(kind: LossKind, x: f64, desired: f64) -> f64 {
    match kind {
        LossKind::BceWithLogits { target } => bce_with_logits(x, target.into()),
        LossKind::Mse { target } => mse(x, target.into()),
        LossKind::WganMean { sign } => f64::from(sign) * x,
        LossKind::Hinge { sign } => hinge(x, sign.into()),
        LossKind::L1 => l1(x, desired),
        LossKind::MsePair => mse(x, desired),
    }
}
