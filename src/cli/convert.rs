//! `pix2pix convert`.

use super::{CliError, print};
use crate::interop::TensorFile;
use crate::nn::{DropoutMode, Mode, Statistics};
use crate::train::checkpoint::{self, NetworkKind};
use crate::train::onnx;
use clap::{Args, ValueEnum};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Arguments of `convert`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix convert latest_net_G.pth generator.safetensors")]
pub struct ConvertArgs {
    /// A .pth file of the PyTorch code, a .safetensors file, a checkpoint, or a run folder
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The file to write: .pth for PyTorch's torch.load, .safetensors for this program and others, .onnx for other runtimes
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,
    /// Which network
    #[arg(long, value_enum, default_value_t = KindArg::Generator, value_name = "NETWORK")]
    network: KindArg,
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
    /// Where batch norm takes its statistics from [default: image]
    #[arg(long, value_enum, value_name = "MODE")]
    test_norm: Option<TestNormArg>,
    /// Keep dropout on as in training
    #[arg(long)]
    dropout: bool,
    /// Seed of dropout [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Where batch norm takes its statistics from at test time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TestNormArg {
    /// Each image alone, as trained at batch 1
    Image,
    /// All images that are translated at once
    Batch,
    /// The running statistics of training
    Running,
}

impl OnnxArgs {
    fn any(&self) -> bool {
        self.test_norm.is_some() || self.dropout || self.seed.is_some()
    }

    /// How the generator of `file` is recorded.
    fn mode(&self, file: &TensorFile) -> Result<Mode, CliError> {
        let statistics = match self.test_norm {
            None | Some(TestNormArg::Image) => Statistics::Image,
            Some(_) if !file.shapes().any(|(key, _)| key.ends_with(".running_mean")) => {
                return Err(CliError::Usage(
                    "--test-norm batch and running need a generator with batch norm; use --test-norm image".into(),
                ));
            }
            Some(TestNormArg::Batch) => Statistics::Batch,
            Some(TestNormArg::Running) => Statistics::Running,
        };
        Ok(Mode { statistics, dropout: if self.dropout { DropoutMode::Random } else { DropoutMode::Off } })
    }
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
    let ending = args.output.extension().and_then(OsStr::to_str).unwrap_or_default();
    if !["pth", "safetensors", "onnx"].contains(&ending) {
        return Err(CliError::Usage(format!("{} must end in .pth, .safetensors or .onnx", args.output.display())));
    }
    let is_onnx = ending == "onnx";
    if is_onnx && kind == NetworkKind::Discriminator {
        return Err(CliError::Usage("ONNX files are for use, which takes the generator alone; for the discriminator use .pth".into()));
    }
    if !is_onnx && args.onnx.any() {
        let refusal = "--test-norm, --dropout and --seed are for .onnx files; the others hold weights alone: leave them out";
        return Err(CliError::Usage(refusal.into()));
    }
    if args.output.exists() && !args.force {
        return Err(CliError::Usage(format!("{} exists; --force writes over it", args.output.display())));
    }
    let input = if args.input.is_dir() { args.input.join(name) } else { args.input.clone() };
    let file = TensorFile::open(&input)?;
    if is_onnx {
        export(&args.onnx, &file, &args.output)?
    } else {
        checkpoint::convert(&file, kind, &args.output)?
    }
    print(&args.output.display().to_string())
}

/// Writes the generator for other runtimes.
fn export(args: &OnnxArgs, file: &TensorFile, output: &Path) -> Result<(), CliError> {
    let model = checkpoint::read_model(file)?;
    if args.seed.is_some() && !args.dropout {
        return Err(CliError::Usage("--seed is the seed of dropout, which is off; add --dropout or leave it out".into()));
    }
    Ok(onnx::export(file, &model, &args.mode(file)?, args.seed.unwrap_or(0), output)?)
}
