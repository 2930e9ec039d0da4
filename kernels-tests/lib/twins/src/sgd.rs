//! The twin of `shaders/sgd/`.

/// Updates value and velocity by the gradient `g`.
pub fn update([value, velocity]: &mut [f64; 2], g: f64, learning_rate: f64, momentum: f64) {
    *velocity = momentum * *velocity + g;
    *value -= learning_rate * *velocity;
}
