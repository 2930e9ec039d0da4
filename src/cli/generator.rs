//! How the generator is built, as `train`, `inspect` and `bench` take it.

use super::CliError;
use super::network::NETWORKS;
use crate::nn::DropoutAt;
use crate::train::{Architecture, TrainConfig};
use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ArchitectureArg {
    /// An encoder and a decoder with skips between them
    #[value(name = "unet")]
    UNet,
    /// The same without skips
    EncoderDecoder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DropoutAtArg {
    /// In the blocks between the innermost and the four outermost ones
    Pytorch,
    /// In the first three blocks of the way up
    Torch,
}

/// The generator; without these options the paper's.
#[derive(Debug, Clone, Args)]
pub struct GeneratorArgs {
    /// The generator's architecture
    #[arg(long, value_enum, default_value = "unet", value_name = "NAME", help_heading = NETWORKS)]
    generator: ArchitectureArg,
    /// How often unet and encoder-decoder halve the image [default: down to 1×1 pixel, at most 8]
    #[arg(long, value_name = "N", help_heading = NETWORKS)]
    depth: Option<usize>,
    /// Which of their blocks have dropout, after the reference in PyTorch or that in Lua Torch [default: pytorch]
    #[arg(long, value_enum, value_name = "NAME", conflicts_with = "no_dropout", help_heading = NETWORKS)]
    dropout_at: Option<DropoutAtArg>,
}

impl GeneratorArgs {
    /// The architecture.
    pub fn architecture(&self) -> Architecture {
        match self.generator {
            ArchitectureArg::UNet => Architecture::UNet,
            ArchitectureArg::EncoderDecoder => Architecture::EncoderDecoder,
        }
    }

    /// The blocks with dropout.
    pub fn dropout_at(&self) -> DropoutAt {
        if self.dropout_at == Some(DropoutAtArg::Torch) { DropoutAt::Torch } else { DropoutAt::Pytorch }
    }

    /// Halvings of images of `size`.
    ///
    /// # Errors
    /// [`CliError::Usage`] for a size that the generator does not divide.
    pub fn num_downs(&self, size: u32) -> Result<usize, CliError> {
        match self.depth {
            None => TrainConfig::downs_for(size).ok_or_else(|| no_multiple(size, 32)),
            Some(depth) => {
                let most = size.trailing_zeros() as usize;
                match depth <= most {
                    true => Ok(depth),
                    false if most < 2 => Err(no_multiple(size, 4)),
                    false => Err(CliError::Usage(format!(
                        "--depth {depth} is too deep for images of {size}, which are no multiple of 2^{depth}; the nearest is --depth {most}"
                    ))),
                }
            }
        }
    }
}

fn no_multiple(size: u32, multiple: u32) -> CliError {
    let below = (size / multiple * multiple).max(32);
    let above = below.saturating_add(multiple);
    CliError::Usage(format!("--size {size} is no multiple of {multiple}; the nearest are {below} and {above}"))
}
