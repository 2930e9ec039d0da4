//! A generator's forward pass with the output of each of its layers.

use crate::nn::{Fit, Generator, Mode};
use crate::state::StateList;
use crate::tape::{Source, Tape, Var};
use crate::tensor::Shape;
use crate::train::{Forward, TrainError};

/// A forward pass on a tape, and where its layers end.
#[derive(Debug)]
pub struct Recorded {
    /// The pass.
    pub forward: Forward,
    /// The last map of each layer, in the order in which they are made.
    pub layers: Vec<(String, Var)>,
}

impl Recorded {
    /// Records `generator` over images of `shape`.
    ///
    /// # Errors
    /// No images, and images that the fit leaves nothing of.
    pub fn new(
        states: &StateList,
        generator: &Generator,
        shape: Shape,
        fit: Fit,
        mode: &Mode,
    ) -> Result<Self, TrainError> {
        let forward = Forward::record(states, generator, shape, fit, mode)?;
        let layers = layers(&forward.tape);
        Ok(Self { forward, layers })
    }
}

/// The last map that each layer makes.
fn layers(tape: &Tape) -> Vec<(String, Var)> {
    let mut found: Vec<(String, Var)> = Vec::new();
    for (index, node) in tape.nodes().iter().enumerate() {
        if node.scope.is_empty() || !matches!(node.source, Source::Op(_)) {
            continue;
        }
        match found.last_mut() {
            Some((layer, last)) if **layer == *node.scope => *last = Var(index),
            _ => found.push((node.scope.to_string(), Var(index))),
        }
    }
    found
}
