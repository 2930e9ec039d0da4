//! `pix2pix convert`.

use super::names::is_there;
use super::pth::{PthArgs, say};
use super::test_time::TestTimeArgs;
use super::weights::open_weights;
use super::{CliError, print};
use crate::interop::Rounding;
use crate::nn::Fit;
use crate::tensor::DType;
use crate::train::Conversion;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use pollster::block_on;
use std::path::{Path, PathBuf};

/// Arguments of `convert`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix convert latest_net_G.pth generator.safetensors\n         \
                        pix2pix convert runs/facades small.safetensors --precision f16"
)]
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
    /// How the weights are stored: f32, or f16, which takes half the space and rounds them to 11
    /// bits. Vectors and running statistics stay f32 [default: as in the file]
    #[arg(long, value_parser = precisions(), value_name = "TYPE")]
    precision: Option<DType>,
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
        precision: args.precision,
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
    let file = open_weights(&args.input, args.pth.kind())?;
    let converted = block_on(conversion.write(&file, &args.output))?;
    let notes = converted.notes.iter();
    notes.for_each(|note| say(file.path(), note));
    let rounding = converted
        .rounding
        .map(|rounding| tell(&args.output, &rounding));
    print(&format!(
        "{}{}",
        args.output.display(),
        rounding.unwrap_or_default()
    ))
}

/// The types that have a name here. What a type means on the device is told elsewhere.
fn precisions() -> impl TypedValueParser<Value = DType> {
    PossibleValuesParser::new(["f32", "f16"]).try_map(|name| DType::from_str(&name, false))
}

/// What the file is, and what rounding did to the weights in it.
fn tell(path: &Path, rounding: &Rounding) -> String {
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let change = match &rounding.tensor {
        None => "no weight was changed".to_owned(),
        Some(tensor) => format!(
            "the largest rounding error is {:.1e}, in {tensor}",
            rounding.largest
        ),
    };
    let zeros = match rounding.zeros {
        0 => String::new(),
        zeros => format!("; {zeros} of {} weights became 0", rounding.weights),
    };
    format!(": {:.2} MB, {change}{zeros}", size as f64 / 1e6)
}
