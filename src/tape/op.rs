//! What an operation is: shapes, gradient, dispatches.

use super::{LowerContext, Lowered, ShapeError, Tape, TapeError, Var};
use crate::state::{ArenaId, StateId};
use crate::tensor::Shape;
use std::any::Any;
use std::fmt::Debug;

/// An operation: pure data that knows its shapes, its gradient and its dispatches. As recorded it
/// makes exactly one value; fused ones may write byproducts too.
pub trait Op: Any + Debug + Send + Sync {
    /// The name that tables and errors print, for example `conv2d`.
    fn name(&self) -> &'static str;

    /// Checks the shapes of the inputs and gives the output's.
    ///
    /// # Errors
    /// A [`ShapeError`] that names the shapes.
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError>;

    /// Records the gradients with respect to the inputs that are `wanted`, given that of the
    /// output; `None` where there is no rule.
    ///
    /// # Errors
    /// Those of recording.
    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        output: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let _ = (tape, output, grad_output, wanted);
        Ok(vec![None; inputs.len()])
    }

    /// The dispatches that compute the output.
    fn lower(&self, context: &LowerContext) -> Lowered;

    /// Multiply-accumulates of a contraction, or of those that are part of another operation; 0 for
    /// everything that is bound by memory.
    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let _ = (inputs, output);
        0
    }

    /// Whether the output is f32 in a program that stores activations as f16 as well: statistics,
    /// sums, losses. What is neither this nor a gradient of parameters is stored as the first input
    /// is.
    fn is_precise(&self) -> bool {
        false
    }

    /// Whether the output is the gradient of a parameter, which is stored as
    /// [`crate::state::StateList::precision`] says.
    fn is_gradient(&self) -> bool {
        false
    }

    /// Whether the output is only another look at the inputs' memory.
    fn view(&self) -> Option<View> {
        None
    }

    /// For a value that the launches of its input's node write beside that node's own value: which
    /// of them it is. Fusion makes such values; see [`Slot::Byproduct`](super::Slot::Byproduct).
    fn byproduct(&self) -> Option<usize> {
        None
    }

    /// Whether gradients end at this input: because they are zero, because that is what the
    /// operation is for, or because the rule of another input accounts for them.
    fn stops_gradient(&self, input: usize) -> bool {
        let _ = input;
        false
    }

    /// Positions of inputs (states) that this operation overwrites in place.
    fn overwrites(&self) -> &[usize] {
        &[]
    }

    /// Whether the operation does more than make its output, so that it runs even if nobody reads
    /// it.
    fn has_effect(&self) -> bool {
        !self.overwrites().is_empty()
    }

    /// For an optimiser: the arena that it updates; its first inputs are the gradients of all
    /// states of that arena, in order, but those [without](Op::without_gradient).
    fn updates_arena(&self) -> Option<ArenaId> {
        None
    }

    /// For an optimiser: states whose gradient it makes itself, each from two further inputs.
    fn without_gradient(&self) -> Vec<StateId> {
        Vec::new()
    }
}

/// How an output can share its inputs' memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The same value.
    Alias,
    /// The channels from `start` on.
    Slice {
        /// First channel.
        start: usize,
    },
    /// The images from `start` on.
    Images {
        /// First image.
        start: usize,
    },
    /// The inputs side by side on the channel axis: they can be written straight into the output.
    Concat,
}
