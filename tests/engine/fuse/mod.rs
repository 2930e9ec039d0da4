//! Fusion: what its rules make of a tape and what they leave alone, and that it changes no result.

mod activations;
mod normalisation;
mod step;

use crate::values::number;
use pix2pix::contraction::Geometry;
use pix2pix::ops::activation::Activation;
use pix2pix::program::fuse;
use pix2pix::state::{Init, StateId, StateList};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;

const HALVE: Geometry = Geometry::new(4, 2, 1);

const RELU: Activation = Activation::LeakyRelu { slope: 0.0 };

/// Running mean and variance of eight channels.
fn running_statistics() -> (StateList, [StateId; 2]) {
    let mut states = StateList::default();
    let arena = states.arena("net", false);
    let running = ["mean", "var"].map(|name| {
        let ones = Init::Constant(1.0);
        states.add(arena, name.to_owned(), Shape::vector(8), ones)
    });
    (states, running)
}

/// The names of the operations of a tape that are alive and no views.
fn names(tape: &Tape, outputs: &[Var]) -> Vec<&'static str> {
    let nodes = tape.nodes();
    let mut live = vec![false; nodes.len()];
    outputs
        .iter()
        .for_each(|&output| live[number(output)] = true);
    for index in (0..nodes.len()).rev() {
        if live[index] {
            nodes[index]
                .inputs
                .iter()
                .for_each(|&input| live[number(input)] = true);
        }
    }
    let named = nodes
        .iter()
        .zip(live)
        .filter(|(_, live)| *live)
        .map(|(node, _)| node.name());
    named
        .filter(|name| !["input", "state", "byproduct"].contains(name))
        .collect()
}

/// The names of a fused tape's operations.
fn fused_names(tape: &Tape, outputs: &[Var]) -> Vec<&'static str> {
    names(&fuse(tape, &StateList::default(), outputs), outputs)
}
