//! Addition, multiplication, scaling, filling and copying: a thread takes four or eight numbers at
//! a time, bound by memory.

mod copy;
mod gradient;
mod power;
mod view;

pub use super::reduction::Binary;
pub use copy::Fill;
pub(crate) use copy::{concat, copy, copy_channels, fill};
pub use power::Power;
pub use view::{Assemble, BatchPad, BatchSlice, ChannelPad};
pub use view::{Byproduct, Concat, Detach, Slice};

use super::reduction::{Sum, check_reduced, is_total};
use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::{self, VectorWidth, streaming_groups, vectors_stored};
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations, stored};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Values of the shader constant `RIGHT`: the right side has the shape of the left one.
const SAME: usize = 0;
/// It has one value a channel for each group of pixels.
const CHANNELS: usize = 1;
/// It has one value for each group of pixels.
const SINGLE: usize = 2;

crate::params! {
    struct BinaryParams {
        rows: u32,
        channels: u32,
        left: OffsetStride,
        right: OffsetStride,
        output: OffsetStride,
        scale: f32,
        pixels: u32,
        pad: Pad<2>,
    }
}

impl Op for Binary {
    fn name(&self) -> &'static str {
        if self.product { "multiply" } else { "add" }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [left, right] = take(inputs)?;
        match check_reduced(left, right) {
            Ok(()) => Ok(left),
            Err(_) => same("both sides", left, right),
        }
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let mut grads = vec![None, None];
        let [left, right] = [inputs[0], inputs[1]].map(|input| tape.shape(input));
        for (position, grad) in grads
            .iter_mut()
            .enumerate()
            .filter(|&(position, _)| wanted[position])
        {
            *grad = Some(match (position == 1 && right != left, self.product) {
                (false, true) => tape.record(*self, &[grad_output, inputs[1 - position]])?,
                (false, false) => scale(tape, grad_output, self.scale)?,
                (true, product) => {
                    let factors = if product {
                        &[grad_output, inputs[0]][..]
                    } else {
                        &[grad_output]
                    };
                    tape.record(
                        Sum {
                            shape: right,
                            scale: self.scale,
                        },
                        factors,
                    )?
                }
            });
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (output, right) = (context.output, context.inputs[1]);
        let params = BinaryParams {
            rows: output.shape.rows() as u32,
            channels: output.shape.channels() as u32,
            left: context.inputs[0].place(),
            right: right.place(),
            output: output.place(),
            scale: self.scale,
            pixels: (output.shape.rows() / right.shape.batch().max(1)) as u32,
            pad: Pad::default(),
        };
        let broadcast = if right.shape == output.shape {
            SAME
        } else if is_total(output.shape, right.shape) {
            SINGLE
        } else {
            CHANNELS
        };
        let slots = vec![Slot::Input(0), Slot::Input(1), Slot::Output];
        let width = match broadcast {
            SAME => VectorWidth::of(context.profile, &[context.inputs[0], right, output]),
            _ => VectorWidth::Four,
        };
        let kernel = width
            .kernel(shader!("elementwise/binary"))
            .flag("PRODUCT", self.product)
            .uint("COALESCED", vector_width::coalesced(context.profile))
            .uint("RIGHT", broadcast);
        let kernel = stored(
            vectors_stored(kernel, output.dtype),
            ["Other", "OtherScalar"],
            right.dtype,
        );
        Dispatch::new(kernel, &params, slots, width.streaming_groups(output.shape)).into()
    }
}

/// `scale * input`.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The factor.
    pub scale: f32,
}

crate::params! {
    struct ScaleParams {
        rows: u32,
        channels4: u32,
        input: OffsetStride,
        output: OffsetStride,
        scale: f32,
        pad: Pad<1>,
    }
}

impl Op for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        Ok(input)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        _: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        Ok(vec![Some(scale(tape, grad_output, self.scale)?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let output = context.output;
        let params = ScaleParams {
            rows: output.shape.rows() as u32,
            channels4: output.shape.channels4() as u32,
            input: context.inputs[0].place(),
            output: output.place(),
            scale: self.scale,
            pad: Pad::default(),
        };
        let kernel = activations(KernelSpec::new(shader!("elementwise/scale")), output.dtype);
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Output],
            streaming_groups(output.shape),
        )
        .into()
    }
}

/// Records `left + right`.
///
/// # Errors
/// Those of recording.
pub fn add(tape: &mut Tape, left: Var, right: Var) -> Result<Var, TapeError> {
    tape.record(
        Binary {
            product: false,
            scale: 1.0,
        },
        &[left, right],
    )
}

/// Records `left * right * scale`, element by element.
///
/// # Errors
/// Those of recording.
pub fn multiply(tape: &mut Tape, left: Var, right: Var, scale: f32) -> Result<Var, TapeError> {
    tape.record(
        Binary {
            product: true,
            scale,
        },
        &[left, right],
    )
}

/// Records `scale * input`; the input itself when the factor is one.
///
/// # Errors
/// Those of recording.
pub fn scale(tape: &mut Tape, input: Var, scale: f32) -> Result<Var, TapeError> {
    if scale == 1.0 {
        Ok(input)
    } else {
        tape.record(Scale { scale }, &[input])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_sides_are_those_of_the_shader() {
        let shader = shader!("elementwise/binary");
        for (right, name) in [(SAME, "SAME"), (CHANNELS, "CHANNELS"), (SINGLE, "SINGLE")] {
            assert_eq!(shader.constant(name), Some(right), "{name}");
        }
    }
}
