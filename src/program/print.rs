//! A program as a table: one row an operation that launches kernels.

use super::Plan;
use super::place::describe;
use crate::ops::{ArenaPart, Slot};
use crate::tape::Var;
use crate::tensor::Shape;

/// One operation of a plan.
#[derive(Debug, Clone)]
pub struct Row {
    /// Number of the node on the tape.
    pub node: usize,
    /// Layer and operation.
    pub op: String,
    /// The operation's name alone.
    pub kind: &'static str,
    /// Shape of the result, the largest where there are several.
    pub shape: Shape,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes read and written, if every operand is touched once.
    pub bytes: u64,
    /// The kernels that run, in order.
    pub kernels: Vec<String>,
}

/// The rows of `plan`, in the order in which they run.
pub fn rows(plan: &Plan) -> Vec<Row> {
    let tape = &plan.tape;
    let row = |step: &super::Step| {
        let node = &tape.nodes()[step.node];
        let macs = tape.macs(Var(step.node));
        let updated: u64 = step.dispatches.iter().flat_map(|dispatch| &dispatch.slots).map(updated_bytes).sum();
        let made: Vec<Shape> = step.byproducts.iter().flatten().map(|&value| tape.shape(value)).chain([node.shape]).collect();
        let touched = node.inputs.iter().map(|&input| tape.shape(input).bytes()).chain(made.iter().map(Shape::bytes));
        let bytes = touched.sum::<u64>() + 2 * updated;
        let shape = made.into_iter().max_by_key(Shape::len).unwrap_or(node.shape);
        let kernels = step.dispatches.iter().map(|dispatch| dispatch.kernel.label()).collect();
        Row { node: step.node, op: describe(node), kind: node.name(), shape, macs, bytes, kernels }
    };
    plan.steps.iter().map(row).collect()
}

/// Bytes of an arena that a launch reads and writes; gradients are among the operation's inputs already.
fn updated_bytes(slot: &Slot) -> u64 {
    match slot {
        Slot::Arena { part: ArenaPart::Value | ArenaPart::Moment1 | ArenaPart::Moment2, bytes, .. } => *bytes,
        _ => 0,
    }
}
