//! Floor 5: the networks, with the parameter names of the reference's state dict.

mod layer;
mod patch_gan;
mod unet;

pub use layer::{DropoutMode, Mode, Norm, Statistics};
pub use patch_gan::{PatchGan, PatchGanConfig};
pub use unet::{UNet, UNetConfig};

use thiserror::Error;

/// A network that cannot be built.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// Too few halvings for a U-Net.
    #[error("a U-Net needs at least 5 downs, got {0}")]
    Depth(usize),
    /// A channel count of zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}
