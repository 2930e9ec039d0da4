//! Parameters, moments and running statistics on the device, outside every program.

use super::orthogonal::orthogonal;
use super::{Program, ProgramError};
use crate::gpu::{Buffer, Gpu, GpuError};
use crate::ops::loss_scale::{Scaling, monitor_offset};
use crate::ops::random::RandomNormal;
use crate::state::{ArenaId, Init, StateId, StateList, StateSpec};
use crate::tape::Tape;
use crate::tape::{ArenaPart, MONITOR_BYTES, StepState};
use crate::tensor::DType;
use wgpu::BufferUsages;

/// The device's memory for a [`StateList`]: several programs run over one store.
#[derive(Debug)]
pub struct Store {
    states: StateList,
    arenas: Vec<Arena>,
    monitor: Buffer,
    step: Buffer,
}

/// Values; a trainable arena may also have a copy as f16, and moments.
#[derive(Debug)]
struct Arena {
    value: Buffer,
    half: Option<Buffer>,
    /// As many as the optimiser keeps; `None` if nothing is trained.
    training: Option<Vec<Buffer>>,
    average: Option<Buffer>,
}

impl Store {
    /// Allocates zeroed memory for all states. With `training` trainable arenas get moments; their
    /// gradients belong to the programs that make them.
    ///
    /// # Errors
    /// [`GpuError::NoF16`] for states of that precision on a device without it, and those of
    /// [`Gpu::buffer`].
    pub fn new(gpu: &Gpu, states: StateList, training: bool) -> Result<Self, ProgramError> {
        let halves = states.precision() == DType::F16;
        if halves && !gpu.profile().f16 {
            return Err(GpuError::NoF16 {
                adapter: gpu.info().name.clone(),
            }
            .into());
        }
        let moments = &[
            ("first moments", ArenaPart::Moment1),
            ("second moments", ArenaPart::Moment2),
        ][..states.moments()];
        let mut arenas = Vec::new();
        for spec in states.arenas() {
            let precision = states.precision();
            let buffer = |what: &str, part: ArenaPart| {
                gpu.storage(
                    &format!("{} {what}", spec.name),
                    part.bytes(spec.bytes, precision),
                )
            };
            let training = match training && spec.trainable {
                true => Some(
                    moments
                        .iter()
                        .map(|&(what, part)| buffer(what, part))
                        .collect::<Result<Vec<_>, _>>()?,
                ),
                false => None,
            };
            let half = match halves && spec.trainable {
                true => Some(buffer("values as f16", ArenaPart::Half)?),
                false => None,
            };
            let average = match training.is_some() && spec.averaged {
                true => Some(buffer("averages", ArenaPart::Average)?),
                false => None,
            };
            arenas.push(Arena {
                value: buffer("values", ArenaPart::Value)?,
                half,
                training,
                average,
            });
        }
        let monitor = gpu.storage("monitor", MONITOR_BYTES)?;
        let step = gpu.buffer(
            "step",
            size_of::<StepState>() as u64,
            BufferUsages::UNIFORM | BufferUsages::COPY_DST,
        )?;
        let store = Self {
            states,
            arenas,
            monitor,
            step,
        };
        store.set_scaling(gpu, &[]);
        Ok(store)
    }

    /// The states.
    pub fn states(&self) -> &StateList {
        &self.states
    }

    /// The buffer of loss ring and failure flag (layout: [`crate::tape::MONITOR_HEAD`]).
    pub fn monitor(&self) -> &Buffer {
        &self.monitor
    }

    /// The loss scale of each trainable arena, in order; none where nothing is scaled.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn scaling(&self, gpu: &Gpu) -> Result<Vec<Scaling>, ProgramError> {
        let bytes = gpu
            .read(
                &self.monitor,
                monitor_offset(0),
                (size_of::<Scaling>() * self.scaled_arenas()) as u64,
            )
            .await?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    /// Sets the loss scales, those of [`Store::scaling`]; missing ones start anew.
    pub fn set_scaling(&self, gpu: &Gpu, scaling: &[Scaling]) {
        for slot in 0..self.scaled_arenas() {
            let scaling = scaling.get(slot).copied().unwrap_or_default();
            gpu.write(
                &self.monitor,
                monitor_offset(slot),
                bytemuck::bytes_of(&scaling),
            );
        }
    }

    /// Arenas with a copy as f16 that are trained.
    fn scaled_arenas(&self) -> usize {
        self.arenas
            .iter()
            .filter(|arena| arena.half.is_some() && arena.training.is_some())
            .count()
    }

    /// The uniform that changes from step to step.
    pub(super) fn step(&self) -> &Buffer {
        &self.step
    }

    /// A part of an arena. `None` for gradients, and for moments or a copy that this store does not
    /// have.
    pub fn part(&self, arena: ArenaId, part: ArenaPart) -> Option<&Buffer> {
        let arena = &self.arenas[arena.0];
        let training = |i: usize| arena.training.as_ref().and_then(|parts| parts.get(i));
        match part {
            ArenaPart::Value => Some(&arena.value),
            ArenaPart::Half => arena.half.as_ref(),
            ArenaPart::Gradient => None,
            ArenaPart::Moment1 => training(0),
            ArenaPart::Moment2 => training(1),
            ArenaPart::Average => arena.average.as_ref(),
        }
    }

    /// Sets every state to its initial value; random ones from Philox keyed by `seed` and the
    /// state's name.
    ///
    /// # Errors
    /// Those of compiling and running.
    pub async fn initialise(&self, gpu: &Gpu, seed: u64) -> Result<(), ProgramError> {
        for state in self.states.states() {
            match state.init {
                Init::Constant(value) => self.write(
                    gpu,
                    state.id,
                    ArenaPart::Value,
                    &vec![value; state.shape.len()],
                )?,
                Init::Normal { mean, std } => self.draw(gpu, state, mean, std, seed).await?,
                Init::Orthogonal { gain } => {
                    self.draw(gpu, state, 0.0, 1.0, seed).await?;
                    let draws = self.read(gpu, state.id, ArenaPart::Value).await?;
                    self.write(
                        gpu,
                        state.id,
                        ArenaPart::Value,
                        &orthogonal(state.shape, state.transposed, &draws, gain),
                    )?;
                }
            }
        }
        self.start_averages(gpu);
        Ok(())
    }

    /// Sets every moving average to the values themselves.
    pub fn start_averages(&self, gpu: &Gpu) {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        for (value, average) in self
            .arenas
            .iter()
            .filter_map(|arena| Some((&arena.value, arena.average.as_ref()?)))
        {
            encoder.copy_buffer_to_buffer(value, 0, average, 0, value.size());
        }
        gpu.submit([encoder.finish()]);
    }

    /// Sets a state to normal draws.
    async fn draw(
        &self,
        gpu: &Gpu,
        state: &StateSpec,
        mean: f32,
        std: f32,
        seed: u64,
    ) -> Result<(), ProgramError> {
        let arena = &self.states.get_arena(state.arena).name;
        let op = RandomNormal::new(mean, std, &format!("{arena}.{}", state.name), state.shape);
        let mut tape = Tape::default();
        // A tape of one operation without inputs. Recording cannot fail, but the error is passed on
        // anyway.
        let draw = tape.record(op, &[])?;
        let program = Program::compile(gpu, self, &tape, &[draw])?;
        program.run(gpu, self, &StepState::new(seed, 0, 0.0, [0.0; 2]))?;
        program.copy_to(gpu, draw, &self.arenas[state.arena.0].value, state.offset)?;
        // Freed first: the draw takes as much memory as what is read back next.
        drop(program);
        if self.part(state.arena, ArenaPart::Half).is_some() {
            self.write(
                gpu,
                state.id,
                ArenaPart::Value,
                &self.read(gpu, state.id, ArenaPart::Value).await?,
            )?;
        }
        Ok(())
    }

    /// Overwrites one part of a state with logical values. If the part is the value, its copy as
    /// f16 is written too. Nothing happens for a part that this store does not have.
    ///
    /// # Errors
    /// [`ProgramError::Length`], and [`ProgramError::GradientInStore`] for a gradient.
    pub fn write(
        &self,
        gpu: &Gpu,
        id: StateId,
        part: ArenaPart,
        values: &[f32],
    ) -> Result<(), ProgramError> {
        let state = self.states.get(id);
        if values.len() != state.shape.len() {
            return Err(ProgramError::Length {
                var: id.0,
                shape: state.shape,
                expected: state.shape.len(),
                given: values.len(),
            });
        }
        self.check_part(id, part)?;
        if let Some(buffer) = self.part(state.arena, part) {
            let precision = self.states.precision();
            let packed = state.shape.pack(values);
            let bytes = part.dtype(precision).encode(&packed);
            gpu.write(buffer, part.bytes(state.offset, precision), &bytes);
        }
        if part == ArenaPart::Value {
            self.write(gpu, id, ArenaPart::Half, values)?;
        }
        Ok(())
    }

    /// Logical values of one part of a state; zeros for a part that this store does not have.
    ///
    /// # Errors
    /// [`ProgramError::GradientInStore`] for a gradient, and those of reading back.
    pub async fn read(
        &self,
        gpu: &Gpu,
        id: StateId,
        part: ArenaPart,
    ) -> Result<Vec<f32>, ProgramError> {
        self.check_part(id, part)?;
        let state = self.states.get(id);
        match self.part(state.arena, part) {
            None => Ok(vec![0.0; state.shape.len()]),
            Some(buffer) => {
                let (precision, dtype) =
                    (self.states.precision(), part.dtype(self.states.precision()));
                let bytes = gpu
                    .read(
                        buffer,
                        part.bytes(state.offset, precision),
                        state.shape.bytes_in(dtype),
                    )
                    .await?;
                Ok(state.shape.unpack(&dtype.decode(&bytes)))
            }
        }
    }

    fn check_part(&self, id: StateId, part: ArenaPart) -> Result<(), ProgramError> {
        match part {
            ArenaPart::Gradient => Err(ProgramError::GradientInStore {
                state: self.states.get(id).name.clone(),
            }),
            _ => Ok(()),
        }
    }
}
