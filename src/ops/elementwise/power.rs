//! Powers by halves: roots, reciprocals and squares.

use super::multiply;
use crate::gpu::{KernelSpec, OffsetStride, shader};
use crate::tape::Op;
use crate::tape::vector_width::streaming_groups;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations};
use crate::tape::{ShapeError, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// `scale * (input + shift)^(halves / 2)`, element by element: roots, reciprocals and squares. A
/// root of a negative number is NaN.
#[derive(Debug, Clone, Copy)]
pub struct Power {
    /// Twice the exponent.
    pub halves: i32,
    /// Added to the input first.
    pub shift: f32,
    /// A factor on the result.
    pub scale: f32,
}

crate::params! {
    struct PowerParams {
        rows: u32,
        channels: u32,
        input: OffsetStride,
        output: OffsetStride,
        scale: f32,
        shift: f32,
    }
}

impl Op for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        Ok(input)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let derivative = Self {
            halves: self.halves - 2,
            scale: self.scale * self.halves as f32 / 2.0,
            ..*self
        };
        let derivative = tape.record(derivative, inputs)?;
        Ok(vec![Some(multiply(tape, grad_output, derivative, 1.0)?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let output = context.output;
        let params = PowerParams {
            rows: output.shape.rows() as u32,
            channels: output.shape.channels() as u32,
            input: context.inputs[0].place(),
            output: output.place(),
            scale: self.scale,
            shift: self.shift,
        };
        let kernel = KernelSpec::new(shader!("elementwise/power"))
            .uint("ROOTS", self.halves.unsigned_abs() as usize)
            .flag("RECIPROCAL", self.halves < 0);
        let kernel = activations(kernel, output.dtype);
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Output],
            streaming_groups(output.shape),
        )
        .into()
    }
}
