//! Adam (arXiv 1412.6980) over a whole arena. There is one launch for each range, and more where
//! one binding does not hold it. Each weight whose gradient is made here has a launch of its own.
//! In f16 as many launches come first and look for an overflow.

mod from_maps;

pub use from_maps::FromMaps;

use super::{loss_scale, optimizer};
use crate::gpu::{Pad, shader};
use crate::state::{ArenaId, ArenaRange, StateId, StateList};
use crate::tape::Op;
use crate::tape::ShapeError;
use crate::tape::vector_width::{self, PER_THREAD, WORKGROUP, vectors_stored};
use crate::tape::{ArenaPart, Dispatch, LowerContext, Lowered, Slot, weights};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};

/// Bytes of a `vec4<f32>`.
const VEC4_BYTES: u64 = 16;

/// One update of every state of an arena. Inputs are the gradients of its states, in order; they
/// lie in the arena's gradient part. Learning rate and bias corrections come from the step's
/// uniform. Does nothing once the monitor's flag is up. Over states of precision f16 it reads the
/// gradients as f16, divides them by the loss scale, does nothing if they overflowed, writes the
/// copy as f16, and moves the loss scale.
#[derive(Debug, Clone)]
pub struct Adam {
    /// What to update.
    pub arena: ArenaId,
    /// Decay of the first and second moment. In f64, since `1 - 0.999` loses five digits in f32.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Weights without a gradient among the inputs; behind the gradients come their large and small
    /// maps instead. Fusion adds them.
    pub from_maps: Vec<FromMaps>,
}

/// Records an update of all states of `adam.arena` from their `gradients`. Values of these states
/// that were recorded before are stale from here on.
///
/// # Errors
/// Those of recording.
pub fn update(
    tape: &mut Tape,
    states: &StateList,
    adam: Adam,
    gradients: &[Var],
) -> Result<(), TapeError> {
    let arena = adam.arena;
    tape.record(adam, gradients)?;
    tape.end_arena(states, arena);
    Ok(())
}

crate::params! {
    struct Params {
        size: u32,
        beta1: f32,
        beta2: f32,
        rest1: f32,
        rest2: f32,
        eps: f32,
        scale_word: u32,
        pad: Pad<1>,
    }
}

impl Adam {
    /// The update of all states of `arena`.
    pub fn new(arena: ArenaId, betas: [f64; 2], eps: f32) -> Self {
        Self {
            arena,
            betas,
            eps,
            from_maps: Vec::new(),
        }
    }

    /// Both decays, and one minus them, rounded after the subtraction.
    fn decays(&self) -> ([f32; 2], [f32; 2]) {
        (
            self.betas.map(|beta| beta as f32),
            self.betas.map(|beta| (1.0 - beta) as f32),
        )
    }

    /// The launch over a range of the arena.
    fn range(&self, context: &LowerContext, range: ArenaRange) -> Dispatch {
        let states = context.states;
        let half = states.precision() == DType::F16;
        let width = optimizer::width(context);
        let size = (range.bytes / VEC4_BYTES) as usize / width.vectors();
        let ([beta1, beta2], [rest1, rest2]) = self.decays();
        let params = Params {
            size: size as u32,
            beta1,
            beta2,
            rest1,
            rest2,
            eps: self.eps,
            scale_word: loss_scale::word(states.trainable_index(self.arena)),
            pad: Pad::default(),
        };
        let parts = [
            ArenaPart::Value,
            ArenaPart::Gradient,
            ArenaPart::Moment1,
            ArenaPart::Moment2,
        ];
        let part = |part| optimizer::part(states, self.arena, part, range);
        let mut slots: Vec<Slot> = [Slot::Step, Slot::Monitor]
            .into_iter()
            .chain(parts.map(part))
            .collect();
        slots.push(if half {
            part(ArenaPart::Half)
        } else {
            Slot::Unused(0)
        });
        let kernel = width
            .kernel(shader!("adam/update"))
            .uint("COALESCED", vector_width::coalesced(context.profile));
        let kernel = if half {
            vectors_stored(weights(kernel.flag("HALF", true), DType::F16), DType::F16)
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

impl Op for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn output_shape(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        // Nothing is written there: an update has no value.
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let first_map = context
            .inputs
            .len()
            .saturating_sub(2 * self.from_maps.len());
        let from_maps = |check| {
            let launch = |(i, weight): (usize, &FromMaps)| {
                weight.launch(self, context, first_map + 2 * i, check)
            };
            self.from_maps.iter().enumerate().map(launch).collect()
        };
        optimizer::lower_update(
            context,
            self.arena,
            &self.without_gradient(),
            |range| self.range(context, range),
            from_maps,
        )
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let maps = inputs[inputs.len().saturating_sub(2 * self.from_maps.len())..].chunks_exact(2);
        self.from_maps
            .iter()
            .zip(maps)
            .map(|(weight, maps)| weight.gradient.macs(maps, output))
            .sum()
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

    fn without_gradient(&self) -> Vec<StateId> {
        self.from_maps.iter().map(|weight| weight.state).collect()
    }
}
