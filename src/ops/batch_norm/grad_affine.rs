//! The gradients of weight and bias of a normalisation.

use super::grad::RowPad;
use super::reduce::reduce;
use super::stats_shape;
use crate::ops::reduction::Broadcast;
use crate::tape::Op;
use crate::tape::{LowerContext, Lowered, Slot};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Which of the two parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affine {
    /// The factor.
    Weight,
    /// The addend.
    Bias,
}

/// Gradient with respect to weight or bias, `[1, 1, 1, channels]`: one row of the sums, added over
/// the groups.
#[derive(Debug, Clone, Copy)]
pub struct GradAffine {
    /// Which of the two.
    pub of: Affine,
}

impl GradAffine {
    /// The row of the sums.
    fn row(&self) -> usize {
        match self.of {
            Affine::Weight => 1,
            Affine::Bias => 0,
        }
    }
}

impl Op for GradAffine {
    fn name(&self) -> &'static str {
        match self.of {
            Affine::Weight => "norm_grad_weight",
            Affine::Bias => "norm_grad_bias",
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [sums] = take(inputs)?;
        same(
            "sums of the groups",
            sums,
            stats_shape(sums.batch(), sums.channels()),
        )?;
        Ok(Shape::vector(sums.channels()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let sums = tape.shape(inputs[0]);
        let shape = Shape::nhwc(sums.batch(), 1, 1, sums.channels());
        let row = tape.record(Broadcast { shape, scale: 1.0 }, &[grad_output])?;
        Ok(vec![Some(tape.record(RowPad { row: self.row() }, &[row])?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let sums = context.inputs[0];
        reduce(
            Slot::Input(0),
            sums,
            context.output,
            self.row() as u32,
            sums.shape.batch(),
            2,
        )
        .into()
    }

    fn is_gradient(&self) -> bool {
        true
    }
}
