//! Sums of rows: the last step of the sums of chunks, and of the gradients of weight and bias.

use super::groups_for;
use crate::gpu::{KernelSpec, OffsetStride, shader};
use crate::tape::{Dispatch, Operand, Slot, gradients};

crate::params! {
    struct ReduceParams {
        rows: u32,
        channels4: u32,
        terms: u32,
        term_stride: u32,
        input: OffsetStride,
        output: OffsetStride,
    }
}

/// Each row of `output` is the sum of `terms` rows of `input`, `term_stride` rows apart, the first
/// output row from row `first` on.
pub(super) fn reduce(
    slot: Slot,
    input: Operand,
    output: Operand,
    first: u32,
    terms: usize,
    term_stride: usize,
) -> Dispatch {
    let params = ReduceParams {
        rows: output.shape.rows() as u32,
        channels4: output.shape.channels4() as u32,
        terms: terms as u32,
        term_stride: term_stride as u32,
        input: OffsetStride {
            offset: input.offset + first * input.stride,
            stride: input.stride,
        },
        output: output.place(),
    };
    let threads = groups_for(output.shape.rows(), output.shape);
    let kernel = gradients(KernelSpec::new(shader!("batch_norm/reduce")), output.dtype);
    Dispatch::new(kernel, &params, vec![slot, Slot::Output], threads)
}
