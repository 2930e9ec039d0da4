//! Whole networks: output and every gradient of one training pass, the running statistics after it,
//! and the output of `eval()`.

use crate::case::{GoldenCase, Tensor};
use crate::checks::Checks;
use crate::parameters::{self, HashedValues};
use crate::pass::NetworkCase;
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::interop::{TensorFile, load_network};
use pix2pix::nn::{
    DropoutAt, Generator, GeneratorConfig, Mode, Norm, PatchGan, PatchGanConfig, ResNetConfig,
    TestNorm, UNetConfig, Upsample,
};
use pix2pix::program::Store;
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::ArenaPart;
use pix2pix::tape::{Tape, TapeError, Var};
use std::path::Path;

/// The normalisation that a case names.
pub fn norm(case: &GoldenCase) -> Result<Norm, Problem> {
    match case.text("norm")? {
        "batch" => Ok(Norm::Batch),
        "instance" => Ok(Norm::Instance),
        "none" => Ok(Norm::None),
        other => Err(Problem::Fail(format!(
            "norm {other} is none of batch, instance and none"
        ))),
    }
}

/// Whether a case is of a generator.
fn is_generator(case: &GoldenCase) -> bool {
    matches!(case.op(), "ResnetGenerator" | "UnetGenerator")
}

/// The generator that a case describes.
fn generator(case: &GoldenCase, in_channels: usize) -> Result<GeneratorConfig, Problem> {
    let out_channels = match case.has_field("output_nc") {
        true => case.count("output_nc")?,
        false => case.tensor("y")?.shape.get(1).copied().unwrap_or(0),
    };
    let (ngf, norm, dropout) = (case.count("ngf")?, norm(case)?, case.switch("use_dropout"));
    Ok(if case.op() == "UnetGenerator" {
        GeneratorConfig::UNet(UNetConfig {
            in_channels,
            out_channels,
            num_downs: case.count("num_downs")?,
            ngf,
            norm,
            dropout,
            dropout_at: DropoutAt::Pytorch,
            skips: true,
            upsample: Upsample::Deconv,
        })
    } else {
        GeneratorConfig::ResNet(ResNetConfig {
            in_channels,
            out_channels,
            blocks: blocks(case)?,
            ngf,
            norm,
            dropout,
            upsample: Upsample::Deconv,
        })
    })
}

/// The residual blocks of a case. Those of other paddings than the library's are skipped.
fn blocks(case: &GoldenCase) -> Result<usize, Problem> {
    if case.has_field("padding_type") && case.text("padding_type")? != "reflect" {
        return Err(Problem::Skip(format!(
            "padding_type {}: the library pads by reflection",
            case.text("padding_type")?
        )));
    }
    case.count("n_blocks")
}

/// Whether a generator that was read off a state dict is the one that a case describes. Of a U-Net
/// the state dict does not say whether it has dropout.
fn is_described(case: &GoldenCase, config: &GeneratorConfig) -> Result<bool, Problem> {
    Ok(match config {
        GeneratorConfig::UNet(config) => {
            case.op() == "UnetGenerator"
                && (config.num_downs, config.ngf, config.norm)
                    == (case.count("num_downs")?, case.count("ngf")?, norm(case)?)
        }
        GeneratorConfig::ResNet(config) => {
            case.op() == "ResnetGenerator"
                && (config.blocks, config.ngf, config.norm, config.dropout)
                    == (
                        blocks(case)?,
                        case.count("ngf")?,
                        norm(case)?,
                        case.switch("use_dropout"),
                    )
        }
    })
}

/// One of the two networks.
pub enum Network {
    Generator(Generator),
    Discriminator(PatchGan),
}

impl Network {
    /// The network that a case describes; channel counts that it leaves out are those of its
    /// tensors.
    fn new(
        case: &GoldenCase,
        hashed: Option<&HashedValues>,
        pth: Option<&TensorFile>,
        states: &mut StateList,
    ) -> Result<Self, Problem> {
        if let Some(pth) = pth {
            return Self::of_file(case, pth, states);
        }
        let in_channels = match hashed.and_then(HashedValues::in_channels) {
            Some(channels) if !case.has_field("input_nc") => channels,
            _ => case.count("input_nc")?,
        };
        if is_generator(case) {
            let config = generator(case, in_channels)?;
            return Ok(Self::Generator(Generator::new(states, &config)?));
        }
        let n_layers = if case.op() == "PixelDiscriminator" {
            0
        } else {
            case.count("n_layers")?
        };
        let config = PatchGanConfig {
            in_channels,
            ndf: case.count("ndf")?,
            n_layers,
            norm: norm(case)?,
        };
        Ok(Self::Discriminator(PatchGan::new(states, &config)?))
    }

    /// The network that is read off a state dict, if the case describes the same one.
    fn of_file(
        case: &GoldenCase,
        pth: &TensorFile,
        states: &mut StateList,
    ) -> Result<Self, Problem> {
        let (shapes, other) = (pth.shapes().collect(), || {
            Problem::Fail("the state dict is read as another network".into())
        });
        if is_generator(case) {
            let config = GeneratorConfig::from_shapes(&shapes, Upsample::Deconv);
            let config = config.ok_or_else(other)?;
            return if is_described(case, &config)? {
                Ok(Self::Generator(Generator::new(states, &config)?))
            } else {
                Err(other())
            };
        }
        let config = PatchGanConfig::from_shapes(&shapes).ok_or_else(other)?;
        let n_layers = if case.op() == "PixelDiscriminator" {
            0
        } else {
            case.count("n_layers")?
        };
        let same = (config.n_layers, config.ndf, config.norm)
            == (n_layers, case.count("ndf")?, norm(case)?);
        if same {
            Ok(Self::Discriminator(PatchGan::new(states, &config)?))
        } else {
            Err(other())
        }
    }

    pub fn parameters(&self) -> ArenaId {
        match self {
            Self::Generator(network) => network.parameters(),
            Self::Discriminator(network) => network.parameters(),
        }
    }

    pub fn statistics(&self) -> ArenaId {
        match self {
            Self::Generator(network) => network.statistics(),
            Self::Discriminator(network) => network.statistics(),
        }
    }

    pub fn forward(
        &self,
        tape: &mut Tape,
        states: &StateList,
        input: Var,
        mode: &Mode,
    ) -> Result<Var, TapeError> {
        match self {
            Self::Generator(network) => network.forward(tape, states, input, mode),
            Self::Discriminator(network) => network.forward(tape, states, input, mode),
        }
    }
}

/// Runs a case.
pub fn run(gpu: &Gpu, case: &GoldenCase, folder: &Path) -> Result<Checks, Problem> {
    let hashed = HashedValues::of(case)?;
    let pth = match case.has_field("pth") {
        true => Some(TensorFile::open(&folder.join(case.text("pth")?)).map_err(Problem::fail)?),
        false => None,
    };
    let mut states = StateList::default();
    let network = Network::new(case, hashed.as_ref(), pth.as_ref(), &mut states)?;
    let store = Store::new(gpu, states, false)?;
    let input = match (&hashed, &pth) {
        (_, Some(pth)) => {
            for arena in [network.parameters(), network.statistics()] {
                load_network(pth, gpu, &store, arena, ArenaPart::Value, "")
                    .map_err(Problem::fail)?;
            }
            case.tensor("x")?
        }
        (Some(hashed), None) => {
            start_statistics(gpu, &store, network.statistics())?;
            hashed.load(gpu, &store, network.parameters())?;
            hashed_input(case, hashed)?
        }
        (None, None) => {
            parameters::load(gpu, &store, case, network.parameters(), "state.")?;
            parameters::load(gpu, &store, case, network.statistics(), "state.")?;
            case.tensor("x")?
        }
    };
    let mut network_case = NetworkCase {
        gpu,
        case,
        network,
        store,
        input,
        checks: Checks::default(),
    };
    let evaluates = case.has_field("mode") && case.text("mode")?.starts_with("eval");
    if case.has("y") {
        if evaluates {
            network_case.evaluate("y", TestNorm::Running)?
        } else {
            network_case.train()?
        }
        // Without dropout training's output is that of using the network by the statistics of the
        // batch.
        if !evaluates && case.roles("mask.").next().is_none() {
            network_case.evaluate_by_batch("y")?;
        }
    }
    if case.has("y_eval") {
        network_case.load_statistics_after()?;
        network_case.evaluate("y_eval", TestNorm::Running)?;
    }
    if case.has("y_batchstats") {
        network_case.evaluate_by_batch("y_batchstats")?;
    }
    Ok(network_case.checks)
}

/// Mean 0 and variance 1.
fn start_statistics(gpu: &Gpu, store: &Store, arena: ArenaId) -> Result<(), Problem> {
    for state in store.states().in_arena(arena) {
        if let Init::Constant(value) = state.init {
            store.write(
                gpu,
                state.id,
                ArenaPart::Value,
                &vec![value; state.shape.len()],
            )?;
        }
    }
    Ok(())
}

/// The input of hashed values, of the size that the case names, else of the output's. That is right
/// for all but the PatchGAN.
fn hashed_input(case: &GoldenCase, hashed: &HashedValues) -> Result<Tensor, Problem> {
    if case.has("x") {
        return case.tensor("x");
    }
    let output = case.tensor("y")?;
    let [batch, _, mut height, mut width] = output.shape[..] else {
        return Err(Problem::Fail(format!(
            "tensor y has the shape {:?}, not four axes",
            output.shape
        )));
    };
    if case.has_field("size") || case.op() == "NLayerDiscriminator" {
        (height, width) = (case.count("size")?, case.count("size")?);
    }
    let channels = hashed.in_channels().unwrap_or(0);
    let values = hashed.input(batch * channels * height * width)?;
    Ok(Tensor {
        shape: vec![batch, channels, height, width],
        values: values.into_iter().map(f64::from).collect(),
    })
}
