//! Liveness: which nodes write or read each planned storage, and so when its memory is in use.

use super::place::{Place, Storage, byproducts};
use crate::tape::{Source, Tape, Var};
use std::collections::BTreeMap;

/// The live range of a storage, in node numbers.
#[derive(Debug, Clone, Default)]
pub struct LiveRange {
    /// The nodes that write or read it, in order; the length of the tape stands for the host.
    pub touches: Vec<usize>,
    /// Its size.
    pub bytes: u64,
}

impl LiveRange {
    /// Where it is first written.
    pub fn first(&self) -> usize {
        self.touches.first().copied().unwrap_or(0)
    }

    /// Where it is last read.
    pub fn last(&self) -> usize {
        self.touches.last().copied().unwrap_or(0)
    }
}

/// The live range of each planned storage, by its owner. Inputs live from the start, since the host
/// writes them before a run. Inputs and outputs live to the end.
pub fn liveness(
    tape: &Tape,
    places: &[Option<Place>],
    live: &[bool],
    outputs: &[Var],
) -> BTreeMap<usize, LiveRange> {
    let end = tape.nodes().len();
    let beside = byproducts(tape, live);
    let mut ranges: BTreeMap<usize, LiveRange> = BTreeMap::new();
    let mut touch = |var: Var, at: usize| {
        if let Some(Place {
            storage: Storage::Node(owner),
            ..
        }) = places[var.0]
        {
            let range = ranges.entry(owner).or_default();
            range.bytes = places[owner].map_or(0, |place| place.operand.bytes());
            if range.touches.last() != Some(&at) {
                range.touches.push(at);
            }
        }
    };
    let is_input =
        |index: &usize| live[*index] && matches!(tape.nodes()[*index].source, Source::Input(_));
    (0..end)
        .filter(is_input)
        .for_each(|index| touch(Var(index), 0));
    for (index, node) in tape
        .nodes()
        .iter()
        .enumerate()
        .filter(|&(index, _)| live[index])
    {
        touch(Var(index), index);
        node.inputs.iter().for_each(|&input| touch(input, index));
        beside
            .get(&index)
            .into_iter()
            .flatten()
            .flatten()
            .for_each(|&value| touch(value, index));
    }
    (0..end)
        .filter(is_input)
        .for_each(|index| touch(Var(index), end));
    outputs.iter().for_each(|&output| touch(output, end));
    ranges
}
