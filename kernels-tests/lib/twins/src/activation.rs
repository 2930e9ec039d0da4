//! Twins of `shaders/activation/`.

/// `x`, or `slope * x` where `x` is not positive.
pub fn leaky_relu(x: f64, slope: f64) -> f64 {
    if x > 0.0 { x } else { x * slope }
}

/// The hyperbolic tangent.
pub fn tanh(x: f64) -> f64 {
    x.tanh()
}

/// The logistic function.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
