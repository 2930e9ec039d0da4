//! The device memory that programs over one store need, by purpose. It is known before anything is
//! allocated.

use super::workspace::ALL_UNUSED_BYTES;
use super::{Plan, WorkspacePlan};
use crate::gpu::{GpuError, Profile, buffer_bytes};
use crate::state::{ArenaSpec, StateList};
use crate::tape::{ArenaPart, MONITOR_BYTES, StepState};
use crate::tensor::DType;

/// Bytes that a program of one operation needs beside its values.
pub const ONE_OPERATION_BYTES: u64 = 256 + ALL_UNUSED_BYTES;

/// The memory of programs that run in one workspace.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    /// The workspace.
    pub workspace: WorkspacePlan,
    /// Bytes of the uniforms of each.
    uniforms: Vec<u64>,
}

impl Programs {
    /// A single program.
    pub fn one(plan: &Plan, profile: &Profile) -> Self {
        let mut programs = Self::default();
        programs.add(plan, profile);
        programs
    }

    /// Adds one.
    pub fn add(&mut self, plan: &Plan, profile: &Profile) {
        self.workspace.extend(&WorkspacePlan::of(plan));
        self.uniforms
            .push(buffer_bytes(plan.uniforms(profile).0.len() as u64));
    }

    /// Bytes of the `most` largest uniforms, and of the buffer for unused bindings.
    fn binding_bytes(&self, most: usize) -> u64 {
        let mut uniforms = self.uniforms.clone();
        uniforms.sort_unstable_by_key(|&bytes| u64::MAX - bytes);
        uniforms.iter().take(most).sum::<u64>() + ALL_UNUSED_BYTES
    }
}

/// Bytes of device memory by purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Parameters, and their copies as f16 if a program reads those.
    pub weights: u64,
    /// Running statistics.
    pub statistics: u64,
    /// Gradients of the parameters, without those that are consumed at once.
    pub gradients: u64,
    /// The optimiser's moments.
    pub moments: u64,
    /// The moving average of the weights.
    pub averages: u64,
    /// Older images that a discriminator sees again.
    pub image_pool: u64,
    /// Values between the operations, with their gradients.
    pub activations: u64,
    /// Scratch memory of single operations.
    pub scratch: u64,
    /// The programs that translate sample images.
    pub samples: u64,
    /// Uniforms, uploads, and what is read back at one time.
    pub staging: u64,
}

impl Memory {
    /// The memory of a store; without `training` there are no moments.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when an arena is larger than the device's largest buffer.
    pub fn of_states(
        states: &StateList,
        training: bool,
        profile: &Profile,
    ) -> Result<Self, GpuError> {
        let mut memory = Self {
            staging: buffer_bytes(MONITOR_BYTES) + buffer_bytes(size_of::<StepState>() as u64),
            ..Self::default()
        };
        for arena in states.arenas() {
            let bytes = buffer_bytes(arena.bytes);
            profile.check_buffer(&arena.name, bytes)?;
            let precision = states.precision();
            let part = |part: ArenaPart| buffer_bytes(part.bytes(arena.bytes, precision));
            let copy = if arena.trainable && precision == DType::F16 {
                part(ArenaPart::Half)
            } else {
                0
            };
            match (arena.trainable, training) {
                // Statistics are vectors.
                (false, _) if holds_images(states, arena) => memory.image_pool += bytes,
                (false, _) => memory.statistics += bytes,
                (true, false) => memory.weights += bytes + copy,
                (true, true) => {
                    memory.weights += bytes + copy;
                    memory.moments += states.moments() as u64 * bytes;
                    memory.averages += if arena.averaged { bytes } else { 0 };
                }
            }
        }
        Ok(memory)
    }

    /// Adds programs that share a workspace. At most `most` of them exist at a time.
    pub fn add_programs(&mut self, programs: &Programs, most: usize) {
        let workspace = &programs.workspace;
        self.gradients += workspace
            .gradients
            .values()
            .map(|&bytes| buffer_bytes(bytes))
            .sum::<u64>();
        self.activations += planned_bytes(workspace);
        self.scratch += scratch_bytes(workspace);
        self.staging += programs.binding_bytes(most);
    }

    /// The same for programs that translate samples.
    pub fn add_samples(&mut self, programs: &Programs, most: usize) {
        self.samples += planned_bytes(&programs.workspace) + scratch_bytes(&programs.workspace);
        self.staging += programs.binding_bytes(most);
    }

    /// Name and bytes of each purpose.
    pub fn rows(&self) -> [(&'static str, u64); 10] {
        [
            ("weights", self.weights),
            ("running statistics", self.statistics),
            ("gradients", self.gradients),
            ("optimiser moments", self.moments),
            ("averaged weights", self.averages),
            ("image pool", self.image_pool),
            ("activations", self.activations),
            ("scratch", self.scratch),
            ("translating samples", self.samples),
            ("uniforms and staging", self.staging),
        ]
    }

    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.rows().iter().map(|row| row.1).sum()
    }
}

fn holds_images(states: &StateList, arena: &ArenaSpec) -> bool {
    arena
        .states
        .iter()
        .any(|&id| states.get(id).shape.rows() > 1)
}

fn planned_bytes(workspace: &WorkspacePlan) -> u64 {
    workspace
        .buffers
        .iter()
        .map(|&bytes| buffer_bytes(bytes))
        .sum()
}

fn scratch_bytes(workspace: &WorkspacePlan) -> u64 {
    if workspace.scratch_bytes == 0 {
        0
    } else {
        buffer_bytes(workspace.scratch_bytes)
    }
}
