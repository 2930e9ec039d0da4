//! Dropout with a mask that any step can draw again: Philox keyed by seed, step and layer, counted
//! by the logical element.

use super::random::key_of;
use crate::gpu::{KernelSpec, OffsetStride, shader};
use crate::tape::Op;
use crate::tape::vector_width::WORKGROUP;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations};
use crate::tape::{ShapeError, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// `input * mask / (1 - p)`, where an element of the mask is 0 with probability `p`; same shape.
/// The gradient draws the same mask.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// Probability of a zero, from 0 to below 1.
    pub p: f32,
    /// The layer's key: equal keys draw equal masks in one step.
    pub key: u32,
}

/// Records dropout of `input` in the layer called `layer`, whose name keys the mask: give each
/// layer its own.
///
/// # Errors
/// Those of recording; [`ShapeError::Invalid`] for a probability outside 0..1.
pub fn dropout(tape: &mut Tape, input: Var, p: f32, layer: &str) -> Result<Var, TapeError> {
    tape.record(
        Dropout {
            p,
            key: key_of(layer),
        },
        &[input],
    )
}

crate::params! {
    struct Params {
        rows: u32,
        channels: u32,
        input: OffsetStride,
        output: OffsetStride,
        p: f32,
        key: u32,
    }
}

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        match (0.0..1.0).contains(&self.p) {
            true => Ok(input),
            false => Err(ShapeError::Invalid {
                what: "dropout probability",
                shape: input,
                remedy: "use one from 0 to below 1",
            }),
        }
    }

    fn backward(
        &self,
        tape: &mut Tape,
        _: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        Ok(vec![Some(tape.record(*self, &[grad_output])?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let shape = context.output.shape;
        let params = Params {
            rows: shape.rows() as u32,
            channels: shape.channels() as u32,
            input: context.inputs[0].place(),
            output: context.output.place(),
            p: self.p,
            key: self.key,
        };
        let kernel = activations(
            KernelSpec::new(shader!("dropout/apply")),
            context.output.dtype,
        );
        let groups = (shape.rows() * shape.channels4()).div_ceil(WORKGROUP);
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Output, Slot::Step],
            groups,
        )
        .into()
    }
}
