//! `pix2pix convert`.

use super::pth::PthArgs;
use super::test_time::TestTimeArgs;
use super::{CliError, network_file, print};
use crate::interop::TensorFile;
use crate::nn::{Fit, Upsample};
use crate::train::checkpoint::{self, NetworkKind};
use crate::train::onnx;
use clap::Args;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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
    /// Which network
    #[arg(long, value_enum, default_value = "generator", value_name = "NETWORK")]
    network: NetworkKind,
    #[command(flatten)]
    pth: PthArgs,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    onnx: OnnxArgs,
}

/// How a generator is written down that other programs run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of .onnx files")]
struct OnnxArgs {
    #[command(flatten)]
    test_time: TestTimeArgs,
    /// How images whose sides the generator does not divide go through it
    /// [default: as the model says, else pad]
    #[arg(long, value_enum, value_name = "FIT")]
    fit: Option<Fit>,
    /// Seed of dropout [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Copies the weights.
pub fn run(args: &ConvertArgs) -> Result<(), CliError> {
    let kind = args.network;
    let ending = args
        .output
        .extension()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    if !["pth", "safetensors", "onnx"].contains(&ending) {
        return Err(CliError::Usage(format!(
            "{} must end in .pth, .safetensors or .onnx",
            args.output.display()
        )));
    }
    let is_onnx = ending == "onnx";
    if is_onnx && kind == NetworkKind::Discriminator {
        return Err(CliError::Usage("ONNX files are for use, which takes the generator alone; for the discriminator use .pth".into()));
    }
    if !is_onnx
        && (args.onnx.test_time.any() || args.onnx.seed.is_some() || args.onnx.fit.is_some())
    {
        let options = "--test-norm, --dropout, --no-dropout, --fit and --seed";
        let refusal =
            format!("{options} are for .onnx files; the others hold weights alone: leave them out");
        return Err(CliError::Usage(refusal));
    }
    if args.output.exists() && !args.force {
        return Err(CliError::Usage(format!(
            "{} exists; --force writes over it",
            args.output.display()
        )));
    }
    let file = TensorFile::open(&network_file(&args.input, kind)?)?;
    let upsample = args.pth.upsample;
    if is_onnx {
        export(&args.onnx, &file, upsample, &args.output)?
    } else {
        checkpoint::convert(&file, kind, upsample, &args.output)?
    }
    print(&args.output.display().to_string())
}

/// Writes the generator for other runtimes, to be used as its model records unless `args` say
/// otherwise.
fn export(
    args: &OnnxArgs,
    file: &TensorFile,
    upsample: Option<Upsample>,
    output: &Path,
) -> Result<(), CliError> {
    let mut model = checkpoint::read_model(file, upsample)?;
    model.test = args.test_time.over(&model, false)?;
    model.fit = model.fit_as(args.fit)?;
    if args.seed.is_some() && !model.test.dropout {
        return Err(CliError::Usage(
            "--seed is the seed of dropout, which is off; add --dropout or leave it out".into(),
        ));
    }
    Ok(onnx::export(file, &model, args.seed.unwrap_or(0), output)?)
}
