//! Stochastic gradient descent over a whole arena, with or without momentum. There is one launch
//! for each range, and more where one binding does not hold it. In f16 as many launches come first
//! and look for an overflow.

use super::{loss_scale, optimizer};
use crate::gpu::{KernelSpec, Pad, shader};
use crate::state::{ArenaId, ArenaRange, StateList};
use crate::tape::Op;
use crate::tape::ShapeError;
use crate::tape::vector_width::{self, PER_THREAD, WORKGROUP};
use crate::tape::{ArenaPart, Dispatch, LowerContext, Lowered, Slot, gradients, weights};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};

/// Bytes of a `vec4<f32>`.
const VEC4_BYTES: u64 = 16;

/// One update of every state of an arena. Inputs are the gradients of its states, in order; they
/// lie in the arena's gradient part. The learning rate comes from the step's uniform. Does nothing
/// once the monitor's flag is up. In f16 as [`super::adam::Adam`].
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    /// What to update.
    pub arena: ArenaId,
    /// What stays of the velocity, which is the first moment; 0 for none, then there are no
    /// moments.
    pub momentum: f64,
}

/// Records an update of all states of `sgd.arena` from their `gradients`. Values of these states
/// that were recorded before are stale from here on.
///
/// # Errors
/// Those of recording.
pub fn update(
    tape: &mut Tape,
    states: &StateList,
    sgd: Sgd,
    gradients: &[Var],
) -> Result<(), TapeError> {
    tape.record(sgd, gradients)?;
    tape.end_arena(states, sgd.arena);
    Ok(())
}

crate::params! {
    struct Params {
        size: u32,
        momentum: f32,
        scale_word: u32,
        pad: Pad<1>,
    }
}

impl Sgd {
    /// The launch over a range of the arena.
    fn range(&self, context: &LowerContext, range: ArenaRange) -> Dispatch {
        let states = context.states;
        let size = (range.bytes / VEC4_BYTES) as usize;
        let scale_word = loss_scale::word(states.trainable_index(self.arena));
        let params = Params {
            size: size as u32,
            momentum: self.momentum as f32,
            scale_word,
            pad: Pad::default(),
        };
        let part = |part| optimizer::part(states, self.arena, part, range);
        let (has_momentum, half) = (self.momentum != 0.0, states.precision() == DType::F16);
        let velocity = if has_momentum {
            part(ArenaPart::Moment1)
        } else {
            Slot::Unused(0)
        };
        let copy = if half {
            part(ArenaPart::Half)
        } else {
            Slot::Unused(1)
        };
        let slots = vec![
            Slot::Step,
            Slot::Monitor,
            part(ArenaPart::Value),
            part(ArenaPart::Gradient),
            velocity,
            copy,
        ];
        let kernel = KernelSpec::new(shader!("sgd/update"))
            .uint("COALESCED", vector_width::coalesced(context.profile));
        let kernel = if has_momentum {
            kernel.flag("MOMENTUM", true)
        } else {
            kernel
        };
        let kernel = if half {
            gradients(weights(kernel.flag("HALF", true), DType::F16), DType::F16)
        } else {
            kernel
        };
        Dispatch::new(
            kernel,
            &params,
            slots,
            size.div_ceil(WORKGROUP * PER_THREAD),
        )
    }
}

impl Op for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn output_shape(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        // Nothing is written there: an update has no value.
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        optimizer::lower_update(
            context,
            self.arena,
            &[],
            |range| self.range(context, range),
            |_| Vec::new(),
        )
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
