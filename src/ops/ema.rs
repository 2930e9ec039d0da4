//! The exponential moving average of an arena's weights, kept beside them: a launch a range after
//! each update, and a swap by which the average is used.

use super::optimizer;
use crate::gpu::{HostShareable, KernelSpec, Pad, shader};
use crate::state::{ArenaId, ArenaRange};
use crate::tape::Op;
use crate::tape::vector_width::{self, PER_THREAD, WORKGROUP};
use crate::tape::{ArenaPart, Dispatch, LowerContext, Lowered, Slot, weights};
use crate::tape::{ShapeError, take};
use crate::tensor::{DType, Shape};
use bytemuck::NoUninit;

/// Bytes of a `vec4<f32>`.
const VEC4_BYTES: u64 = 16;

/// `average += rate (value - average)` for every value of an arena that has an average, with the
/// rate `1 - decay`, in early steps a larger one. Does nothing once the monitor's flag is up.
#[derive(Debug, Clone, Copy)]
pub struct Average {
    /// What is averaged.
    pub arena: ArenaId,
    /// What stays of the average in a step.
    pub decay: f64,
}

/// Exchanges the values of an arena, and their copy as f16, with their averages. Doing it twice
/// restores every bit.
#[derive(Debug, Clone, Copy)]
pub struct Swap {
    /// Whose values.
    pub arena: ArenaId,
}

crate::params! {
    struct AverageParams {
        size: u32,
        rest: f32,
        pad: Pad<2>,
    }
}

crate::params! {
    struct SwapParams {
        size: u32,
        pad: Pad<3>,
    }
}

/// A launch of `kernel` over every range of an arena, with the `params` of its size.
fn lower<P: NoUninit + HostShareable>(
    context: &LowerContext,
    arena: ArenaId,
    kernel: &KernelSpec,
    params: impl Fn(u32) -> P,
    slots: impl Fn(ArenaRange) -> Vec<Slot>,
) -> Lowered {
    let launch = |range: ArenaRange| {
        let size = (range.bytes / VEC4_BYTES) as usize;
        let kernel = kernel
            .clone()
            .uint("COALESCED", vector_width::coalesced(context.profile));
        Dispatch::new(
            kernel,
            &params(size as u32),
            slots(range),
            size.div_ceil(WORKGROUP * PER_THREAD),
        )
    };
    Lowered {
        dispatches: optimizer::ranges(context, arena, &[])
            .into_iter()
            .map(launch)
            .collect(),
        ..Lowered::default()
    }
}

impl Op for Average {
    fn name(&self) -> &'static str {
        "ema"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [] = take(inputs)?;
        // Nothing is written there: an average has no value on the tape.
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let part = |part, range| optimizer::part(context.states, self.arena, part, range);
        let slots = |range| {
            vec![
                Slot::Step,
                Slot::Monitor,
                part(ArenaPart::Value, range),
                part(ArenaPart::Average, range),
            ]
        };
        lower(
            context,
            self.arena,
            &KernelSpec::new(shader!("ema/update")),
            |size| AverageParams {
                size,
                rest: (1.0 - self.decay) as f32,
                pad: Pad::default(),
            },
            slots,
        )
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn has_effect(&self) -> bool {
        true
    }
}

impl Op for Swap {
    fn name(&self) -> &'static str {
        "ema_swap"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [] = take(inputs)?;
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let half = context.states.precision() == DType::F16;
        let kernel = KernelSpec::new(shader!("ema/swap"));
        let kernel = if half {
            weights(kernel.flag("HALF", true), DType::F16)
        } else {
            kernel
        };
        let part = |part, range| optimizer::part(context.states, self.arena, part, range);
        let copy = |range| {
            if half {
                part(ArenaPart::Half, range)
            } else {
                Slot::Unused(0)
            }
        };
        let slots = |range| {
            vec![
                part(ArenaPart::Value, range),
                part(ArenaPart::Average, range),
                copy(range),
            ]
        };
        let params = |size| SwapParams {
            size,
            pad: Pad::default(),
        };
        lower(context, self.arena, &kernel, params, slots)
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn has_effect(&self) -> bool {
        true
    }
}
