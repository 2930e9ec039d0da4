//! Addition, multiplication, scaling, filling and copying: one thread a `vec4` or an eight at a
//! time, bound by memory.

mod gradient;
mod view;

pub use super::reduction::Binary;
pub use view::{Assemble, BatchPad, BatchSlice, ChannelPad};
pub use view::{Byproduct, Concat, Detach, Slice};

use super::reduction::{Sum, check_reduced, is_total};
use crate::gpu::KernelSpec;
use crate::shader;
use crate::tape::Op;
use crate::tape::vector_width::{self, VectorWidth, WORKGROUP, streaming_groups};
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations, stored};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use bytemuck::{Pod, Zeroable};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct BinaryParams {
    rows: u32,
    channels: u32,
    left: [u32; 2],
    right: [u32; 2],
    output: [u32; 2],
    scale: f32,
    pixels: u32,
    pad: [u32; 2],
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
            pad: [0; 2],
        };
        let spread = match right.shape == output.shape {
            true => 0,
            false => 1 + usize::from(is_total(output.shape, right.shape)),
        };
        let slots = vec![Slot::Input(0), Slot::Input(1), Slot::Output];
        let width = match spread {
            0 => VectorWidth::of(context.profile, &[context.inputs[0], right, output]),
            _ => VectorWidth::Four,
        };
        let kernel = width.kernel([
            shader!("elementwise/binary"),
            shader!("elementwise/binary_wide"),
        ]);
        let kernel = kernel
            .flag("PRODUCT", self.product)
            .uint("RUN", vector_width::run(context.profile));
        let kernel = if width == VectorWidth::Four {
            kernel.uint("RIGHT", spread)
        } else {
            kernel
        };
        let kernel = stored(
            activations(kernel, output.dtype),
            ["Right", "RightScalar"],
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

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ScaleParams {
    rows: u32,
    channels4: u32,
    input: [u32; 2],
    output: [u32; 2],
    scale: f32,
    pad: u32,
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
            pad: 0,
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

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct PowerParams {
    rows: u32,
    channels: u32,
    input: [u32; 2],
    output: [u32; 2],
    scale: f32,
    shift: f32,
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

/// A constant in every element.
#[derive(Debug, Clone, Copy)]
pub struct Fill {
    /// The value.
    pub value: f32,
    /// The output's shape.
    pub shape: Shape,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct FillParams {
    rows: u32,
    channels: u32,
    output: [u32; 2],
    value: f32,
    pad: [u32; 3],
}

impl Op for Fill {
    fn name(&self) -> &'static str {
        "fill"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [] = take(inputs)?;
        Ok(self.shape)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        fill(context.output, self.value).into()
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// Sets every channel of the output to `value`.
pub(crate) fn fill(output: Operand, value: f32) -> Dispatch {
    let shape = output.shape;
    let params = FillParams {
        rows: shape.rows() as u32,
        channels: shape.channels() as u32,
        output: output.place(),
        value,
        pad: [0; 3],
    };
    let groups = (shape.rows() * shape.channels4()).div_ceil(WORKGROUP);
    let kernel = activations(KernelSpec::new(shader!("elementwise/fill")), output.dtype);
    Dispatch::new(kernel, &params, vec![Slot::Output], groups)
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

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct CopyParams {
    rows: u32,
    channels: u32,
    padded: u32,
    input_first: u32,
    input_stride: u32,
    output_first: u32,
    output_stride: u32,
    pad: u32,
}

/// Copies all channels of input number `position`.
pub(crate) fn copy(position: usize, input: Operand, output: Operand) -> Dispatch {
    copy_channels(position, input, 0, output, 0, output.shape.channels())
}

/// Copies `channels` channels of input number `position` from `input_start` to `output_start`;
/// where they end the output's row, the pad lanes behind them become zero.
pub(crate) fn copy_channels(
    position: usize,
    input: Operand,
    input_start: usize,
    output: Operand,
    output_start: usize,
    channels: usize,
) -> Dispatch {
    let ends_row = output_start + channels == output.shape.channels();
    let padded = if ends_row {
        output.shape.channels4() * 4 - output_start
    } else {
        channels
    };
    let params = CopyParams {
        rows: output.shape.rows() as u32,
        channels: channels as u32,
        padded: padded as u32,
        input_first: input.offset * 4 + input_start as u32,
        input_stride: input.stride * 4,
        output_first: output.offset * 4 + output_start as u32,
        output_stride: output.stride * 4,
        pad: 0,
    };
    let groups = (output.shape.rows() * padded).div_ceil(WORKGROUP);
    let kernel = activations(KernelSpec::new(shader!("elementwise/copy")), output.dtype);
    Dispatch::new(
        kernel,
        &params,
        vec![Slot::Input(position), Slot::Output],
        groups,
    )
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ConcatParams {
    rows: u32,
    channels4: u32,
    channels: [u32; 2],
    left: [u32; 2],
    right: [u32; 2],
    output: [u32; 2],
    pad: [u32; 2],
}

/// Writes the channels of the inputs at two positions side by side.
pub(crate) fn concat(
    positions: [usize; 2],
    [left, right]: [Operand; 2],
    output: Operand,
) -> Dispatch {
    let params = ConcatParams {
        rows: output.shape.rows() as u32,
        channels4: output.shape.channels4() as u32,
        channels: [left, right].map(|side| side.shape.channels() as u32),
        left: left.place().map(|vec4s| vec4s * 4),
        right: right.place().map(|vec4s| vec4s * 4),
        output: output.place(),
        pad: [0; 2],
    };
    let groups = (output.shape.rows() * output.shape.channels4()).div_ceil(WORKGROUP);
    let slots = vec![
        Slot::Input(positions[0]),
        Slot::Input(positions[1]),
        Slot::Output,
    ];
    Dispatch::new(
        activations(KernelSpec::new(shader!("elementwise/concat")), output.dtype),
        &params,
        slots,
        groups,
    )
}
