//! The loss watch: losses stay on the device in a ring that the host reads now and then, and a loss
//! that is not finite raises a flag that the optimiser and the running statistics obey.

use crate::gpu::{KernelSpec, Pad, shader};
use crate::tape::Op;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot};
use crate::tape::{MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS};
use crate::tape::{ShapeError, same};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// Losses that one launch can bind.
const MOST_LOSSES: usize = 4;

/// Writes its one to four scalar inputs to the columns from `column` on of the step's ring row.
/// Layout: [`MONITOR_HEAD`].
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// Column of the first input.
    pub column: u32,
}

/// Records a watch over `losses` (one to four scalars), in the columns from `column` on.
///
/// # Errors
/// Those of recording; [`ShapeError::Invalid`] past the last column.
pub fn watch(tape: &mut Tape, column: u32, losses: &[Var]) -> Result<(), TapeError> {
    tape.record(Watch { column }, losses).map(|_| ())
}

crate::params! {
    struct Params {
        column: u32,
        count: u32,
        pad: Pad<2>,
    }
}

impl Op for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if inputs.is_empty() || inputs.len() > MOST_LOSSES {
            return Err(ShapeError::Arity {
                expected: MOST_LOSSES,
                given: inputs.len(),
            });
        }
        for &loss in inputs {
            same("a loss and a scalar", loss, Shape::scalar())?;
        }
        if u64::from(self.column) + inputs.len() as u64 > MONITOR_COLUMNS {
            return Err(ShapeError::Invalid {
                what: "column of the loss ring",
                shape: inputs[0],
                remedy: "watch at most 16 losses",
            });
        }
        // Nothing is written there: a watch has no value.
        Ok(Shape::scalar())
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let count = context.inputs.len();
        let params = Params {
            column: self.column,
            count: count as u32,
            pad: Pad::default(),
        };
        let kernel = KernelSpec::new(shader!("monitor/watch"))
            .uint("HEAD", MONITOR_HEAD as usize)
            .uint("COLUMNS", MONITOR_COLUMNS as usize)
            .uint("ROWS", MONITOR_ROWS as usize);
        // Where there are fewer losses the first stands in: bound, but not written to the ring.
        let losses = (0..MOST_LOSSES).map(|i| Slot::Input(if i < count { i } else { 0 }));
        let slots = [Slot::Step, Slot::Monitor]
            .into_iter()
            .chain(losses)
            .collect();
        Dispatch::new(kernel, &params, slots, 1).into()
    }

    fn is_precise(&self) -> bool {
        true
    }

    fn has_effect(&self) -> bool {
        true
    }
}
