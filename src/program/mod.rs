//! Floor 4: from a tape to a program. Dead code is dropped, memory is planned, kernels are chosen
//! and bound once. Then a program is run, read and printed.

mod clock;
mod error;
mod fuse;
mod fusion;
mod kernel_bench;
mod launch;
mod liveness;
mod lru_cache;
mod memory;
mod orthogonal;
mod own;
mod place;
mod plan;
mod print;
mod quantiles;
mod recompute;
mod store;
mod timing;
mod trial;
mod tune;
mod workspace;

pub use clock::Clock;
pub use error::ProgramError;
pub use fuse::fuse;
pub use kernel_bench::{Bound, Budget, KernelBench};
pub use lru_cache::LruCache;
pub use memory::{Memory, ONE_OPERATION_BYTES, Programs};
pub use place::{Place, Storage};
pub use plan::{Plan, PlannedNode};
pub use print::{ListingRow, rows};
pub use quantiles::Quantiles;
pub use recompute::{Recomputed, recompute};
pub use store::Store;
pub use trial::{Agreement, Trial, TrialOptions};
pub use tune::{Effort, tune};
pub use workspace::{Workspace, WorkspacePlan};

use launch::{Binder, Launch, encode};

use crate::gpu::{Binding, Buffer, Gpu, Precompile, UploadRing};
use crate::state::{StateId, StateList};
use crate::tape::{ArenaPart, Operand, StepState};
use crate::tape::{Tape, Var};
use crate::tensor::DType;
use std::sync::Arc;
use wgpu::BufferUsages;

/// Launches of one command buffer. A step is submitted in a few of them, so that the device starts
/// while the rest is still being encoded.
const LAUNCHES_PER_SUBMIT: usize = 96;

/// A compiled tape. Running it only encodes and submits.
#[derive(Debug)]
pub struct Program {
    plan: Plan,
    outputs: Vec<Var>,
    workspace: Arc<Workspace>,
    /// Parameters of all launches: kept because the bind groups refer to them.
    _params: Buffer,
    launches: Vec<Launch>,
    /// Compiles kernels before their first launch, at most as long as the program exists.
    _precompile: Option<Precompile>,
}

impl Program {
    /// Compiles `tape` over `store`, in a workspace of its own, so that `outputs` can be read after
    /// a run.
    ///
    /// # Errors
    /// [`ProgramError`] names the operation that cannot be planned, built or bound.
    pub fn compile(
        gpu: &Gpu,
        store: &Store,
        tape: &Tape,
        outputs: &[Var],
    ) -> Result<Self, ProgramError> {
        let plan = Plan::new(tape, store.states(), outputs, gpu.profile())?;
        let workspace = Workspace::new(gpu, store, WorkspacePlan::of(&plan))?;
        Self::of_plan(gpu, store, plan, outputs, Arc::new(workspace))
    }

    /// As [`Program::compile`], in a workspace that other programs use as well. The results of a
    /// run stay there until another program runs.
    ///
    /// # Errors
    /// Those of [`Program::compile`], and [`ProgramError::Workspace`].
    pub fn compile_in(
        gpu: &Gpu,
        store: &Store,
        tape: &Tape,
        outputs: &[Var],
        workspace: Arc<Workspace>,
    ) -> Result<Self, ProgramError> {
        let plan = Plan::new(tape, store.states(), outputs, gpu.profile())?;
        workspace.check(&plan)?;
        Self::of_plan(gpu, store, plan, outputs, workspace)
    }

    fn of_plan(
        gpu: &Gpu,
        store: &Store,
        plan: Plan,
        outputs: &[Var],
        workspace: Arc<Workspace>,
    ) -> Result<Self, ProgramError> {
        let precompile = Precompile::start(gpu, plan.kernels());
        let (params, offsets) = upload_params(gpu, &plan)?;
        let mut offsets = offsets.into_iter();
        let mut launches = Vec::new();
        let binder = Binder {
            plan: &plan,
            store,
            workspace: &workspace,
        };
        for step in &plan.steps {
            for dispatch in &step.dispatches {
                let at = Binding {
                    buffer: &params,
                    offset: offsets.next().unwrap_or(0),
                    bytes: dispatch.params.len() as u64,
                };
                launches.push(binder.launch(gpu, step, dispatch, at)?);
            }
        }
        Ok(Self {
            outputs: outputs.to_vec(),
            workspace,
            _params: params,
            launches,
            plan,
            _precompile: precompile,
        })
    }

    /// Encodes and submits one run. Does not wait.
    ///
    /// # Errors
    /// What the driver reported since the last call.
    pub fn run(&self, gpu: &Gpu, store: &Store, step: &StepState) -> Result<(), ProgramError> {
        gpu.write(store.step(), 0, bytemuck::bytes_of(step));
        self.submit_all(gpu)
    }

    /// As [`Program::write`] for each of `inputs` and then [`Program::run`], but through a ring.
    /// Nothing is allocated on the device. The host waits only when it is as many runs ahead as the
    /// ring is long.
    ///
    /// # Errors
    /// Those of both, and of [`UploadRing::write`].
    pub fn run_with(
        &self,
        gpu: &Gpu,
        store: &Store,
        step: &StepState,
        uploads: &UploadRing,
        inputs: &[(Var, &[f32])],
    ) -> Result<(), ProgramError> {
        let packed = inputs
            .iter()
            .map(|&(input, values)| self.pack(input, values))
            .collect::<Result<Vec<_>, _>>()?;
        let encoded: Vec<_> = packed
            .iter()
            .map(|(buffer, dtype, values)| (*buffer, dtype.encode(values)))
            .collect();
        let mut writes: Vec<(&wgpu::Buffer, &[u8])> =
            vec![(store.step(), bytemuck::bytes_of(step))];
        writes.extend(encoded.iter().map(|(buffer, bytes)| (&***buffer, &**bytes)));
        uploads.write(gpu, &writes)?;
        self.submit_all(gpu)
    }

    /// Writes the logical values of an input for the next run.
    ///
    /// # Errors
    /// [`ProgramError::Absent`] and [`ProgramError::Length`].
    pub fn write(&self, gpu: &Gpu, input: Var, values: &[f32]) -> Result<(), ProgramError> {
        let (buffer, dtype, packed) = self.pack(input, values)?;
        gpu.write(buffer, 0, &dtype.encode(&packed));
        Ok(())
    }

    /// Reads the logical values of an input or output and waits for them.
    ///
    /// # Errors
    /// [`ProgramError::Absent`] and those of reading back.
    pub async fn read(&self, gpu: &Gpu, var: Var) -> Result<Vec<f32>, ProgramError> {
        let (buffer, operand) = (self.buffer(var)?, self.operand(var)?);
        Ok(operand.gather(&gpu.read(buffer, 0, operand.end()).await?))
    }

    /// The gradient of a state as the last run left it. `None` if the optimiser made it itself, or
    /// if nothing updates the state.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn gradient(
        &self,
        gpu: &Gpu,
        states: &StateList,
        id: StateId,
    ) -> Result<Option<Vec<f32>>, ProgramError> {
        let (arena, dtype) = (
            states.get(id).arena,
            ArenaPart::Gradient.dtype(states.precision()),
        );
        let (Some(buffer), Some(without)) = (
            self.workspace.gradients.get(&arena),
            self.plan.without_gradient(arena),
        ) else {
            return Ok(None);
        };
        let Some(&(state, offset)) = states
            .packed(arena, &without)
            .iter()
            .find(|(state, _)| state.id == id)
        else {
            return Ok(None);
        };
        let bytes = gpu
            .read(
                buffer,
                ArenaPart::Gradient.bytes(offset, states.precision()),
                state.shape.bytes_in(dtype),
            )
            .await?;
        Ok(Some(state.shape.unpack(&dtype.decode(&bytes))))
    }

    /// Copies a densely stored output to `offset` of `target`, on the device.
    ///
    /// # Errors
    /// [`ProgramError::Absent`].
    pub fn copy_to(
        &self,
        gpu: &Gpu,
        var: Var,
        target: &wgpu::Buffer,
        offset: u64,
    ) -> Result<(), ProgramError> {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(
            self.buffer(var)?,
            0,
            target,
            offset,
            self.operand(var)?.bytes(),
        );
        gpu.submit([encoder.finish()]);
        Ok(())
    }

    /// Runs once more, operation by operation, and names the first whose result has a NaN or an
    /// infinity.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn first_not_finite(
        &self,
        gpu: &Gpu,
        store: &Store,
        step: &StepState,
    ) -> Result<Option<String>, ProgramError> {
        gpu.write(store.step(), 0, bytemuck::bytes_of(step));
        for launches in self.launches.chunk_by(|a, b| a.node == b.node) {
            self.submit(gpu, launches);
            let Some(step) = self
                .plan
                .steps
                .iter()
                .find(|step| step.node == launches[0].node)
            else {
                continue;
            };
            for var in step.written() {
                let Some(Place {
                    storage: Storage::Node(owner),
                    operand,
                }) = self.plan.places[var.0]
                else {
                    continue;
                };
                let Some(&buffer) = self.plan.buffer_of.get(&owner) else {
                    continue;
                };
                let bytes = gpu
                    .read(&self.workspace.buffers[buffer], 0, operand.end())
                    .await?;
                if operand.gather(&bytes).iter().any(|v| !v.is_finite()) {
                    return Ok(Some(place::describe(&self.plan.tape.nodes()[step.node])));
                }
            }
        }
        Ok(None)
    }

    /// The plan behind this program.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The buffer of an input, how it is stored, and its values with pad lanes.
    fn pack(&self, input: Var, values: &[f32]) -> Result<(&Buffer, DType, Vec<f32>), ProgramError> {
        let buffer = self.buffer(input)?;
        let shape = self.plan.tape.shape(input);
        match values.len() == shape.len() {
            true => Ok((buffer, self.operand(input)?.dtype, shape.pack(values))),
            false => Err(ProgramError::Length {
                var: input.0,
                shape,
                expected: shape.len(),
                given: values.len(),
            }),
        }
    }

    fn submit_all(&self, gpu: &Gpu) -> Result<(), ProgramError> {
        for launches in self.launches.chunks(LAUNCHES_PER_SUBMIT) {
            self.submit(gpu, launches);
        }
        Ok(gpu.check()?)
    }

    fn submit<'a>(&self, gpu: &Gpu, launches: impl IntoIterator<Item = &'a Launch>) {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encode(
            &mut encoder.begin_compute_pass(&Default::default()),
            launches,
        );
        gpu.submit([encoder.finish()]);
    }

    /// The place of a live value in its buffer.
    fn operand(&self, var: Var) -> Result<Operand, ProgramError> {
        let place = self.plan.places.get(var.0).copied().flatten();
        place
            .map(|place| place.operand)
            .ok_or(ProgramError::Absent { var: var.0 })
    }

    /// The planned buffer of an input or output.
    fn buffer(&self, var: Var) -> Result<&Buffer, ProgramError> {
        let readable = self.outputs.contains(&var)
            || self
                .plan
                .tape
                .nodes()
                .get(var.0)
                .is_some_and(|node| node.name() == "input");
        match self.plan.places.get(var.0).copied().flatten() {
            Some(Place {
                storage: Storage::Node(owner),
                ..
            }) if readable => Ok(&self.workspace.buffers[self.plan.buffer_of[&owner]]),
            _ => Err(ProgramError::Absent { var: var.0 }),
        }
    }
}

/// One uniform buffer with the parameters of every launch, each at an offset that the device can
/// bind.
fn upload_params(gpu: &Gpu, plan: &Plan) -> Result<(Buffer, Vec<u64>), ProgramError> {
    let (bytes, offsets) = plan.uniforms(gpu.profile());
    let buffer = gpu.buffer(
        "parameters",
        bytes.len() as u64,
        BufferUsages::UNIFORM | BufferUsages::COPY_DST,
    )?;
    gpu.write(&buffer, 0, &bytes);
    Ok((buffer, offsets))
}
