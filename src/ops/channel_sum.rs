//! Sums over pixels, and the fixed-order split of long sums that the losses use as well.

use super::reduction::Broadcast;
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, gradients};
use crate::tape::{ShapeError, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};

/// Threads of a workgroup of the summing shaders (`channel_sum/partial`, `loss/forward`,
/// `conv2d_grad_weight/reduce`).
pub(crate) const WORKGROUP: usize = 64;
/// Items that a lane adds up before a second launch to add partial sums pays: it costs some 30 us
/// on a CPU adapter.
const SINGLE: usize = 64;
/// Most partial sums: one thread of the second launch adds them all.
const MOST_PARTS: usize = 128;

/// Into how many partial sums to split `items` items that are added up by `lanes` lanes a part.
pub(crate) fn parts(items: usize, lanes: usize) -> usize {
    if items <= SINGLE * lanes {
        1
    } else {
        items.div_ceil(SINGLE / 2 * lanes).min(MOST_PARTS)
    }
}

/// Completes a sum of `parts` parts. With one part, `sum` writes the output. With more, it writes
/// partial sums in f32 to the scratch, each laid out as `output`; a second launch adds them in
/// order and rounds once. `sum` takes the slot that it writes to, and how that is stored.
pub(crate) fn sum_of_parts(
    output: Operand,
    parts: usize,
    sum: impl FnOnce(Slot, DType) -> Dispatch,
) -> Lowered {
    if parts == 1 {
        return sum(Slot::Output, output.dtype).into();
    }
    let size = output.shape.rows() * output.shape.channels4();
    let params = ReduceParams {
        size: size as u32,
        splits: parts as u32,
        pad: Pad::default(),
    };
    let kernel = gradients(
        KernelSpec::new(shader!("conv2d_grad_weight/reduce")),
        output.dtype,
    );
    let reduce = Dispatch::new(
        kernel,
        &params,
        vec![Slot::Scratch, Slot::Output],
        size.div_ceil(WORKGROUP),
    );
    let dispatches = vec![sum(Slot::Scratch, DType::F32), reduce];
    Lowered {
        dispatches,
        scratch_bytes: parts as u64 * output.shape.bytes(),
    }
}

crate::params! {
    struct ReduceParams {
        size: u32,
        splits: u32,
        pad: Pad<2>,
    }
}

/// `[batch, height, width, channels]` to the vector `[1, 1, 1, channels]` of sums over all pixels:
/// the gradient of a bias.
#[derive(Debug, Clone, Copy)]
pub struct ChannelSum;

crate::params! {
    struct Params {
        rows: u32,
        channels4: u32,
        input: OffsetStride,
        columns: u32,
        parts: u32,
        pad: Pad<2>,
    }
}

impl Op for ChannelSum {
    fn name(&self) -> &'static str {
        "channel_sum"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        Ok(Shape::vector(input.channels()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let shape = tape.shape(inputs[0]);
        Ok(vec![Some(tape.record(
            Broadcast { shape, scale: 1.0 },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let input = context.inputs[0];
        let (rows, channels4) = (input.shape.rows(), input.shape.channels4());
        let columns = channels4.next_power_of_two().min(WORKGROUP);
        let parts = parts(rows, WORKGROUP / columns);
        let params = Params {
            rows: rows as u32,
            channels4: channels4 as u32,
            input: input.place(),
            columns: columns as u32,
            parts: parts as u32,
            pad: Pad::default(),
        };
        let groups = parts * channels4.div_ceil(columns);
        let kernel = activations(KernelSpec::new(shader!("channel_sum/partial")), input.dtype);
        sum_of_parts(context.output, parts, |target, dtype| {
            Dispatch::new(
                gradients(kernel, dtype),
                &params,
                vec![Slot::Input(0), target],
                groups,
            )
        })
    }

    fn is_gradient(&self) -> bool {
        true
    }
}
