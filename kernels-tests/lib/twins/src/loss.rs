//! Twins of `shaders/loss/`: the loss of one element, whose mean is the loss.

/// Binary cross-entropy of a logit.
pub fn bce_with_logits(x: f64, target: f64) -> f64 {
    x.max(0.0) - x * target + (-x.abs()).exp().ln_1p()
}

/// The squared difference.
pub fn mse(x: f64, target: f64) -> f64 {
    (x - target).powi(2)
}

/// The absolute difference.
pub fn l1(x: f64, target: f64) -> f64 {
    (x - target).abs()
}

/// The hinge with the sign of what is wanted turned round.
pub fn hinge(x: f64, sign: f64) -> f64 {
    (1.0 + sign * x).max(0.0)
}
