//! Whole training steps: losses of each step, the first output and gradients, and what the
//! parameters are in the end.

use crate::case::GoldenCase;
use crate::checks::Checks;
use crate::layer::activation_shape;
use crate::networks::norm;
use crate::parameters;
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::interop::{from_reference, to_reference};
use pix2pix::nn::{
    Discriminator, DiscriminatorConfig, DropoutAt, DropoutMode, Fit, Generator, GeneratorConfig,
    Mode, PatchGanConfig, StatisticsFrom, UNetConfig, Upsample,
};
use pix2pix::program::{Program, Store};
use pix2pix::state::{ArenaId, StateList, StateSpec};
use pix2pix::tape::{ArenaPart, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::train::{LOSSES, Networks, Objective, PairShape, Recipe, StepVars, record_step};
use pollster::block_on;
use std::collections::BTreeMap;

/// Added to the root of Adam's second moment in a recorded step.
const ADAM_EPSILON: f64 = 1e-8;

/// Both networks under training.
struct TrainingRun<'a> {
    gpu: &'a Gpu,
    case: &'a GoldenCase<'a>,
    store: Store,
    /// Of generator and discriminator: their letter in roles, parameters and running statistics.
    networks: [(char, ArenaId, ArenaId); 2],
    tape: Tape,
    vars: StepVars,
    /// Inputs with the case's dropout masks, by module.
    masks: BTreeMap<String, Var>,
    program: Program,
    objective: Objective,
}

/// Runs all steps of a case.
pub fn run(gpu: &Gpu, case: &GoldenCase) -> Result<Checks, Problem> {
    case.require(
        "eps",
        ADAM_EPSILON,
        "a training step takes Adam's epsilon from the reference",
    )?;
    case.require(
        "weight_decay",
        0.0,
        "the reference trains without weight decay, so Adam has none",
    )?;
    if case.switch("use_dropout") && case.roles("step1.mask.").next().is_none() {
        return Err(Problem::Skip(
            "dropout without the masks that were drawn cannot be repeated".into(),
        ));
    }
    let run = TrainingRun::new(gpu, case)?;
    let mut checks = Checks::default();
    for step in 1..=case.count("steps")? {
        run.step(step, &mut checks)?;
        if step == 1 {
            run.compare_first(&mut checks)?;
        }
    }
    run.compare_final(&mut checks)?;
    Ok(checks)
}

/// The two networks that a case describes.
fn networks(
    case: &GoldenCase,
    states: &mut StateList,
) -> Result<(Generator, Discriminator), Problem> {
    let (in_channels, out_channels) = (case.count("input_nc")?, case.count("output_nc")?);
    let norm = norm(case)?;
    let config = UNetConfig {
        in_channels,
        out_channels,
        num_downs: case.count("num_downs")?,
        ngf: case.count("ngf")?,
        norm,
        dropout: case.switch("use_dropout"),
        dropout_at: DropoutAt::Pytorch,
        skips: true,
        upsample: Upsample::Deconv,
    };
    let generator = Generator::new(states, &GeneratorConfig::UNet(config))?;
    let patch = PatchGanConfig {
        in_channels: in_channels + out_channels,
        ndf: case.count("ndf")?,
        n_layers: case.count("n_layers_D")?,
        norm,
    };
    let scales = match case.has_field("num_D") {
        true => case.count("num_D")?,
        false => 1,
    };
    let config = DiscriminatorConfig { patch, scales };
    Ok((generator, Discriminator::new(states, &config)?))
}

/// What a case learns.
fn objective(case: &GoldenCase) -> Result<Objective, Problem> {
    Ok(Objective {
        gan_loss: case.gan_loss("gan_mode")?,
        // The reference's pix2pix knows wgangp, but trains without the penalty.
        lambda_gp: 0.0,
        lambda_l1: case.number("lambda_L1")? as f32,
        lambda_feat: match case.has_field("lambda_feat") {
            true => case.number("lambda_feat")? as f32,
            false => 0.0,
        },
        betas: case.betas()?,
        ..Default::default()
    })
}

impl<'a> TrainingRun<'a> {
    /// Records and compiles the step, and loads what the networks start from.
    fn new(gpu: &'a Gpu, case: &'a GoldenCase<'a>) -> Result<Self, Problem> {
        let mut states = StateList::default();
        let (generator, discriminator) = networks(case, &mut states)?;
        let shape_of = |role: &str| activation_shape(role, &case.tensor(role)?);
        let shape = PairShape {
            input: shape_of("step1.A")?,
            target: shape_of("step1.B")?,
            fit: Fit::Pad,
        };
        let objective = objective(case)?;
        let mut tape = Tape::default();
        let mut masks = BTreeMap::new();
        for module in case.roles("step1.mask.") {
            let role = format!("step1.mask.{module}");
            masks.insert(module.to_owned(), tape.input(&role, shape_of(&role)?));
        }
        let pair = Networks {
            generator: &generator,
            discriminator: Some(&discriminator),
            pool: None,
        };
        let mode = Mode {
            statistics: StatisticsFrom::Batch,
            dropout: DropoutMode::Given(masks.clone()),
        };
        let recipe = Recipe::default();
        let vars = record_step(&mut tape, &states, &pair, shape, &objective, &recipe, &mode)?;

        let store = Store::new(gpu, states, true)?;
        let networks = [
            ('G', generator.parameters(), generator.statistics()),
            ('D', discriminator.parameters(), discriminator.statistics()),
        ];
        for (letter, parameters, statistics) in networks {
            for arena in [parameters, statistics] {
                parameters::load(gpu, &store, case, arena, &format!("init{letter}."))?;
            }
        }
        let program = Program::compile(gpu, &store, &tape, &[vars.fake])?;
        Ok(Self {
            gpu,
            case,
            store,
            networks,
            tape,
            vars,
            masks,
            program,
            objective,
        })
    }

    /// Runs a step and compares its losses.
    fn step(&self, step: usize, checks: &mut Checks) -> Result<(), Problem> {
        let inputs = [
            (self.vars.input, format!("step{step}.A")),
            (self.vars.target, format!("step{step}.B")),
        ];
        let masks = self
            .masks
            .iter()
            .map(|(module, &mask)| (mask, format!("step{step}.mask.{module}")));
        for (var, role) in inputs.into_iter().chain(masks) {
            let values = self.case.tensor(&role)?.f32();
            let shape = self.tape.shape(var);
            if values.len() != shape.len() {
                return Err(Problem::Fail(format!(
                    "tensor {role} has {} values, the first step's {}",
                    values.len(),
                    shape.len()
                )));
            }
            self.program
                .write(self.gpu, var, &from_reference(shape, false, &values))?;
        }
        let rates = self.case.numbers("lr_per_step")?;
        let rate = rates
            .get(step - 1)
            .copied()
            .map_or_else(|| self.case.number("lr"), Ok)?;
        self.program.run(
            self.gpu,
            &self.store,
            &StepState::new(0, step as u64, rate, self.objective.betas),
        )?;
        let [mut losses @ .., _, features] = self.losses(step)?;
        // The watch keeps plain distances, the reference prints weighted ones.
        losses[1] *= self.objective.lambda_l1;
        self.compare_losses("losses", step, &LOSSES[..4], &losses, checks)?;
        if self.objective.matches_features() {
            let weighted = features * self.objective.lambda_feat;
            self.compare_losses("losses_feat", step, &LOSSES[5..], &[weighted], checks)?;
        }
        Ok(())
    }

    /// Compares losses of a step with its row of a tensor.
    fn compare_losses(
        &self,
        role: &str,
        step: usize,
        names: &[&str],
        losses: &[f32],
        checks: &mut Checks,
    ) -> Result<(), Problem> {
        let reference = self.case.reference(role)?;
        for (column, (name, &got)) in names.iter().zip(losses).enumerate() {
            let expected = reference.values.get((step - 1) * losses.len() + column);
            let expected = *expected.ok_or_else(|| {
                Problem::Fail(format!("tensor {role} has no row for step {step}"))
            })?;
            checks.loss(&format!("step{step}.{name}"), got, expected);
        }
        Ok(())
    }

    /// The losses of a step from the device's ring, in the order of [`LOSSES`].
    fn losses(&self, step: usize) -> Result<[f32; LOSSES.len()], Problem> {
        let monitor = self.store.monitor();
        let words: Vec<u32> =
            bytemuck::pod_collect_to_vec(&block_on(self.gpu.read(monitor, 0, monitor.size()))?);
        if words[0] != 0 {
            return Err(Problem::Fail(format!(
                "step {step}: the device reports a loss that is not finite"
            )));
        }
        let first = (MONITOR_HEAD + step as u64 % MONITOR_ROWS * MONITOR_COLUMNS) as usize;
        Ok(std::array::from_fn(|column| {
            f32::from_bits(words[first + column])
        }))
    }

    /// Output and gradients of the first step, which start from equal parameters.
    fn compare_first(&self, checks: &mut Checks) -> Result<(), Problem> {
        let fake = "step1.fake_B";
        if self.case.has(fake) {
            let got = block_on(self.program.read(self.gpu, self.vars.fake))?;
            checks.network(
                fake,
                &to_reference(self.tape.shape(self.vars.fake), false, &got),
                &self.case.reference(fake)?,
            )?;
        }
        for (letter, parameters, _) in self.networks {
            for state in self.store.states().in_arena(parameters) {
                // Large tensors may be left out.
                let role = format!("step1.grad{letter}.{}", state.name);
                if self.case.has(&role) && !parameters::is_noise(self.case, &state.name) {
                    checks.network(&role, &self.gradient(state)?, &self.case.reference(&role)?)?;
                }
            }
        }
        Ok(())
    }

    /// Parameters of each network as a whole, running statistics one by one.
    fn compare_final(&self, checks: &mut Checks) -> Result<(), Problem> {
        for (letter, parameters, statistics) in self.networks {
            let mut compared = Vec::new();
            for state in self
                .store
                .states()
                .in_arena(parameters)
                .filter(|state| !parameters::is_noise(self.case, &state.name))
            {
                let reference = self
                    .case
                    .reference(&format!("final{letter}.{}", state.name))?;
                compared.push((self.read(state, ArenaPart::Value)?, reference));
            }
            checks.parameters(&format!("final{letter}"), &compared)?;
            for state in self.store.states().in_arena(statistics) {
                let role = format!("final{letter}.{}", state.name);
                checks.network(
                    &role,
                    &self.read(state, ArenaPart::Value)?,
                    &self.case.reference(&role)?,
                )?;
            }
        }
        Ok(())
    }

    /// The gradient of the first step; where it is kept nowhere, as the first moment, which starts
    /// from zero, tells.
    fn gradient(&self, state: &StateSpec) -> Result<Vec<f32>, Problem> {
        match block_on(
            self.program
                .gradient(self.gpu, self.store.states(), state.id),
        )? {
            Some(kept) => Ok(to_reference(state.shape, state.transposed, &kept)),
            None => {
                let rest = 1.0 - self.objective.betas[0] as f32;
                Ok(self
                    .read(state, ArenaPart::Moment1)?
                    .into_iter()
                    .map(|moment| moment / rest)
                    .collect())
            }
        }
    }

    fn read(&self, state: &StateSpec, part: ArenaPart) -> Result<Vec<f32>, Problem> {
        parameters::read(self.gpu, &self.store, state, part)
    }
}
