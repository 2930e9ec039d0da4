//! Adam (arXiv 1412.6980) over a whole arena: one launch, or as many as the device's largest binding asks for.

use super::Op;
use super::elementwise::{PER_THREAD, WORKGROUP};
use super::error::ShapeError;
use super::lower::{ArenaPart, Dispatch, LowerContext, Lowered, Slot};
use crate::gpu::{DeviceClass, KernelSpec, Profile};
use crate::shader;
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use bytemuck::{Pod, Zeroable};

/// Ranges of an arena start at multiples of this many bytes: the strictest offset alignment of any device.
const ALIGNMENT: u64 = 256;
/// Bytes of a `vec4<f32>`.
const VEC4_BYTES: u64 = 16;

/// One update of every state of an arena. Inputs are the gradients of its states, in order; they lie in the arena's gradient part.
/// Learning rate and bias corrections come from the step's uniform. Does nothing once the monitor's flag is up.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// What to update.
    pub arena: ArenaId,
    /// Decay of the first and second moment. In f64, since `1 - 0.999` loses five digits in f32.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f32,
}

/// Records an update of all states of `adam.arena` from their `gradients`. Values of these states that were recorded before are
/// stale from here on.
///
/// # Errors
/// Those of recording.
pub fn update(tape: &mut Tape, states: &StateList, adam: Adam, gradients: &[Var]) -> Result<(), TapeError> {
    tape.record(adam, gradients)?;
    tape.end_arena(states, adam.arena);
    Ok(())
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    size: u32,
    betas: [f32; 2],
    rests: [f32; 2],
    eps: f32,
    pad: [u32; 2],
}

impl Adam {
    /// The launch over `bytes` bytes of the arena from `offset` on.
    fn range(&self, profile: &Profile, offset: u64, bytes: u64) -> Dispatch {
        let size = (bytes / VEC4_BYTES) as usize;
        let params = Params {
            size: size as u32,
            betas: self.betas.map(|beta| beta as f32),
            rests: self.betas.map(|beta| (1.0 - beta) as f32),
            eps: self.eps,
            pad: [0; 2],
        };
        let part = |part| Slot::Arena { arena: self.arena, part, offset, bytes };
        let parts = [ArenaPart::Value, ArenaPart::Gradient, ArenaPart::Moment1, ArenaPart::Moment2].map(part);
        let slots = [Slot::Step, Slot::Monitor].into_iter().chain(parts).collect();
        let run = match (profile.class, profile.subgroup) {
            (DeviceClass::Cpu, Some(subgroup)) => (subgroup as usize).min(WORKGROUP),
            _ => WORKGROUP,
        };
        let kernel = KernelSpec::new(shader!("adam/update")).uint("RUN", run);
        Dispatch::new(kernel, &params, slots, size.div_ceil(WORKGROUP * PER_THREAD))
    }
}

impl Op for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn output_shape(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        // Nothing is written there: an update has no value.
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let total = context.states.get_arena(self.arena).bytes;
        let most = (context.profile.max_binding_bytes / ALIGNMENT * ALIGNMENT).max(ALIGNMENT);
        let starts = (0..total.div_ceil(most)).map(|i| i * most);
        Lowered {
            dispatches: starts.map(|start| self.range(context.profile, start, most.min(total - start))).collect(),
            ..Lowered::default()
        }
    }

    fn has_effect(&self) -> bool {
        true
    }

    fn updates_arena(&self) -> Option<ArenaId> {
        Some(self.arena)
    }
}
