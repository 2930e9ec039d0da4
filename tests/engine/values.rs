//! What tests read of a tape and of values.

use pix2pix::tape::{Source, Tape, Var};
use pix2pix::tensor::Shape;
use std::collections::HashSet;

/// The inputs of a tape. A `Var` is made by recording only, so they are recovered from the inputs
/// of other nodes.
pub fn inputs(tape: &Tape) -> Vec<(Var, Shape)> {
    let mut seen = HashSet::new();
    let used = tape.nodes().iter().flat_map(|node| &node.inputs).copied();
    used.filter(|&var| is_input(tape, var) && seen.insert(var))
        .map(|var| (var, tape.shape(var)))
        .collect()
}

fn is_input(tape: &Tape, var: Var) -> bool {
    matches!(tape.nodes()[number(var)].source, Source::Input(_))
}

/// A value's number, as `Debug` prints it.
pub fn number(var: Var) -> usize {
    format!("{var:?}")
        .trim_start_matches("Var(")
        .trim_end_matches(')')
        .parse()
        .unwrap()
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
