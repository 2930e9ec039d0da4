//! The device memory that programs work in, apart from their store. Nothing in it outlives a run,
//! so programs over one store that run in turns share a room: it has for each of them what that one
//! would take for itself.

use super::{ALL_UNUSED_BYTES, Plan, ProgramError, Store};
use crate::gpu::{Buffer, Gpu, GpuError};
use crate::state::ArenaId;
use std::collections::HashMap;

/// The sizes of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomPlan {
    /// Bytes of each planned buffer, the largest first.
    pub buffers: Vec<u64>,
    /// Bytes of the gradients of each arena.
    pub gradients: HashMap<ArenaId, u64>,
    /// Bytes that every operation with a workspace uses in its turn; 0 when none has one.
    pub workspace_bytes: u64,
}

impl RoomPlan {
    /// A room for one program.
    pub fn of(plan: &Plan) -> Self {
        Self {
            buffers: plan.buffers.clone(),
            gradients: plan.gradients.clone(),
            workspace_bytes: plan.workspace_bytes,
        }
    }

    /// Makes the room large enough for another program: as it numbers its buffers by their sizes,
    /// each has to be as large as the larger one of its number.
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
        self.workspace_bytes = self.workspace_bytes.max(other.workspace_bytes);
    }

    /// Whether a program of that plan has all that it needs in this room.
    fn holds(&self, other: &Self) -> bool {
        let mut together = self.clone();
        together.extend(other);
        together == *self
    }
}

/// A room on the device.
#[derive(Debug)]
pub struct Room {
    plan: RoomPlan,
    pub(super) buffers: Vec<Buffer>,
    pub(super) gradients: HashMap<ArenaId, Buffer>,
    pub(super) workspace: Option<Buffer>,
    /// Bound where nothing is touched.
    pub(super) unused: Buffer,
}

impl Room {
    /// Allocates a room.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`].
    pub fn new(gpu: &Gpu, store: &Store, plan: RoomPlan) -> Result<Self, ProgramError> {
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
        let workspace = match plan.workspace_bytes {
            0 => None,
            bytes => Some(gpu.storage("workspace", bytes)?),
        };
        let unused = gpu.storage("unused", ALL_UNUSED_BYTES)?;
        Ok(Self {
            plan,
            buffers,
            gradients,
            workspace,
            unused,
        })
    }

    /// Refuses a program that would need more.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), ProgramError> {
        if self.plan.holds(&RoomPlan::of(plan)) {
            Ok(())
        } else {
            Err(ProgramError::Room {
                bytes: plan.bytes(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(buffers: &[u64], workspace_bytes: u64) -> RoomPlan {
        RoomPlan {
            buffers: buffers.to_vec(),
            workspace_bytes,
            ..RoomPlan::default()
        }
    }

    #[test]
    fn a_room_for_two_holds_either_and_no_larger_one() {
        let programs = [room(&[90, 50, 50], 7), room(&[80, 60], 9)];
        let mut both = RoomPlan::default();
        programs.iter().for_each(|program| both.extend(program));
        assert_eq!(both, room(&[90, 60, 50], 9));
        assert!(programs.iter().all(|program| both.holds(program)));
        for larger in [
            room(&[91], 0),
            room(&[90, 61], 0),
            room(&[1, 1, 1, 1], 0),
            room(&[], 10),
        ] {
            assert!(!both.holds(&larger), "{larger:?}");
        }
    }
}
