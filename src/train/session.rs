//! Both networks, their store and the compiled step: what a training run and a benchmark have in
//! common.

use super::config::Config;
use super::error::TrainError;
use super::memory::{RunPlan, explain_sizes};
use super::pool::Pool;
use super::recording::{Recording, UPLOADS};
use super::sizes::{KEPT_PROGRAMS, Sizes};
use super::step::StepVars;
use crate::contraction::ContractionKey;
use crate::data::Batch;
use crate::gpu::{Gpu, Profile, UploadRing};
use crate::nn::{Discriminator, Generator};
use crate::program::{self, Clock, Effort, LruCache, Memory, Program, Store, Workspace};
use crate::tape::{StepState, Var};
use std::sync::Arc;

/// Finds the fastest kernel for each contraction of `config`'s steps on images of `sizes`. The
/// device that is returned uses these kernels. See [`program::tune`].
///
/// # Errors
/// A step that does not fit the device, and what the driver reports.
pub async fn tune_for(
    gpu: Gpu,
    config: &Config,
    sizes: &Sizes,
    effort: Effort,
    report: &mut dyn FnMut(usize, usize),
) -> Result<Gpu, TrainError> {
    if effort == Effort::Off {
        return Ok(gpu);
    }
    let plan = RunPlan::new(config, sizes, gpu.profile())
        .map_err(|error| explain_sizes(config, sizes, gpu.profile(), error))?;
    let keys: Vec<ContractionKey> = plan.choices.iter().map(|choice| choice.key).collect();
    let profile = Profile {
        tuned: program::tune(&gpu, &keys, effort, report).await?,
        ..gpu.profile().clone()
    };
    Ok(gpu.with_profile(profile))
}

/// A step that is compiled for images of one size.
#[derive(Debug)]
struct CompiledStep {
    program: Program,
    vars: StepVars,
}

impl CompiledStep {
    /// Compiles the step for images of this width and height.
    fn compile(
        gpu: &Gpu,
        store: &Store,
        config: &Config,
        workspace: &Arc<Workspace>,
        sides: (u32, u32),
    ) -> Result<Self, TrainError> {
        let Recording { tape, vars, .. } = Recording::at(config, sides)?;
        Ok(Self {
            program: Program::compile_in(gpu, store, &tape, &[vars.fake], workspace.clone())?,
            vars,
        })
    }

    /// Its inputs with a batch.
    fn inputs<'a>(&self, batch: &'a Batch) -> [(Var, &'a [f32]); 2] {
        [
            (self.vars.input, &batch.input[..]),
            (self.vars.target, &batch.target[..]),
        ]
    }
}

/// The compiled training steps over one store. For images of several sizes the steps used last are
/// kept, in one workspace.
#[derive(Debug)]
pub struct Session {
    /// Parameters, gradients, moments and statistics on the device.
    pub store: Store,
    /// The generator.
    pub generator: Generator,
    /// The discriminator, if the objective has an adversarial loss.
    pub discriminator: Option<Discriminator>,
    /// Older fakes for the discriminator, if the recipe asks for them.
    pub pool: Option<Pool>,
    workspace: Arc<Workspace>,
    /// By width and height. A step is compiled at its first use.
    steps: LruCache<(u32, u32), CompiledStep>,
    /// Exchanges the generator's weights with their average, if there is one.
    swap: Option<Program>,
    plan: RunPlan,
    uploads: UploadRing,
    config: Config,
}

impl Session {
    /// Allocates and compiles for images of the configuration's size. The states are zero until
    /// they are initialised or loaded.
    ///
    /// # Errors
    /// Networks that cannot be built, do not fit the images or do not fit the device.
    pub fn new(gpu: &Gpu, config: &Config) -> Result<Self, TrainError> {
        Self::of_sizes(gpu, config, &Sizes::one(config))
    }

    /// The same for images of `sizes`. Memory is planned and allocated for all of them. The step is
    /// compiled for the largest.
    ///
    /// # Errors
    /// Those of [`Session::new`]. If pictures are used whole, errors name the picture.
    pub fn of_sizes(gpu: &Gpu, config: &Config, sizes: &Sizes) -> Result<Self, TrainError> {
        Self::build(gpu, config, sizes)
            .map_err(|error| explain_sizes(config, sizes, gpu.profile(), error))
    }

    fn build(gpu: &Gpu, config: &Config, sizes: &Sizes) -> Result<Self, TrainError> {
        // What cannot fit is refused before anything is allocated.
        let plan = RunPlan::new(config, sizes, gpu.profile())?;
        let recording = Recording::at(config, sizes.largest())?;
        let swap = recording.swap()?;
        let Recording {
            states,
            generator,
            discriminator,
            pool,
            ..
        } = recording;
        let store = Store::new(gpu, states, true)?;
        let workspace = Arc::new(Workspace::new(gpu, &store, plan.steps.clone())?);
        let largest = CompiledStep::compile(gpu, &store, config, &workspace, sizes.largest())?;
        let steps = LruCache::new(KEPT_PROGRAMS, sizes.largest(), largest);
        let swap = swap
            .map(|tape| Program::compile(gpu, &store, &tape, &[]))
            .transpose()?;
        let uploads = UploadRing::new(gpu, plan.upload_bytes, UPLOADS)?;
        Ok(Self {
            store,
            generator,
            discriminator,
            pool,
            workspace,
            steps,
            swap,
            plan,
            uploads,
            config: config.clone(),
        })
    }

    /// Uploads a batch and submits one step. The step is compiled first if there is none for this
    /// size. This waits only when the device is three steps behind.
    ///
    /// # Errors
    /// What the driver reported since the last call, and those of compiling.
    pub fn submit(
        &mut self,
        gpu: &Gpu,
        step: u64,
        learning_rate: f64,
        batch: &Batch,
    ) -> Result<(), TrainError> {
        let state = self.state(step, learning_rate);
        let Self {
            store,
            config,
            workspace,
            steps,
            ..
        } = self;
        let step = steps.get_or_make(batch.sides, |&sides| {
            CompiledStep::compile(gpu, store, config, workspace, sides)
        })?;
        Ok(step
            .program
            .run_with(gpu, store, &state, &self.uploads, &step.inputs(batch))?)
    }

    /// Runs a step that failed once more, with its batch, and names the first operation whose
    /// result is not finite.
    ///
    /// # Errors
    /// Those of compiling, running and reading back.
    pub async fn find_failure(
        &self,
        gpu: &Gpu,
        step: u64,
        batch: &Batch,
    ) -> Result<Option<String>, TrainError> {
        let state = self.state(step, 0.0);
        let made;
        let step = match self.steps.get(&batch.sides) {
            Some(step) => step,
            None => {
                made = CompiledStep::compile(
                    gpu,
                    &self.store,
                    &self.config,
                    &self.workspace,
                    batch.sides,
                )?;
                &made
            }
        };
        step.inputs(batch)
            .into_iter()
            .try_for_each(|(input, values)| step.program.write(gpu, input, values))?;
        Ok(step
            .program
            .first_not_finite(gpu, &self.store, &state)
            .await?)
    }

    /// Seconds of each operation of the step, by node number; see [`Program::time_operations`].
    ///
    /// # Errors
    /// What the driver reports.
    pub async fn time_operations(
        &self,
        gpu: &Gpu,
        clock: &Clock,
    ) -> Result<Vec<(usize, f64)>, TrainError> {
        Ok(self
            .program()
            .time_operations(gpu, &self.store, &self.state(1, 0.0), clock)
            .await?)
    }

    /// Calls `translate` while the generator has the weights for use. These are the moving average,
    /// if there is one.
    ///
    /// # Errors
    /// Those of `translate`, and what the driver reported.
    pub async fn with_used_weights<T>(
        &self,
        gpu: &Gpu,
        translate: impl AsyncFnOnce() -> Result<T, TrainError>,
    ) -> Result<T, TrainError> {
        let Some(swap) = &self.swap else {
            return translate().await;
        };
        swap.run(gpu, &self.store, &self.state(0, 0.0))?;
        let result = translate().await;
        swap.run(gpu, &self.store, &self.state(0, 0.0))?;
        result
    }

    /// The compiled step. With several sizes it is the step that ran last, and at first the
    /// largest.
    pub fn program(&self) -> &Program {
        &self.steps.newest().program
    }

    /// Its inputs and outputs.
    pub fn vars(&self) -> &StepVars {
        &self.steps.newest().vars
    }

    /// What was planned for the run.
    pub fn plan(&self) -> &RunPlan {
        &self.plan
    }

    /// The memory that was planned for the run.
    pub fn memory(&self) -> &Memory {
        &self.plan.memory
    }

    fn state(&self, step: u64, learning_rate: f64) -> StepState {
        StepState::new(
            self.config.seed,
            step,
            learning_rate,
            self.config.objective.betas,
        )
    }
}
