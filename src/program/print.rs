//! A program as a table: one row an operation that launches kernels.

use super::Plan;
use super::place::describe;
use crate::tape::Var;
use crate::tape::{ArenaPart, Slot};
use crate::tensor::Shape;

/// One operation of a plan.
#[derive(Debug, Clone)]
pub struct ListingRow {
    /// Number of the node on the tape.
    pub node: usize,
    /// Layer and operation.
    pub op: String,
    /// The operation's name alone.
    pub kind: &'static str,
    /// Shape of the result, the largest where there are several.
    pub shape: Shape,
    /// Whether this is a contraction, bound by arithmetic.
    pub is_contraction: bool,
    /// Multiply-accumulates: those of a contraction, and those of gradients that an optimiser makes
    /// itself.
    pub macs: u64,
    /// Bytes read and written, if every operand is touched once.
    pub bytes: u64,
    /// The kernels that run, in order.
    pub kernels: Vec<String>,
}

/// The rows of `plan`, in the order in which they run.
pub fn rows(plan: &Plan) -> Vec<ListingRow> {
    let tape = &plan.tape;
    let row = |step: &super::PlannedNode| {
        let node = &tape.nodes()[step.node];
        let macs = tape.macs(Var(step.node));
        let updated: u64 = step
            .dispatches
            .iter()
            .flat_map(|dispatch| &dispatch.slots)
            .map(updated_bytes)
            .sum();
        let made: Vec<Var> = step
            .byproducts
            .iter()
            .flatten()
            .copied()
            .chain([Var(step.node)])
            .collect();
        let stored = |value: &Var| plan.places[value.0].map_or(0, |place| place.operand.bytes());
        let bytes = node.inputs.iter().chain(&made).map(stored).sum::<u64>() + updated;
        let shape = made
            .into_iter()
            .map(|value| tape.shape(value))
            .max_by_key(Shape::len)
            .unwrap_or(node.shape);
        let kernels = step
            .dispatches
            .iter()
            .map(|dispatch| dispatch.kernel.label())
            .collect();
        ListingRow {
            node: step.node,
            op: describe(node),
            kind: node.name(),
            shape,
            is_contraction: step.choice.is_some(),
            macs,
            bytes,
            kernels,
        }
    };
    plan.steps.iter().map(row).collect()
}

/// Bytes of an arena that an optimiser reads and writes. Gradients are not counted here, since they
/// are inputs of the operation.
fn updated_bytes(slot: &Slot) -> u64 {
    match slot {
        Slot::Arena {
            part: ArenaPart::Value | ArenaPart::Moment1 | ArenaPart::Moment2,
            bytes,
            ..
        } => 2 * bytes,
        Slot::Arena {
            part: ArenaPart::Half,
            bytes,
            ..
        } => *bytes,
        _ => 0,
    }
}
