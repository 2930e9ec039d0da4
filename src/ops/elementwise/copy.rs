//! Filling, and the copies of channels that no view can stand for.

use crate::gpu::{KernelSpec, OffsetStride, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::WORKGROUP;
use crate::tape::{Dispatch, LowerContext, Lowered, Operand, Slot, activations};
use crate::tape::{ShapeError, take};
use crate::tensor::Shape;

/// A constant in every element.
#[derive(Debug, Clone, Copy)]
pub struct Fill {
    /// The value.
    pub value: f32,
    /// The output's shape.
    pub shape: Shape,
}

crate::params! {
    struct FillParams {
        rows: u32,
        channels: u32,
        output: OffsetStride,
        value: f32,
        pad: Pad<3>,
    }
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
        pad: Pad::default(),
    };
    let groups = (shape.rows() * shape.channels4()).div_ceil(WORKGROUP);
    let kernel = activations(KernelSpec::new(shader!("elementwise/fill")), output.dtype);
    Dispatch::new(kernel, &params, vec![Slot::Output], groups)
}

crate::params! {
    struct CopyParams {
        rows: u32,
        channels: u32,
        padded: u32,
        input: OffsetStride,
        output: OffsetStride,
        pad: Pad<1>,
    }
}

/// The place of an operand's channels from `start` on, in numbers.
fn channels_of(operand: Operand, start: usize) -> OffsetStride {
    OffsetStride {
        offset: operand.offset * 4 + start as u32,
        stride: operand.stride * 4,
    }
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
        input: channels_of(input, input_start),
        output: channels_of(output, output_start),
        pad: Pad::default(),
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

crate::params! {
    struct ConcatParams {
        rows: u32,
        channels4: u32,
        left_channels: u32,
        right_channels: u32,
        left: OffsetStride,
        right: OffsetStride,
        output: OffsetStride,
        pad: Pad<2>,
    }
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
        left_channels: left.shape.channels() as u32,
        right_channels: right.shape.channels() as u32,
        left: left.place().map(|vec4s| vec4s * 4),
        right: right.place().map(|vec4s| vec4s * 4),
        output: output.place(),
        pad: Pad::default(),
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
