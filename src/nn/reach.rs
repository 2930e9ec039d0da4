//! The receptive field: how far a value of a network sees. It is read off the geometry of the
//! operations on a tape.

use crate::contraction::{ContractionKey, Family};
use crate::ops;
use crate::ops::batch_norm::Statistics;
use crate::ops::resample::Resample;
use crate::ops::window::Window;
use crate::tape::Op;
use crate::tape::{Node, Source, Tape, Var};
use crate::tensor::Shape;
use std::any::Any;

/// First and last position along one axis.
type Span = [i64; 2];

/// How many pixels beyond `first .. first + count` the values of `output` there are made from, in
/// pixels of `input`, along either axis. The maps must be square. Statistics of normalisations see
/// everything and are not counted.
///
/// For a U-Net of n halvings and a range that is a multiple of 2^n it is 2^(n+1) - 1: one pixel of
/// the innermost map to either side, and what the convolutions on the way down to it see.
pub fn reach(tape: &Tape, input: Var, output: Var, first: usize, count: usize) -> usize {
    let nodes = tape.nodes();
    let mut needed: Vec<Option<Span>> = vec![None; nodes.len()];
    let core = [first as i64, (first + count) as i64 - 1];
    needed[output.0] = Some(core);
    for index in (input.0 + 1..=output.0).rev() {
        let (Some(span), Source::Op(op)) = (needed[index], &nodes[index].source) else {
            continue;
        };
        for &from in maps(op.as_ref(), &nodes[index], nodes) {
            let seen = seen_by(op.as_ref(), &nodes[index], nodes, span);
            let wider =
                needed[from.0].map_or(seen, |known| [known[0].min(seen[0]), known[1].max(seen[1])]);
            needed[from.0] = Some(wider);
        }
    }
    let seen = needed[input.0].unwrap_or(core);
    (core[0] - seen[0]).max(seen[1] - core[1]).max(0) as usize
}

/// The inputs of a node that lead to the image: the first one of a contraction, none of statistics.
/// Weights and constants do not lead there.
fn maps<'a>(op: &dyn Op, node: &'a Node, nodes: &[Node]) -> &'a [Var] {
    match (op as &dyn Any).is::<Statistics>() {
        true => &[],
        false if key(op, node, nodes).is_some() => &node.inputs[..1],
        false => &node.inputs,
    }
}

fn key(op: &dyn Op, node: &Node, nodes: &[Node]) -> Option<ContractionKey> {
    let shapes: Vec<Shape> = node
        .inputs
        .iter()
        .map(|input| nodes[input.0].shape)
        .collect();
    Some(
        ops::contraction(op)?
            .contraction
            .dense_key(&shapes, node.shape),
    )
}

/// The positions of a node's input that the given positions of its output are made from.
fn seen_by(op: &dyn Op, node: &Node, nodes: &[Node], [first, last]: Span) -> Span {
    if let Some(window) = (op as &dyn Any).downcast_ref::<Window>() {
        let [one, other] = [window.top, window.left].map(i64::from);
        return [first + one.min(other), last + one.max(other)];
    }
    match (op as &dyn Any).downcast_ref::<Resample>() {
        Some(&Resample::ReflectPad { pad }) => return [first - pad as i64, last - pad as i64],
        Some(Resample::Nearest) => return [first.div_euclid(2), last.div_euclid(2)],
        Some(Resample::Bilinear) => return [(first - 1).div_euclid(2), (last + 1).div_euclid(2)],
        None => {}
    }
    let Some(key) = key(op, node, nodes) else {
        return [first, last];
    };
    let [kernel, stride, padding] = [
        key.geometry.kernel,
        key.geometry.stride,
        key.geometry.padding,
    ]
    .map(|number| number as i64);
    match key.family {
        Family::ConvTranspose2d => {
            // Output o is made of inputs i with o = stride * i - padding + tap.
            let ceiling = |number: i64| -(-number).div_euclid(stride);
            [
                ceiling(first + padding - kernel + 1),
                (last + padding).div_euclid(stride),
            ]
        }
        _ => [
            stride * first - padding,
            stride * last - padding + kernel - 1,
        ],
    }
}
