//! `pix2pix convert`.

use super::{CliError, print};
use crate::interop::TensorFile;
use crate::train::checkpoint::{self, NetworkKind};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `convert`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix convert latest_net_G.pth generator.safetensors")]
pub struct ConvertArgs {
    /// A .pth file of the PyTorch code, a .safetensors file, a checkpoint, or a run folder
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The file to write: .pth for PyTorch's torch.load, .safetensors for this program and others
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,
    /// Which network
    #[arg(long, value_enum, default_value_t = KindArg::Generator, value_name = "NETWORK")]
    network: KindArg,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// One of the two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// The generator
    Generator,
    /// The discriminator
    Discriminator,
}

/// Copies the weights.
pub fn run(args: &ConvertArgs) -> Result<(), CliError> {
    let (kind, name) = match args.network {
        KindArg::Generator => (NetworkKind::Generator, "generator.safetensors"),
        KindArg::Discriminator => (NetworkKind::Discriminator, "discriminator.safetensors"),
    };
    let known = args.output.extension().is_some_and(|extension| extension == "pth" || extension == "safetensors");
    if !known {
        return Err(CliError::Usage(format!("{} must end in .pth or .safetensors", args.output.display())));
    }
    if args.output.exists() && !args.force {
        return Err(CliError::Usage(format!("{} exists; --force writes over it", args.output.display())));
    }
    let input = if args.input.is_dir() { args.input.join(name) } else { args.input.clone() };
    checkpoint::convert(&TensorFile::open(&input)?, kind, &args.output)?;
    print(&args.output.display().to_string())
}
