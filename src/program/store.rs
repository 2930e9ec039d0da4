//! Parameters, gradients, moments and running statistics on the device, outside every program.

use super::{Program, ProgramError};
use crate::gpu::{Buffer, Gpu};
use crate::ops::random::RandomNormal;
use crate::ops::{ArenaPart, MONITOR_BYTES, StepState};
use crate::state::{ArenaId, Init, StateId, StateList};
use crate::tape::Tape;
use wgpu::BufferUsages;

/// The device's memory for a [`StateList`]: several programs run over one store.
#[derive(Debug)]
pub struct Store {
    states: StateList,
    arenas: Vec<Arena>,
    monitor: Buffer,
    step: Buffer,
}

/// Values, and for a trainable arena gradients and moments.
#[derive(Debug)]
struct Arena {
    value: Buffer,
    training: Option<[Buffer; 3]>,
}

impl Store {
    /// Allocates zeroed memory for all states. With `training` trainable arenas get gradients and moments.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`].
    pub fn new(gpu: &Gpu, states: StateList, training: bool) -> Result<Self, ProgramError> {
        let mut arenas = Vec::new();
        for spec in states.arenas() {
            let part = |what: &str| gpu.storage(&format!("{} {what}", spec.name), spec.bytes);
            let training = match training && spec.trainable {
                true => Some([part("gradients")?, part("first moments")?, part("second moments")?]),
                false => None,
            };
            arenas.push(Arena { value: part("values")?, training });
        }
        let monitor = gpu.storage("monitor", MONITOR_BYTES)?;
        let step = gpu.buffer("step", size_of::<StepState>() as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        Ok(Self { states, arenas, monitor, step })
    }

    /// The states.
    pub fn states(&self) -> &StateList {
        &self.states
    }

    /// The buffer of loss ring and failure flag (layout: [`crate::ops::MONITOR_HEAD`]).
    pub fn monitor(&self) -> &Buffer {
        &self.monitor
    }

    /// The uniform that changes from step to step.
    pub(super) fn step(&self) -> &Buffer {
        &self.step
    }

    /// A part of an arena; `None` for the gradients and moments of a store that does not train.
    pub fn part(&self, arena: ArenaId, part: ArenaPart) -> Option<&Buffer> {
        let arena = &self.arenas[arena.0];
        let training = |i: usize| arena.training.as_ref().map(|parts| &parts[i]);
        match part {
            ArenaPart::Value => Some(&arena.value),
            ArenaPart::Gradient => training(0),
            ArenaPart::Moment1 => training(1),
            ArenaPart::Moment2 => training(2),
        }
    }

    /// Sets every state to its initial value; random ones from Philox keyed by `seed` and the state's name.
    ///
    /// # Errors
    /// Those of compiling and running.
    pub fn initialise(&self, gpu: &Gpu, seed: u64) -> Result<(), ProgramError> {
        for state in self.states.states() {
            match state.init {
                Init::Constant(value) => self.write(gpu, state.id, ArenaPart::Value, &vec![value; state.shape.len()])?,
                Init::Normal { mean, std } => {
                    let arena = &self.states.get_arena(state.arena).name;
                    let op = RandomNormal::new(mean, std, &format!("{arena}.{}", state.name), state.shape);
                    let mut tape = Tape::default();
                    // A tape of one operation without inputs: recording cannot fail, but the error is passed on all the same.
                    let draw = tape.record(op, &[])?;
                    let program = Program::compile(gpu, self, &tape, &[draw])?;
                    program.run(gpu, self, &StepState::new(seed, 0, 0.0, [0.0; 2]))?;
                    program.copy_to(gpu, draw, &self.arenas[state.arena.0].value, state.offset)?;
                }
            }
        }
        Ok(())
    }

    /// Overwrites one part of a state with logical values. Nothing happens for a part that this store does not have.
    ///
    /// # Errors
    /// [`ProgramError::Length`].
    pub fn write(&self, gpu: &Gpu, id: StateId, part: ArenaPart, values: &[f32]) -> Result<(), ProgramError> {
        let state = self.states.get(id);
        if values.len() != state.shape.len() {
            return Err(ProgramError::Length { var: id.0, shape: state.shape, expected: state.shape.len(), given: values.len() });
        }
        if let Some(buffer) = self.part(state.arena, part) {
            gpu.write(buffer, state.offset, bytemuck::cast_slice(&state.shape.pack(values)));
        }
        Ok(())
    }

    /// Logical values of one part of a state; zeros for a part that this store does not have.
    ///
    /// # Errors
    /// Those of reading back.
    pub fn read(&self, gpu: &Gpu, id: StateId, part: ArenaPart) -> Result<Vec<f32>, ProgramError> {
        let state = self.states.get(id);
        match self.part(state.arena, part) {
            None => Ok(vec![0.0; state.shape.len()]),
            Some(buffer) => {
                let bytes = gpu.read(buffer, state.offset, state.shape.bytes())?;
                Ok(state.shape.unpack(&bytemuck::pod_collect_to_vec(&bytes)))
            }
        }
    }
}
