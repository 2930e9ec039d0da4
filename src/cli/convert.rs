//! `pix2pix convert`.

use super::names::is_there;
use super::pth::{PthArgs, say};
use super::test_time::TestTimeArgs;
use super::{CliError, network_file, print};
use crate::interop::TensorFile;
use crate::nn::Fit;
use crate::train::Conversion;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `convert`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix convert latest_net_G.pth generator.safetensors")]
pub struct ConvertArgs {
    /// A .pth file of the PyTorch code, a .safetensors file, a checkpoint, or a run folder
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The file to write: .pth for PyTorch's torch.load, .safetensors for this program and others,
    /// .onnx for other runtimes
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,
    #[command(flatten)]
    pth: PthArgs,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    onnx: OnnxArgs,
}

/// Options for a generator that other programs run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of .onnx files")]
struct OnnxArgs {
    #[command(flatten)]
    test_time: TestTimeArgs,
    /// What to do with images whose size does not suit the generator [default: as the model says,
    /// else pad]
    #[arg(long, value_enum, value_name = "FIT")]
    fit: Option<Fit>,
    /// Seed of dropout [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Copies the weights.
pub fn run(args: &ConvertArgs) -> Result<(), CliError> {
    let conversion = Conversion {
        network: args.pth.network.clone(),
        upsample: args.pth.upsample,
        norm: args.onnx.test_time.norm(),
        dropout: args.onnx.test_time.dropout(),
        fit: args.onnx.fit,
        seed: args.onnx.seed,
    };
    conversion.check(&args.output)?;
    if is_there(&args.output) && !args.force {
        return Err(CliError::Usage(format!(
            "{} exists; --force writes over it",
            args.output.display()
        )));
    }
    let file = TensorFile::open(&network_file(&args.input, args.pth.kind())?)?;
    for note in conversion.write(&file, &args.output)? {
        say(file.path(), &note);
    }
    print(&args.output.display().to_string())
}
