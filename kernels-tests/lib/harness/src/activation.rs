//! The twin of each kind of activation.

use pix2pix::ops::activation::Activation;
use pix2pix_twins::activation::{leaky_relu, sigmoid, tanh};

/// The activation of one element.
pub fn twin(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::LeakyRelu { slope } => leaky_relu(x, slope.into()),
        Activation::Tanh => tanh(x),
        Activation::Sigmoid => sigmoid(x),
    }
}
