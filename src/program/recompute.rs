//! Gradient checkpointing (Chen et al., arXiv 1604.06174) as a pass from tape to tape: a value that
//! waits long for its last reader is dropped, and made again just before it is read.
//!
//! The pass looks for the moment at which most memory is alive. It takes the storage whose absence
//! saves most then. Before the next reader of that storage it records the operations that made its
//! values once more, from inputs that are still alive. It repeats this until the peak gets no
//! smaller. The repeated operations have the same inputs, so every bit stays: dropout draws its
//! mask by counter. Operations with an effect, such as an update of running statistics, are never
//! repeated.

use super::ProgramError;
use super::liveness::{LiveRange, liveness};
use super::place::{Place, Storage, live_nodes, place_values};
use crate::state::{StateId, StateList};
use crate::tape::Op;
use crate::tape::{Node, Source, Tape, Var};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The most operations that are recorded again for one storage. With more, another storage is the
/// better choice.
const MOST_REPEATED: usize = 16;
/// An operation may be repeated if the whole tape has this many times its multiply-accumulates.
/// That allows the first convolutions of both networks: they have few input channels, so their
/// large results are cheap.
const CHEAP_SHARE: u64 = 400;
/// A repetition that saves less than this part of the peak is not worth its launches.
const WORTH_SHARE: u64 = 128;

/// A tape that keeps fewer values alive.
#[derive(Debug)]
pub struct Recomputed {
    /// The rewritten tape.
    pub tape: Tape,
    /// Where each value of the old tape is on the new one.
    position: Vec<Var>,
}

impl Recomputed {
    /// A value of the old tape on the new one.
    pub fn at(&self, var: Var) -> Var {
        self.position[var.0]
    }
}

/// Rewrites `tape` so that less memory is alive at its peak; `outputs` are what will be read after
/// a run.
///
/// # Errors
/// Those of placing the values.
pub fn recompute(
    tape: &Tape,
    states: &StateList,
    outputs: &[Var],
) -> Result<Recomputed, ProgramError> {
    let mut best = Analysis::new(tape.clone(), states, outputs.to_vec())?;
    let mut position: Vec<Var> = (0..tape.nodes().len()).map(Var).collect();
    while let Some((eviction, better)) = best.improve(states)? {
        position
            .iter_mut()
            .for_each(|var| *var = eviction.shifted(*var));
        best = better;
    }
    Ok(Recomputed {
        tape: best.tape,
        position,
    })
}

/// Which storages of a tape are alive at which node.
struct Analysis {
    tape: Tape,
    outputs: Vec<Var>,
    places: Vec<Option<Place>>,
    live_ranges: BTreeMap<usize, LiveRange>,
    /// Most bytes alive at one node, and how many nodes reach that.
    peak: (u64, usize),
    /// The first of those nodes.
    at: usize,
    macs: u64,
}

/// One storage to be dropped: the nodes `values` are recorded again in front of node `before`.
struct Eviction {
    values: BTreeSet<usize>,
    before: usize,
    saved: u64,
}

impl Eviction {
    /// Where a value of the tape lies after the rewriting.
    fn shifted(&self, var: Var) -> Var {
        Var(if var.0 < self.before {
            var.0
        } else {
            var.0 + self.values.len()
        })
    }

    /// The value that a node from `before` on reads: the repetition, if there is one.
    fn reading(&self, var: Var) -> Var {
        match self.values.contains(&var.0) {
            true => Var(self.before + self.values.range(..var.0).count()),
            false => self.shifted(var),
        }
    }

    /// The rewritten list of nodes.
    fn apply(&self, nodes: &[Node]) -> Vec<Node> {
        let again = |node: &Node| Node {
            inputs: node
                .inputs
                .iter()
                .map(|&input| self.reading(input))
                .collect(),
            ..node.clone()
        };
        let repeated = self.values.iter().map(|&value| {
            let node = again(&nodes[value]);
            Node {
                scope: format!("again {}", node.scope).into(),
                ..node
            }
        });
        let (early, late) = nodes.split_at(self.before);
        early
            .iter()
            .cloned()
            .chain(repeated)
            .chain(late.iter().map(again))
            .collect()
    }
}

impl Analysis {
    fn new(tape: Tape, states: &StateList, outputs: Vec<Var>) -> Result<Self, ProgramError> {
        let live = live_nodes(&tape, &outputs);
        let places = place_values(&tape, states, &live)?.places;
        let live_ranges = liveness(&tape, &places, &live, &outputs);
        let mut changes = vec![0_i64; tape.nodes().len() + 2];
        for range in live_ranges.values() {
            changes[range.first()] += range.bytes as i64;
            changes[range.last() + 1] -= range.bytes as i64;
        }
        let alive = changes.iter().scan(0, |alive, change| {
            *alive += change;
            Some(*alive as u64)
        });
        let (mut peak, mut at) = ((0, 0), 0);
        for (node, bytes) in alive.enumerate() {
            match bytes.cmp(&peak.0) {
                Ordering::Greater => (peak, at) = ((bytes, 1), node),
                Ordering::Equal => peak.1 += 1,
                Ordering::Less => {}
            }
        }
        let macs = (0..tape.nodes().len())
            .map(|node| tape.macs(Var(node)))
            .sum();
        Ok(Self {
            tape,
            outputs,
            places,
            live_ranges,
            peak,
            at,
            macs,
        })
    }

    /// The first eviction that makes the peak smaller, and the tape after it.
    fn improve(&self, states: &StateList) -> Result<Option<(Eviction, Self)>, ProgramError> {
        for eviction in self.evictions(states) {
            let trial = self.without(&eviction, states)?;
            if trial.peak < self.peak {
                return Ok(Some((eviction, trial)));
            }
        }
        Ok(None)
    }

    fn without(&self, eviction: &Eviction, states: &StateList) -> Result<Self, ProgramError> {
        let tape = Tape::from_nodes(eviction.apply(self.tape.nodes()));
        Self::new(
            tape,
            states,
            self.outputs
                .iter()
                .map(|&output| eviction.shifted(output))
                .collect(),
        )
    }

    /// What could be dropped at the peak, the largest saving first.
    fn evictions(&self, states: &StateList) -> Vec<Eviction> {
        let gap = |range: &LiveRange| {
            let before = *range.touches.iter().find(|&&touch| touch >= self.at)?;
            (range.first() < self.at && before > self.at && before < self.tape.nodes().len())
                .then_some(before)
        };
        let mut found: Vec<Eviction> = self
            .live_ranges
            .iter()
            .filter_map(|(&owner, range)| self.eviction(owner, range, gap(range)?, states))
            .collect();
        found.retain(|eviction| eviction.saved * WORTH_SHARE >= self.peak.0);
        found.sort_by_key(|eviction| u64::MAX - eviction.saved);
        found
    }

    /// How the storage of `owner` could be made again before node `before`; `None` when that is
    /// impossible or saves nothing.
    fn eviction(
        &self,
        owner: usize,
        range: &LiveRange,
        before: usize,
        states: &StateList,
    ) -> Option<Eviction> {
        let nodes = self.tape.nodes();
        let later = nodes[before..]
            .iter()
            .flat_map(|node| &node.inputs)
            .filter(|input| self.owner(**input) == Some(owner));
        let mut pending: Vec<usize> = later
            .map(|var| var.0)
            .filter(|&value| value < before)
            .collect();
        let mut eviction = Eviction {
            values: BTreeSet::new(),
            before,
            saved: range.bytes,
        };
        let mut kept = HashSet::new();
        while let Some(value) = pending.pop() {
            if !eviction.values.insert(value) {
                continue;
            }
            if eviction.values.len() > MOST_REPEATED || !self.is_cheap(value) {
                return None;
            }
            for &input in &nodes[value].inputs {
                match (&nodes[input.0].source, self.owner(input)) {
                    (Source::State(id), _) if self.overwritten(*id, value..before, states) => {
                        return None;
                    }
                    (Source::State(_) | Source::Input(_), _) => {}
                    (Source::Op(_), None) => return None,
                    (Source::Op(_), Some(storage)) => {
                        let last = self.live_ranges.get(&storage)?.last();
                        if storage == owner || last < before && self.is_cheap(input.0) {
                            pending.push(input.0);
                        } else if last < self.at && kept.insert(storage) {
                            eviction.saved = eviction
                                .saved
                                .checked_sub(self.live_ranges.get(&storage)?.bytes)
                                .filter(|&saved| saved > 0)?;
                        }
                    }
                }
            }
        }
        Some(eviction)
    }

    /// Whether a node may be repeated: without effect, and little work.
    fn is_cheap(&self, node: usize) -> bool {
        self.op(node).is_some_and(|op| {
            !op.has_effect() && self.tape.macs(Var(node)) * CHEAP_SHARE <= self.macs
        })
    }

    /// Whether a state changes between two nodes.
    fn overwritten(
        &self,
        id: StateId,
        mut between: std::ops::Range<usize>,
        states: &StateList,
    ) -> bool {
        let arena = states.get(id).arena;
        between.any(|node| {
            let inputs = &self.tape.nodes()[node].inputs;
            let is_state = |&position: &usize| {
                let source = &self.tape.nodes()[inputs[position].0].source;
                matches!(source, Source::State(other) if *other == id)
            };
            self.op(node).is_some_and(|op| {
                op.updates_arena() == Some(arena) || op.overwrites().iter().any(is_state)
            })
        })
    }

    fn op(&self, node: usize) -> Option<&dyn Op> {
        match &self.tape.nodes()[node].source {
            Source::Op(op) => Some(op.as_ref()),
            _ => None,
        }
    }

    /// The storage of a value; `None` for one that lies in an arena.
    fn owner(&self, var: Var) -> Option<usize> {
        match self.places[var.0]?.storage {
            Storage::Node(owner) => Some(owner),
            Storage::Arena { .. } => None,
        }
    }
}
