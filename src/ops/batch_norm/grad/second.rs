//! The gradient of a normalisation's gradient, recorded from elementary nodes: fused operations
//! would each need a rule of their own, and what is recorded here can itself be differentiated.
//!
//! With `s = inv_std`, `n = (input - mean) * s` and `<.>` the mean over a group, [`GradInput`] is
//!
//! ```text
//! grad_input = weight * s * (grad - <grad> - n * <grad * n>)
//! ```
//!
//! It is linear in `grad`, and its own adjoint. For a gradient `u` of this result, with
//! `ds/dinput = -s^2 * n / pixels`,
//!
//! ```text
//! d/dinput = -weight * s^2 * (
//!     (u - <u>) * <grad * n> + (grad - <grad>) * <u * n>
//!     + n * (<u * grad> - <u><grad> - 3 * <u * n><grad * n>)
//! )
//! ```

use super::super::{Normalize, StatisticsOf, check_stats, stats_shape};
use super::{GradInput, GradSums};
use crate::ops::channel_sum::ChannelSum;
use crate::ops::elementwise::{add, copy, fill, multiply};
use crate::ops::reduction::Sum;
use crate::tape::Op;
use crate::tape::{LowerContext, Lowered, Operand};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// `inv_std` of each group and channel: `[input, stats]` to `[groups, 1, 1, channels]`. It depends
/// on the input through the statistics.
#[derive(Debug, Clone, Copy)]
pub struct InvStd;

impl Op for InvStd {
    fn name(&self) -> &'static str {
        "inv_std"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input, stats] = take(inputs)?;
        check_stats(input, stats)?;
        Ok(Shape::nhwc(stats.batch(), 1, 1, stats.channels()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        inv_std: Var,
        grad: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let pixels = tape.shape(inputs[0]).rows() / tape.shape(inv_std).batch();
        let normalized = tape.record(
            Normalize {
                from: StatisticsOf::Input,
            },
            inputs,
        )?;
        let squared = multiply(tape, inv_std, inv_std, -1.0 / pixels as f32)?;
        let slope = multiply(tape, squared, grad, 1.0)?;
        Ok(vec![Some(multiply(tape, normalized, slope, 1.0)?), None])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        copy(1, row_of(context.inputs[1], 1), context.output).into()
    }

    fn is_precise(&self) -> bool {
        true
    }

    /// The statistics' own dependence on the input is part of the rule for the input.
    fn stops_gradient(&self, input: usize) -> bool {
        input == 1
    }
}

/// One row of two values a group and channel: `[groups, 1, 2, channels]` to
/// `[groups, 1, 1, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct SelectRow {
    /// Which row, 0 or 1.
    pub row: usize,
}

/// The input as one row of two, the other being zero: the gradient of [`SelectRow`].
#[derive(Debug, Clone, Copy)]
pub struct RowPad {
    /// Which row, 0 or 1.
    pub row: usize,
}

/// Refuses a row that is none of the two.
fn check_row(row: usize, shape: Shape) -> Result<(), ShapeError> {
    match row < 2 {
        true => Ok(()),
        false => Err(ShapeError::Invalid {
            what: "row of a group",
            shape,
            remedy: "use row 0 or 1",
        }),
    }
}

/// Row `row` of two rows a group.
fn row_of(rows: Operand, row: usize) -> Operand {
    let shape = Shape::nhwc(rows.shape.batch(), 1, 1, rows.shape.channels());
    Operand {
        shape,
        offset: rows.offset + row as u32 * rows.stride,
        stride: 2 * rows.stride,
        ..rows
    }
}

impl Op for SelectRow {
    fn name(&self) -> &'static str {
        "row"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [rows] = take(inputs)?;
        same(
            "two rows a group",
            rows,
            stats_shape(rows.batch(), rows.channels()),
        )?;
        check_row(self.row, rows)?;
        Ok(Shape::nhwc(rows.batch(), 1, 1, rows.channels()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        _: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        Ok(vec![Some(
            tape.record(RowPad { row: self.row }, &[grad_output])?,
        )])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        copy(0, row_of(context.inputs[0], self.row), context.output).into()
    }

    fn is_precise(&self) -> bool {
        true
    }
}

impl Op for RowPad {
    fn name(&self) -> &'static str {
        "row_pad"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [row] = take(inputs)?;
        same(
            "one row a group",
            row,
            Shape::nhwc(row.batch(), 1, 1, row.channels()),
        )?;
        check_row(self.row, row)?;
        Ok(stats_shape(row.batch(), row.channels()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        _: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        Ok(vec![Some(
            tape.record(SelectRow { row: self.row }, &[grad_output])?,
        )])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (row, output) = (context.inputs[0], context.output);
        Lowered {
            dispatches: vec![fill(output, 0.0), copy(0, row, row_of(output, self.row))],
            ..Lowered::default()
        }
    }

    fn is_precise(&self) -> bool {
        true
    }
}

/// Records the gradients of `op` on `inputs` that are `wanted`.
pub(super) fn backward(
    op: GradInput,
    tape: &mut Tape,
    inputs: &[Var],
    u: Var,
    wanted: &[bool],
) -> Result<Vec<Option<Var>>, TapeError> {
    let (grad, stats) = (inputs[0], inputs[1]);
    let from_input = op.from == StatisticsOf::Input;
    let weight = op.affine.then(|| inputs.len() - 1);
    let mut grads = vec![None; inputs.len()];
    if wanted[0] {
        let mut operands = inputs.to_vec();
        operands[0] = u;
        if from_input {
            operands[3] = tape.record(GradSums { from: op.from }, &[u, inputs[2], stats])?;
        }
        grads[0] = Some(tape.record(op, &operands)?);
    }
    if from_input && wanted[2] {
        grads[2] = Some(by_input(
            tape,
            [grad, inputs[2], stats],
            u,
            weight.map(|weight| inputs[weight]),
        )?);
    }
    if let Some(weight) = weight.filter(|&weight| wanted[weight]) {
        let unweighted = tape.record(
            GradInput {
                affine: false,
                ..op
            },
            &inputs[..weight],
        )?;
        let product = multiply(tape, u, unweighted, 1.0)?;
        // Not a sum of products: this one is stored as the gradient of a parameter.
        grads[weight] = Some(tape.record(ChannelSum, &[product])?);
    }
    Ok(grads)
}

/// Records the gradients of [`GradSums`] on `[grad, input, stats]` that are `wanted`: of its rows
/// `sum(grad)` and `sum(grad * n)`.
pub(super) fn of_sums(
    from: StatisticsOf,
    tape: &mut Tape,
    inputs: &[Var],
    u: Var,
    wanted: &[bool],
) -> Result<Vec<Option<Var>>, TapeError> {
    let (grad, input, stats) = (inputs[0], inputs[1], inputs[2]);
    let of_product = tape.record(SelectRow { row: 1 }, &[u])?;
    let mut grads = vec![None; 3];
    if wanted[0] {
        let n = tape.record(Normalize { from }, &[input, stats])?;
        let by_product = multiply(tape, n, of_product, 1.0)?;
        let of_sum = tape.record(SelectRow { row: 0 }, &[u])?;
        grads[0] = Some(add(tape, by_product, of_sum)?);
    }
    if wanted[1] {
        // What flows into the normalised input.
        let by_n = multiply(tape, grad, of_product, 1.0)?;
        let mut operands = vec![by_n, stats];
        if from == StatisticsOf::Input {
            operands.extend([
                input,
                tape.record(GradSums { from }, &[by_n, input, stats])?,
            ]);
        }
        grads[1] = Some(tape.record(
            GradInput {
                from,
                affine: false,
            },
            &operands,
        )?);
    }
    Ok(grads)
}

/// The gradient with respect to the input, as above.
fn by_input(
    tape: &mut Tape,
    [grad, input, stats]: [Var; 3],
    u: Var,
    weight: Option<Var>,
) -> Result<Var, TapeError> {
    let map = tape.shape(input);
    let shape = Shape::nhwc(tape.shape(stats).batch(), 1, 1, map.channels());
    let share = shape.batch() as f32 / map.rows() as f32;
    // The mean of a product, times 1 or -1.
    let mean = |tape: &mut Tape, sign: f32, factors: &[Var]| {
        let scale = sign * share;
        tape.record(Sum { shape, scale }, factors)
    };

    let n = tape.record(
        Normalize {
            from: StatisticsOf::Input,
        },
        &[input, stats],
    )?;
    let [u_n, grad_n, u_grad] = [
        mean(tape, 1.0, &[u, n])?,
        mean(tape, 1.0, &[grad, n])?,
        mean(tape, 1.0, &[u, grad])?,
    ];
    let [u_shift, grad_shift] = [mean(tape, -1.0, &[u])?, mean(tape, -1.0, &[grad])?];
    let inv_std = tape.record(InvStd, &[input, stats])?;
    let mut factor = multiply(tape, inv_std, inv_std, -1.0)?;
    if let Some(weight) = weight {
        factor = multiply(tape, factor, weight, 1.0)?;
    }

    let shifts = multiply(tape, u_shift, grad_shift, -1.0)?;
    let slopes = multiply(tape, u_n, grad_n, -3.0)?;
    let covariance = add(tape, u_grad, shifts)?;
    let of_n = add(tape, covariance, slopes)?;

    let term = |tape: &mut Tape, value: Var, factors: [Var; 2]| {
        let factor = multiply(tape, factors[0], factors[1], 1.0)?;
        multiply(tape, value, factor, 1.0)
    };
    let by_n = term(tape, n, [of_n, factor])?;
    let u = add(tape, u, u_shift)?;
    let grad = add(tape, grad, grad_shift)?;
    let by_u = term(tape, u, [grad_n, factor])?;
    let by_grad = term(tape, grad, [u_n, factor])?;
    let sum = add(tape, by_u, by_grad)?;
    add(tape, sum, by_n)
}
