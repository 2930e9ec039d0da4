//! The walk from a result back to what it was made from, which appends the gradients.
//!
//! It knows only the list. How two gradients are added is an operation, so the caller hands it in;
//! `Tape::backward` in `ops::elementwise` does.

use super::{Source, Tape, TapeError, Var};
use std::collections::HashMap;

/// Records the sum of two values of the same shape.
pub(crate) type Add = fn(&mut Tape, Var, Var) -> Result<Var, TapeError>;

impl Tape {
    /// Appends the gradients of `sum(output * grad_output)` with respect to each of `wrt`, on top
    /// of the gradients `before` if there are any, and returns them in the order of `wrt`. Several
    /// gradients of one value are added, in the order from its last use to its first.
    ///
    /// # Errors
    /// [`TapeError::Unconnected`], [`TapeError::NoGradient`], and those of recording.
    pub(crate) fn differentiate(
        &mut self,
        output: Var,
        grad_output: Var,
        wrt: &[Var],
        before: &[Var],
        add: Add,
    ) -> Result<Vec<Var>, TapeError> {
        let leads = self.leads_from(wrt, output);
        let scope = self.scope.clone();
        let mut gradients: HashMap<Var, Var> =
            wrt.iter().copied().zip(before.iter().copied()).collect();
        gradients.insert(output, grad_output);
        for index in (0..=output.0).rev() {
            let Some(&grad) = gradients.get(&Var(index)) else {
                continue;
            };
            self.scope = self.nodes[index].scope.clone();
            for (input, grad) in self.input_gradients(index, grad, &leads)? {
                let sum = match gradients.get(&input) {
                    Some(&before) => add(self, before, grad)?,
                    None => grad,
                };
                gradients.insert(input, sum);
            }
        }
        self.scope = scope;
        let result = self.nodes[output.0].name();
        let missing = |var: &Var| TapeError::Unconnected {
            result,
            wrt: var.0,
            shape: self.shape(*var),
        };
        wrt.iter()
            .map(|var| gradients.get(var).copied().ok_or_else(|| missing(var)))
            .collect()
    }

    /// Appends the gradients with respect to those inputs of a node that lead back to what was
    /// asked for, given that of its output.
    fn input_gradients(
        &mut self,
        index: usize,
        grad: Var,
        leads: &[bool],
    ) -> Result<Vec<(Var, Var)>, TapeError> {
        let Source::Op(op) = self.nodes[index].source.clone() else {
            return Ok(Vec::new());
        };
        let inputs = self.nodes[index].inputs.clone();
        let wanted: Vec<bool> = (inputs.iter().enumerate())
            .map(|(position, input)| leads[input.0] && !op.stops_gradient(position))
            .collect();
        if !wanted.contains(&true) {
            return Ok(Vec::new());
        }
        let grads = op.backward(self, &inputs, Var(index), grad, &wanted)?;
        let mut found = Vec::new();
        for (position, &input) in inputs.iter().enumerate() {
            if !wanted[position] {
                continue;
            }
            let Some(&Some(grad)) = grads.get(position) else {
                return Err(TapeError::NoGradient {
                    scope: self.prefix(),
                    op: op.name(),
                    input: position,
                });
            };
            found.push((input, grad));
        }
        Ok(found)
    }

    /// For each node up to `output` whether it is one of `wrt` or depends on one through
    /// differentiable inputs.
    fn leads_from(&self, wrt: &[Var], output: Var) -> Vec<bool> {
        let mut leads = vec![false; output.0 + 1];
        wrt.iter()
            .filter(|var| var.0 <= output.0)
            .for_each(|var| leads[var.0] = true);
        for index in 0..=output.0 {
            let node = &self.nodes[index];
            let passes = |position: usize| match &node.source {
                Source::Op(op) => !op.stops_gradient(position),
                _ => false,
            };
            leads[index] |= node
                .inputs
                .iter()
                .enumerate()
                .any(|(position, input)| leads[input.0] && passes(position));
        }
        leads
    }
}
