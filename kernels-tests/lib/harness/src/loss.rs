//! The twin of `shaders/loss/`.

use pix2pix::ops::loss::LossKind;

/// The loss of one element; `desired` counts for pairs only.
pub fn twin(kind: LossKind, x: f64, desired: f64) -> f64 {
    match kind {
        LossKind::BceWithLogits { target } => {
            x.max(0.0) - x * f64::from(target) + (-x.abs()).exp().ln_1p()
        }
        LossKind::Mse { target } => (x - f64::from(target)).powi(2),
        LossKind::WganMean { sign } => f64::from(sign) * x,
        LossKind::Hinge { sign } => (1.0 + f64::from(sign) * x).max(0.0),
        LossKind::L1 => (x - desired).abs(),
        LossKind::MsePair => (x - desired).powi(2),
    }
}
