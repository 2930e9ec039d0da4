//! Looking at memory differently: detach, channel slices and concatenation. Usually views without a
//! copy; where the planner cannot make a view of one, it is lowered to a copy.

mod assemble;

pub use assemble::{Assemble, BatchPad, BatchSlice, ChannelPad};

use super::copy;
use crate::tape::{LowerContext, Lowered};
use crate::tape::{Op, View};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// The same value, through which no gradient flows.
#[derive(Debug, Clone, Copy)]
pub struct Detach;

impl Op for Detach {
    fn name(&self) -> &'static str {
        "detach"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        Ok(input)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        copy(0, context.inputs[0], context.output).into()
    }

    fn view(&self) -> Option<View> {
        Some(View::Alias)
    }

    fn stops_gradient(&self, _: usize) -> bool {
        true
    }
}

/// The channels `start .. start + channels` of the input.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// First channel.
    pub start: usize,
    /// Number of channels.
    pub channels: usize,
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        if self.channels == 0 || self.start.saturating_add(self.channels) > input.channels() {
            return Err(ShapeError::Invalid {
                what: "channel range",
                shape: input,
                remedy: "slice inside the channels",
            });
        }
        Ok(input.with_channels(self.channels))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let channels = tape.shape(inputs[0]).channels();
        Ok(vec![Some(tape.record(
            ChannelPad {
                start: self.start,
                channels,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        super::copy_channels(
            0,
            context.inputs[0],
            self.start,
            context.output,
            0,
            self.channels,
        )
        .into()
    }

    fn view(&self) -> Option<View> {
        Some(View::Slice { start: self.start })
    }
}

/// The inputs side by side on the channel axis: skip connections, and the pairs that the
/// discriminator sees.
#[derive(Debug, Clone, Copy)]
pub struct Concat;

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let first = *inputs.first().ok_or(ShapeError::Arity {
            expected: 2,
            given: 0,
        })?;
        for &other in inputs {
            same(
                "everything but the channels",
                first.with_channels(1),
                other.with_channels(1),
            )?;
        }
        Ok(first.with_channels(inputs.iter().map(Shape::channels).sum()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let mut start = 0;
        let mut grads = Vec::with_capacity(inputs.len());
        for (&input, &wanted) in inputs.iter().zip(wanted) {
            let channels = tape.shape(input).channels();
            grads.push(if wanted {
                Some(tape.record(Slice { start, channels }, &[grad_output])?)
            } else {
                None
            });
            start += channels;
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        if let &[left, right] = context.inputs {
            return super::concat([0, 1], [left, right], context.output).into();
        }
        let mut start = 0;
        let mut lowered = Lowered::default();
        for (position, &input) in context.inputs.iter().enumerate() {
            let channels = input.shape.channels();
            lowered.dispatches.push(super::copy_channels(
                position,
                input,
                0,
                context.output,
                start,
                channels,
            ));
            start += channels;
        }
        lowered
    }

    fn view(&self) -> Option<View> {
        Some(View::Concat)
    }
}

/// A value that the launches of its input's node write beside that node's own; only fusion makes
/// such nodes.
#[derive(Debug, Clone, Copy)]
pub struct Byproduct {
    number: usize,
    shape: Shape,
    gradient: bool,
}

impl Byproduct {
    /// Number `number` of its maker's, of this shape. It is stored as its maker's first input is,
    /// or as the `gradient` of a parameter.
    pub(crate) fn new(number: usize, shape: Shape, gradient: bool) -> Self {
        Self {
            number,
            shape,
            gradient,
        }
    }
}

impl Op for Byproduct {
    fn name(&self) -> &'static str {
        "byproduct"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [_] = take(inputs)?;
        Ok(self.shape)
    }

    fn lower(&self, _: &LowerContext) -> Lowered {
        Lowered::default()
    }

    fn is_gradient(&self) -> bool {
        self.gradient
    }

    fn byproduct(&self) -> Option<usize> {
        Some(self.number)
    }
}
