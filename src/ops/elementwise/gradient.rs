//! Where a gradient begins and how several add up: the tape's walk backwards with this family's
//! operations.

use super::{Fill, add};
use crate::tape::{Tape, TapeError, Var};

impl Tape {
    /// Appends the gradients of the scalar `loss` with respect to each of `wrt` and returns them in
    /// the same order.
    ///
    /// # Errors
    /// Those of [`Tape::backward_from`].
    pub fn backward(&mut self, loss: Var, wrt: &[Var]) -> Result<Vec<Var>, TapeError> {
        let shape = self.shape(loss);
        let ones = self.record(Fill { value: 1.0, shape }, &[])?;
        self.backward_from(loss, ones, wrt)
    }

    /// Appends the gradients of `sum(output * grad_output)` with respect to each of `wrt`. Only
    /// what leads from `wrt` to `output` is visited. The sums over several uses of a value are
    /// `add` nodes, in the order from the last use to the first.
    ///
    /// # Errors
    /// [`TapeError::Unconnected`], [`TapeError::NoGradient`], and those of recording.
    pub fn backward_from(
        &mut self,
        output: Var,
        grad_output: Var,
        wrt: &[Var],
    ) -> Result<Vec<Var>, TapeError> {
        self.backward_onto(output, grad_output, wrt, &[])
    }

    /// As [`Tape::backward_from`], on top of gradients `before` with respect to the same `wrt`,
    /// inputs or states, if there are any: how several batches add up.
    ///
    /// # Errors
    /// Those of [`Tape::backward_from`].
    pub fn backward_onto(
        &mut self,
        output: Var,
        grad_output: Var,
        wrt: &[Var],
        before: &[Var],
    ) -> Result<Vec<Var>, TapeError> {
        self.differentiate(output, grad_output, wrt, before, add)
    }
}
