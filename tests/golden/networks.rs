//! Whole networks: output and every gradient of one training pass, the running statistics after it,
//! and the output of `eval()`.

use crate::case::{Case, Tensor};
use crate::checks::Checks;
use crate::layer::activation_shape;
use crate::parameters::{self, Recipe};
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::interop::{TensorFile, from_reference, load_network, to_reference};
use pix2pix::nn::{
    DropoutAt, DropoutMode, Generator, GeneratorConfig, Mode, Norm, PatchGan, PatchGanConfig,
    StatisticsFrom, TestNorm, TestTime, UNetConfig, Upsample,
};
use pix2pix::program::{Program, Store};
use pix2pix::state::{ArenaId, Init, StateList, StateSpec};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::Shape;
use std::collections::BTreeMap;
use std::path::Path;

/// The normalisation that a case names.
pub fn norm(case: &Case) -> Result<Norm, Problem> {
    match case.text("norm")? {
        "batch" => Ok(Norm::Batch),
        "instance" => Ok(Norm::Instance),
        "none" => Ok(Norm::None),
        other => Err(Problem::Fail(format!(
            "norm {other} is none of batch, instance and none"
        ))),
    }
}

/// One of the two networks.
enum Network {
    Generator(Generator),
    Discriminator(PatchGan),
}

impl Network {
    /// The network that a case describes; channel counts that it leaves out are those of its
    /// tensors.
    fn new(
        case: &Case,
        recipe: Option<&Recipe>,
        pth: Option<&TensorFile>,
        states: &mut StateList,
    ) -> Result<Self, Problem> {
        if let Some(pth) = pth {
            return Self::of_file(case, pth, states);
        }
        let in_channels = match recipe.and_then(Recipe::in_channels) {
            Some(channels) if !case.has_field("input_nc") => channels,
            _ => case.count("input_nc")?,
        };
        if case.op() == "UnetGenerator" {
            let out_channels = match case.has_field("output_nc") {
                true => case.count("output_nc")?,
                false => case.tensor("y")?.shape.get(1).copied().unwrap_or(0),
            };
            let (num_downs, ngf, dropout) = (
                case.count("num_downs")?,
                case.count("ngf")?,
                case.flag("use_dropout"),
            );
            let config = UNetConfig {
                in_channels,
                out_channels,
                num_downs,
                ngf,
                norm: norm(case)?,
                dropout,
                dropout_at: DropoutAt::Pytorch,
                skips: true,
                upsample: Upsample::Deconv,
            };
            return Ok(Self::Generator(Generator::new(
                states,
                &GeneratorConfig::UNet(config),
            )?));
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
    fn of_file(case: &Case, pth: &TensorFile, states: &mut StateList) -> Result<Self, Problem> {
        let (shapes, other) = (pth.shapes().collect(), || {
            Problem::Fail("the state dict is read as another network".into())
        });
        let norm = norm(case)?;
        if case.op() == "UnetGenerator" {
            let config = UNetConfig::from_shapes(&shapes, Upsample::Deconv).ok_or_else(other)?;
            let same = (config.num_downs, config.ngf, config.norm)
                == (case.count("num_downs")?, case.count("ngf")?, norm);
            return if same {
                Ok(Self::Generator(Generator::new(
                    states,
                    &GeneratorConfig::UNet(config),
                )?))
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
        let same =
            (config.n_layers, config.ndf, config.norm) == (n_layers, case.count("ndf")?, norm);
        if same {
            Ok(Self::Discriminator(PatchGan::new(states, &config)?))
        } else {
            Err(other())
        }
    }

    fn parameters(&self) -> ArenaId {
        match self {
            Self::Generator(network) => network.parameters(),
            Self::Discriminator(network) => network.parameters(),
        }
    }

    fn statistics(&self) -> ArenaId {
        match self {
            Self::Generator(network) => network.statistics(),
            Self::Discriminator(network) => network.statistics(),
        }
    }

    fn forward(
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
pub fn run(gpu: &Gpu, case: &Case, folder: &Path) -> Result<Checks, Problem> {
    let recipe = Recipe::of(case)?;
    let pth = match case.has_field("pth") {
        true => Some(TensorFile::open(&folder.join(case.text("pth")?)).map_err(Problem::fail)?),
        false => None,
    };
    let mut states = StateList::default();
    let network = Network::new(case, recipe.as_ref(), pth.as_ref(), &mut states)?;
    let store = Store::new(gpu, states, false)?;
    let input = match (&recipe, &pth) {
        (_, Some(pth)) => {
            for arena in [network.parameters(), network.statistics()] {
                load_network(pth, gpu, &store, arena, ArenaPart::Value, "")
                    .map_err(Problem::fail)?;
            }
            case.tensor("x")?
        }
        (Some(recipe), None) => {
            start_statistics(gpu, &store, network.statistics())?;
            recipe.load(gpu, &store, network.parameters())?;
            recipe_input(case, recipe)?
        }
        (None, None) => {
            parameters::load(gpu, &store, case, network.parameters(), "state.")?;
            parameters::load(gpu, &store, case, network.statistics(), "state.")?;
            case.tensor("x")?
        }
    };
    let mut pass = Pass {
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
            pass.evaluate("y", TestNorm::Running)?
        } else {
            pass.train()?
        }
        // Without dropout training's output is that of using the network by the statistics of the
        // batch.
        if !evaluates && case.roles("mask.").next().is_none() {
            pass.evaluate_by_batch("y")?;
        }
    }
    if case.has("y_eval") {
        pass.load_statistics_after()?;
        pass.evaluate("y_eval", TestNorm::Running)?;
    }
    if case.has("y_batchstats") {
        pass.evaluate_by_batch("y_batchstats")?;
    }
    Ok(pass.checks)
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

/// The input of a recipe: of the size that the case names, else of the output's, which is right for
/// all but the PatchGAN.
fn recipe_input(case: &Case, recipe: &Recipe) -> Result<Tensor, Problem> {
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
    let channels = recipe.in_channels().unwrap_or(0);
    let values = recipe.input(batch * channels * height * width)?;
    Ok(Tensor {
        shape: vec![batch, channels, height, width],
        values: values.into_iter().map(f64::from).collect(),
    })
}

/// A network with its parameters on the device, and what has been compared so far.
struct Pass<'a> {
    gpu: &'a Gpu,
    case: &'a Case<'a>,
    network: Network,
    store: Store,
    input: Tensor,
    checks: Checks,
}

/// A tape of one forward pass and the values of its inputs.
#[derive(Default)]
struct Recording {
    tape: Tape,
    inputs: Vec<(Var, Vec<f32>)>,
}

impl Recording {
    fn input(&mut self, role: &str, tensor: &Tensor) -> Result<Var, Problem> {
        let shape = activation_shape(role, tensor)?;
        let var = self.tape.input(role, shape);
        self.inputs
            .push((var, from_reference(shape, false, &tensor.f32())));
        Ok(var)
    }

    /// Runs the tape once over `store` so that `outputs` can be read.
    fn run(&self, gpu: &Gpu, store: &Store, outputs: &[Var]) -> Result<Program, Problem> {
        let program = Program::compile(gpu, store, &self.tape, outputs)?;
        for (var, values) in &self.inputs {
            program.write(gpu, *var, values)?;
        }
        program.run(gpu, store, &StepState::new(1, 1, 0.0, [0.5, 0.999]))?;
        Ok(program)
    }

    /// An activation in the reference's layout.
    fn read(&self, gpu: &Gpu, program: &Program, var: Var) -> Result<Vec<f32>, Problem> {
        Ok(to_reference(
            self.tape.shape(var),
            false,
            &program.read(gpu, var)?,
        ))
    }
}

impl Pass<'_> {
    /// Batch statistics, the case's dropout masks, gradients where there is a `gy`, running
    /// statistics.
    fn train(&mut self) -> Result<(), Problem> {
        let mut recording = Recording::default();
        let input = recording.input("x", &self.input)?;
        let mut masks = BTreeMap::new();
        for module in self.case.roles("mask.") {
            let role = format!("mask.{module}");
            masks.insert(
                module.to_owned(),
                recording.input(&role, &self.case.tensor(&role)?)?,
            );
        }
        let dropout = if masks.is_empty() {
            DropoutMode::Off
        } else {
            DropoutMode::Given(masks)
        };
        let mode = Mode {
            statistics: StatisticsFrom::Batch,
            dropout,
        };
        let states = self.store.states().clone();
        let output = self
            .network
            .forward(&mut recording.tape, &states, input, &mode)?;
        let parameters: Vec<&StateSpec> = states
            .in_arena(self.network.parameters())
            .filter(|state| self.is_compared(state))
            .collect();
        let mut wrt: Vec<Var> = parameters
            .iter()
            .map(|state| recording.tape.state(&states, state.id))
            .collect();
        wrt.extend(self.case.has("gx").then_some(input));
        let mut outputs = vec![output];
        if self.case.has("gy") {
            let gy = recording.input("gy", &self.case.tensor("gy")?)?;
            outputs.extend(recording.tape.backward_from(output, gy, &wrt)?);
        }
        let program = recording.run(self.gpu, &self.store, &outputs)?;

        self.compare_output("y", &recording, &program, output)?;
        for (state, &gradient) in parameters.iter().zip(&outputs[1..]) {
            let role = format!("grad.{}", state.name);
            let got = to_reference(
                state.shape,
                state.transposed,
                &program.read(self.gpu, gradient)?,
            );
            self.checks
                .network(&role, &got, &self.case.reference(&role)?)?;
        }
        if let Some(&gx) = outputs.get(1 + parameters.len()) {
            self.checks.network(
                "gx",
                &recording.read(self.gpu, &program, gx)?,
                &self.case.reference("gx")?,
            )?;
        }
        for state in states.in_arena(self.network.statistics()) {
            let role = format!("after.{}", state.name);
            if self.case.has(&role) {
                let got = parameters::read(self.gpu, &self.store, state, ArenaPart::Value)?;
                self.checks
                    .network(&role, &got, &self.case.reference(&role)?)?;
            }
        }
        Ok(())
    }

    /// The output by the statistics of the batch; those of each image are the same where there is
    /// one.
    fn evaluate_by_batch(&mut self, role: &str) -> Result<(), Problem> {
        self.evaluate(role, TestNorm::Batch)?;
        if self.input.shape.first() == Some(&1) {
            self.evaluate(role, TestNorm::Image)
        } else {
            Ok(())
        }
    }

    /// The output without dropout, to be compared with `role`.
    fn evaluate(&mut self, role: &str, norm: TestNorm) -> Result<(), Problem> {
        let mut recording = Recording::default();
        let input = recording.input("x", &self.input)?;
        let mode = TestTime {
            norm,
            dropout: false,
        }
        .mode();
        let output =
            self.network
                .forward(&mut recording.tape, self.store.states(), input, &mode)?;
        let program = recording.run(self.gpu, &self.store, &[output])?;
        self.compare_output(role, &recording, &program, output)
    }

    /// The reference's statistics, so that `y_eval` does not inherit an error of the pass before.
    fn load_statistics_after(&self) -> Result<(), Problem> {
        let states: Vec<&StateSpec> = self
            .store
            .states()
            .in_arena(self.network.statistics())
            .collect();
        match states
            .iter()
            .all(|state| self.case.has(&format!("after.{}", state.name)))
        {
            true => parameters::load(
                self.gpu,
                &self.store,
                self.case,
                self.network.statistics(),
                "after.",
            ),
            false => Ok(()),
        }
    }

    fn compare_output(
        &mut self,
        role: &str,
        recording: &Recording,
        program: &Program,
        output: Var,
    ) -> Result<(), Problem> {
        let reference = self.case.reference(role)?;
        let (got, expected): (Shape, Shape) = (
            recording.tape.shape(output),
            activation_shape(role, &reference)?,
        );
        if got != expected {
            return Err(Problem::Fail(format!(
                "{role} has the shape {got}, the reference {expected}"
            )));
        }
        self.checks.network(
            role,
            &recording.read(self.gpu, program, output)?,
            &reference,
        )
    }

    fn is_compared(&self, state: &StateSpec) -> bool {
        self.case.has(&format!("grad.{}", state.name))
            && !parameters::is_noise(self.case, &state.name)
    }
}
