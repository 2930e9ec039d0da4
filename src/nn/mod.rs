//! Floor 5: the networks, with the parameter names of the reference's state dict.

mod discriminator;
mod fit;
mod generator;
mod infer;
mod init;
mod layer;
mod mode;
mod norm;
mod patch_gan;
mod reach;
mod resnet;
mod test_time;
mod unet;

pub(crate) use discriminator::scale_of;
pub use discriminator::{Discriminator, DiscriminatorConfig, DiscriminatorOutput};
pub use fit::{Fit, Fitted};
pub use generator::{Generator, GeneratorConfig};
pub use infer::Shapes;
pub use init::{Initialisation, set_initialisation};
pub use layer::Upsample;
pub use mode::{DropoutMode, Mode, StatisticsFrom};
pub use norm::Norm;
pub use patch_gan::{PatchGan, PatchGanConfig};
pub use reach::reach;
pub use resnet::ResNetConfig;
pub use test_time::{TestNorm, TestTime, TestTimeError};
pub use unet::{DropoutAt, UNetConfig};

use thiserror::Error;

/// A network that cannot be built.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// A number outside what any network of its kind has.
    #[error("`{what}` is {given}, it must lie between {least} and {most}")]
    Range {
        /// Which number.
        what: &'static str,
        /// What it is.
        given: usize,
        /// The smallest that makes a network.
        least: usize,
        /// The largest number allowed. It is far above any use, and sizes cannot overflow below it.
        most: usize,
    },
}

/// The most channels of a first convolution.
pub const MOST_CHANNELS: usize = 1 << 13;

/// Checks that each number lies in its range. Configurations come from files too, so nothing is
/// taken for granted.
pub(crate) fn check_ranges(
    numbers: &[(&'static str, usize, usize, usize)],
) -> Result<(), NetworkError> {
    let outside = numbers
        .iter()
        .find(|&&(_, given, least, most)| !(least..=most).contains(&given));
    outside.map_or(Ok(()), |&(what, given, least, most)| {
        Err(NetworkError::Range {
            what,
            given,
            least,
            most,
        })
    })
}
