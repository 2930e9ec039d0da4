//! Adam (arXiv 1412.6980) over a whole arena: one launch, or as many as the device's largest binding asks for.

use super::elementwise::{PER_THREAD, WORKGROUP};
use super::error::ShapeError;
use super::lower::{ArenaPart, Dispatch, LowerContext, Lowered, Slot, gradients, weights};
use super::{Op, loss_scale};
use crate::gpu::{DeviceClass, KernelSpec};
use crate::shader;
use crate::state::{ArenaId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};
use bytemuck::{Pod, Zeroable};

/// Ranges of every part of an arena start at multiples of this many bytes: the strictest offset alignment of any device.
const ALIGNMENT: u64 = 256;
/// Bytes of a `vec4<f32>`.
const VEC4_BYTES: u64 = 16;

/// One update of every state of an arena. Inputs are the gradients of its states, in order; they lie in the arena's gradient part.
/// Learning rate and bias corrections come from the step's uniform. Does nothing once the monitor's flag is up. Over states of precision f16 it
/// reads the gradients as f16, divides them by the loss scale, does nothing if they overflowed, writes the copy as f16, and moves the loss scale.
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
    scale_word: u32,
    pad: u32,
}

impl Adam {
    /// The launch over `bytes` bytes of the arena from `offset` on.
    fn range(&self, context: &LowerContext, offset: u64, bytes: u64) -> Dispatch {
        let (profile, states) = (context.profile, context.states);
        let size = (bytes / VEC4_BYTES) as usize;
        let params = Params {
            size: size as u32,
            betas: self.betas.map(|beta| beta as f32),
            rests: self.betas.map(|beta| (1.0 - beta) as f32),
            eps: self.eps,
            scale_word: loss_scale::word(states.trainable_index(self.arena)),
            pad: 0,
        };
        let parts = [ArenaPart::Value, ArenaPart::Gradient, ArenaPart::Moment1, ArenaPart::Moment2];
        let mut slots: Vec<Slot> =
            [Slot::Step, Slot::Monitor].into_iter().chain(parts.map(|p| self.part(p, offset, bytes, states.precision()))).collect();
        let half = states.precision() == DType::F16;
        slots.push(if half { self.part(ArenaPart::Half, offset, bytes, states.precision()) } else { Slot::Unused(0) });
        let run = match (profile.class, profile.subgroup) {
            (DeviceClass::Cpu, Some(subgroup)) => (subgroup as usize).min(WORKGROUP),
            _ => WORKGROUP,
        };
        let kernel = KernelSpec::new(shader!("adam/update")).uint("RUN", run);
        let kernel = if half { gradients(weights(kernel.flag("HALF", true), DType::F16), DType::F16) } else { kernel };
        Dispatch::new(kernel, &params, slots, size.div_ceil(WORKGROUP * PER_THREAD))
    }

    /// The range of a part that holds `bytes` bytes of the values from `offset` on.
    fn part(&self, part: ArenaPart, offset: u64, bytes: u64, precision: DType) -> Slot {
        Slot::Arena { arena: self.arena, part, offset: part.bytes(offset, precision), bytes: part.bytes(bytes, precision) }
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
        let half = context.states.precision() == DType::F16;
        let alignment = if half { 2 * ALIGNMENT } else { ALIGNMENT };
        let most = (context.profile.max_binding_bytes / alignment * alignment).max(alignment);
        let ranges = (0..total.div_ceil(most)).map(|i| (i * most, most.min(total - i * most)));
        let mut dispatches: Vec<Dispatch> = ranges.clone().map(|(offset, bytes)| self.range(context, offset, bytes)).collect();
        if half {
            let slot = context.states.trainable_index(self.arena);
            let part = ArenaPart::Gradient;
            let checks = ranges.map(|(offset, bytes)| {
                let gradient = self.part(part, offset, bytes, DType::F16);
                loss_scale::check(slot, gradient, part.bytes(bytes, DType::F16))
            });
            dispatches.splice(0..0, checks);
            dispatches.push(loss_scale::settle(slot));
        }
        Lowered { dispatches, ..Lowered::default() }
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn has_effect(&self) -> bool {
        true
    }

    fn updates_arena(&self) -> Option<ArenaId> {
        Some(self.arena)
    }
}
