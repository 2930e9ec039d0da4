//! The device memory that programs work in, apart from their store. Nothing in it outlives a run.
//! So programs over one store that run in turns can share a workspace that is large enough for each
//! of them.

use super::{Plan, ProgramError, Store};
use crate::gpu::{Buffer, Gpu, GpuError};
use crate::state::ArenaId;
use crate::tape::MOST_UNUSED;
use std::collections::HashMap;

/// Bytes bound in place of an unused binding: the strictest offset alignment of any device.
pub(super) const UNUSED_BYTES: u64 = 256;
/// The same for all unused bindings that one launch may have.
pub(super) const ALL_UNUSED_BYTES: u64 = MOST_UNUSED as u64 * UNUSED_BYTES;

/// The sizes of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspacePlan {
    /// Bytes of each planned buffer, the largest first.
    pub buffers: Vec<u64>,
    /// Bytes of the gradients of each arena.
    pub gradients: HashMap<ArenaId, u64>,
    /// Bytes that every operation with a scratch uses in its turn; 0 when none has one.
    pub scratch_bytes: u64,
}

impl WorkspacePlan {
    /// A workspace for one program.
    pub fn of(plan: &Plan) -> Self {
        Self {
            buffers: plan.buffers.clone(),
            gradients: plan.gradients.clone(),
            scratch_bytes: plan.scratch_bytes,
        }
    }

    /// Makes the workspace large enough for another program as well. Buffers are numbered by size,
    /// so each grows to the larger of the two with its number.
    pub fn extend(&mut self, other: &Self) {
        self.buffers
            .resize(self.buffers.len().max(other.buffers.len()), 0);
        self.buffers
            .iter_mut()
            .zip(&other.buffers)
            .for_each(|(own, &bytes)| *own = bytes.max(*own));
        for (&arena, &bytes) in &other.gradients {
            let own = self.gradients.entry(arena).or_default();
            *own = bytes.max(*own);
        }
        self.scratch_bytes = self.scratch_bytes.max(other.scratch_bytes);
    }

    /// Whether this workspace has all that a program of the other plan needs.
    fn holds(&self, other: &Self) -> bool {
        let mut together = self.clone();
        together.extend(other);
        together == *self
    }
}

/// A workspace on the device.
#[derive(Debug)]
pub struct Workspace {
    plan: WorkspacePlan,
    pub(super) buffers: Vec<Buffer>,
    pub(super) gradients: HashMap<ArenaId, Buffer>,
    pub(super) scratch: Option<Buffer>,
    /// Bound where a kernel touches nothing.
    pub(super) unused: Buffer,
}

impl Workspace {
    /// Allocates a workspace.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`].
    pub fn new(gpu: &Gpu, store: &Store, plan: WorkspacePlan) -> Result<Self, ProgramError> {
        let planned = |(i, &bytes): (usize, &u64)| gpu.storage(&format!("planned {i}"), bytes);
        let buffers = plan
            .buffers
            .iter()
            .enumerate()
            .map(planned)
            .collect::<Result<Vec<_>, _>>()?;
        let name = |arena: ArenaId| format!("{} gradients", store.states().get_arena(arena).name);
        let gradient = |(&arena, &bytes)| Ok((arena, gpu.storage(&name(arena), bytes)?));
        let gradients = plan
            .gradients
            .iter()
            .map(gradient)
            .collect::<Result<_, GpuError>>()?;
        let scratch = match plan.scratch_bytes {
            0 => None,
            bytes => Some(gpu.storage("scratch", bytes)?),
        };
        let unused = gpu.storage("unused", ALL_UNUSED_BYTES)?;
        Ok(Self {
            plan,
            buffers,
            gradients,
            scratch,
            unused,
        })
    }

    /// Refuses a program that would need more.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), ProgramError> {
        if self.plan.holds(&WorkspacePlan::of(plan)) {
            Ok(())
        } else {
            Err(ProgramError::Workspace {
                bytes: plan.bytes(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(buffers: &[u64], scratch_bytes: u64) -> WorkspacePlan {
        WorkspacePlan {
            buffers: buffers.to_vec(),
            scratch_bytes,
            ..WorkspacePlan::default()
        }
    }

    #[test]
    fn a_workspace_for_two_holds_either_and_no_larger_one() {
        let programs = [workspace(&[90, 50, 50], 7), workspace(&[80, 60], 9)];
        let mut both = WorkspacePlan::default();
        programs.iter().for_each(|program| both.extend(program));
        assert_eq!(both, workspace(&[90, 60, 50], 9));
        assert!(programs.iter().all(|program| both.holds(program)));
        for larger in [
            workspace(&[91], 0),
            workspace(&[90, 61], 0),
            workspace(&[1, 1, 1, 1], 0),
            workspace(&[], 10),
        ] {
            assert!(!both.holds(&larger), "{larger:?}");
        }
    }
}
