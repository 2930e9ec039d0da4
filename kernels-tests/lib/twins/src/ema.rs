//! The twin of `shaders/ema/`.

/// The average after it has seen `value` in this step, which counts from 1.
pub fn follow(average: f64, value: f64, decay: f64, step: u64) -> f64 {
    let kept = f64::min(decay, step as f64 / (step as f64 + 9.0));
    kept * average + (1.0 - kept) * value
}
