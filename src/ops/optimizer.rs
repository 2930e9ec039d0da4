//! What the optimisers and the average share: they take an arena in ranges that a binding holds;
//! the optimisers, over states of precision f16, look for an overflow before and move the loss
//! scale behind.

use super::loss_scale;
use crate::state::{ArenaId, ArenaRange, StateId, StateList};
use crate::tape::vector_width::{VectorWidth, favours_8_wide};
use crate::tape::{ArenaPart, Dispatch, LowerContext, Lowered, Slot};
use crate::tensor::DType;

/// Ranges of every part of an arena start at multiples of this many bytes: the strictest offset
/// alignment of any device.
const ALIGNMENT: u64 = 256;

/// An update of `arena` by launches over its ranges. States in `without` are updated by launches
/// from `others`. In f16, `others(true)` gives the launches that check for overflow, and
/// `others(false)` those that update.
pub(super) fn lower_update(
    context: &LowerContext,
    arena: ArenaId,
    without: &[StateId],
    update: impl Fn(ArenaRange) -> Dispatch,
    others: impl Fn(bool) -> Vec<Dispatch>,
) -> Lowered {
    let states = context.states;
    let half = states.precision() == DType::F16;
    let ranges = ranges(context, arena, without);
    let mut dispatches: Vec<Dispatch> = Vec::new();
    let slot = states.trainable_index(arena);
    if half {
        let gradient = ArenaPart::Gradient;
        let check = |&range: &ArenaRange| {
            loss_scale::check(
                slot,
                part(states, arena, gradient, range),
                gradient.bytes(range.bytes, DType::F16),
            )
        };
        dispatches.extend(ranges.iter().map(check));
        dispatches.extend(others(true));
    }
    dispatches.extend(ranges.iter().map(|&range| update(range)));
    dispatches.extend(others(false));
    if half {
        dispatches.push(loss_scale::settle(slot));
    }
    Lowered {
        dispatches,
        ..Lowered::default()
    }
}

/// An arena without some of its states, in ranges each of which a binding holds.
pub(super) fn ranges(
    context: &LowerContext,
    arena: ArenaId,
    without: &[StateId],
) -> Vec<ArenaRange> {
    let alignment = if context.states.precision() == DType::F16 {
        2 * ALIGNMENT
    } else {
        ALIGNMENT
    };
    let most = (context.profile.max_binding_bytes / alignment * alignment).max(alignment);
    context
        .states
        .ranges(arena, without)
        .iter()
        .flat_map(|range| range.split(most))
        .collect()
}

/// What belongs to a range of the values in one part of the arena. Gradients lie side by side,
/// without those of states that are left out.
pub(super) fn part(states: &StateList, arena: ArenaId, part: ArenaPart, range: ArenaRange) -> Slot {
    let precision = states.precision();
    let offset = if part == ArenaPart::Gradient {
        range.packed
    } else {
        range.offset
    };
    Slot::Arena {
        arena,
        part,
        offset: part.bytes(offset, precision),
        bytes: part.bytes(range.bytes, precision),
    }
}

/// How an update takes its numbers: eight at a time where lanes load and store one after the other.
pub(super) fn width(context: &LowerContext) -> VectorWidth {
    if favours_8_wide(context.profile) && context.states.precision() == DType::F32 {
        VectorWidth::Eight
    } else {
        VectorWidth::Four
    }
}
