//! The memory plan: which planned buffer each storage gets, from its first writing to its last
//! reading.
//!
//! Two storages share a buffer only when their live ranges do not touch, so an operation's input
//! and output never do. Nothing here needs a device.

use super::ProgramError;
use super::fuse::fuse;
use super::liveness::{LiveRange, liveness};
use super::own::is_own;
use super::place::{Place, Places, byproducts, describe, gradient_bytes, live_nodes, place_values};
use crate::contraction::Choice;
use crate::gpu::{KernelSpec, Profile};
use crate::ops;
use crate::state::{ArenaId, StateId, StateList};
use crate::tape::{Dispatch, LowerContext, Operand, Slot};
use crate::tape::{Source, Tape, Var};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A node that launches kernels.
#[derive(Debug, Clone)]
pub struct PlannedNode {
    /// Number of the node on the tape.
    pub node: usize,
    /// Its launches.
    pub dispatches: Vec<Dispatch>,
    /// The numbers of the values that they write beside the node's own.
    pub byproducts: Vec<Option<Var>>,
    /// Bytes of scratch that its launches share.
    pub scratch_bytes: u64,
    /// The choice of a contraction's kernel.
    pub choice: Option<Choice>,
}

impl PlannedNode {
    /// The values that the launches write.
    pub fn written(&self) -> impl Iterator<Item = Var> {
        let binds = |slot: Slot| {
            self.dispatches
                .iter()
                .any(|dispatch| dispatch.slots.contains(&slot))
        };
        let own = binds(Slot::Output).then_some(Var(self.node));
        own.into_iter()
            .chain(self.byproducts.iter().flatten().copied())
    }
}

/// A tape as launches over planned buffers.
#[derive(Debug)]
pub struct Plan {
    /// The tape that is planned: as recorded, or as fusion left it.
    pub tape: Tape,
    /// Launches in order.
    pub steps: Vec<PlannedNode>,
    /// Place of each live value by node number.
    pub places: Vec<Option<Place>>,
    /// The planned buffer of each storage, by owning node.
    pub buffer_of: HashMap<usize, usize>,
    /// Size of each planned buffer in bytes.
    pub buffers: Vec<u64>,
    /// Bytes of the gradients of each arena that are kept until its optimiser runs; no entry where
    /// there are none.
    pub gradients: HashMap<ArenaId, u64>,
    /// Size of the one buffer that every operation with a scratch uses in its turn; 0 when none
    /// has one.
    pub scratch_bytes: u64,
    /// Bytes that the values would take if no buffer were used twice.
    pub unshared_bytes: u64,
}

impl Plan {
    /// Every kernel once, in the order of their first launch.
    pub fn kernels(&self) -> Vec<KernelSpec> {
        let mut seen = HashSet::new();
        let all = self
            .steps
            .iter()
            .flat_map(|step| &step.dispatches)
            .map(|dispatch| &dispatch.kernel);
        all.filter(|kernel| seen.insert(*kernel)).cloned().collect()
    }

    /// Plans `tape`, fused if the profile says so, such that `outputs` can be read after a run.
    ///
    /// # Errors
    /// [`ProgramError::TooLarge`] and [`ProgramError::Gradient`].
    pub fn new(
        tape: &Tape,
        states: &StateList,
        outputs: &[Var],
        profile: &Profile,
    ) -> Result<Self, ProgramError> {
        let tape = if profile.fusion {
            fuse(tape, states, outputs)
        } else {
            tape.clone()
        };
        let live = live_nodes(&tape, outputs);
        let places = place_values(&tape, states, &live)?;
        check_sizes(&tape, &places.places, profile)?;
        let steps = lower(&tape, states, &live, &places, profile);
        let gradients = gradient_bytes(&tape, states, &live);
        let Places { places, .. } = places;
        let live_ranges = liveness(&tape, &places, &live, outputs);
        let (buffer_of, buffers) = share(&live_ranges);
        let scratch_bytes = steps
            .iter()
            .map(|step| step.scratch_bytes)
            .max()
            .unwrap_or(0);
        let unshared_bytes = live_ranges.values().map(|range| range.bytes).sum();
        Ok(Self {
            tape,
            steps,
            places,
            buffer_of,
            buffers,
            gradients,
            scratch_bytes,
            unshared_bytes,
        })
    }

    /// Bytes of all planned buffers, without the scratch.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().sum()
    }

    /// The choices of kernels, each contraction once.
    pub fn choices(&self) -> Vec<Choice> {
        let mut seen = HashSet::new();
        self.steps
            .iter()
            .filter_map(|step| step.choice.clone())
            .filter(|choice| seen.insert(choice.key))
            .collect()
    }

    /// The parameters of all launches, each at an offset that the device can bind, and these
    /// offsets.
    pub fn uniforms(&self, profile: &Profile) -> (Vec<u8>, Vec<u64>) {
        let alignment = profile.offset_alignment as usize;
        let mut bytes = Vec::new();
        let mut offsets = Vec::new();
        for dispatch in self.steps.iter().flat_map(|step| &step.dispatches) {
            bytes.resize(bytes.len().next_multiple_of(alignment), 0);
            offsets.push(bytes.len() as u64);
            bytes.extend(&dispatch.params);
        }
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        (bytes, offsets)
    }

    /// The states of `arena` whose gradient its optimiser makes itself; `None` where nothing
    /// updates the arena.
    pub fn without_gradient(&self, arena: ArenaId) -> Option<Vec<StateId>> {
        self.tape
            .nodes()
            .iter()
            .find_map(|node| match &node.source {
                Source::Op(op) if op.updates_arena() == Some(arena) => Some(op.without_gradient()),
                _ => None,
            })
    }

    /// Number of launches.
    pub fn dispatches(&self) -> usize {
        self.steps.iter().map(|step| step.dispatches.len()).sum()
    }
}

/// The launches of every live node that is no view of another value's memory.
fn lower(
    tape: &Tape,
    states: &StateList,
    live: &[bool],
    Places { places, views }: &Places,
    profile: &Profile,
) -> Vec<PlannedNode> {
    let operand = |var: &Var| places[var.0].map(|place| place.operand);
    let mut byproducts = byproducts(tape, live);
    let mut steps = Vec::new();
    for (index, node) in tape
        .nodes()
        .iter()
        .enumerate()
        .filter(|(index, _)| live[*index] && !views.contains(index))
    {
        let (Source::Op(op), Some(output)) = (&node.source, places[index]) else {
            continue;
        };
        if op.byproduct().is_some() {
            continue;
        }
        let inputs: Vec<Operand> = node.inputs.iter().filter_map(operand).collect();
        let made = byproducts.remove(&index).unwrap_or_default();
        let beside: Vec<Option<Operand>> = made
            .iter()
            .map(|value| value.as_ref().and_then(operand))
            .collect();
        let context = LowerContext {
            inputs: &inputs,
            output: output.operand,
            byproducts: &beside,
            profile,
            states,
        };
        let (lowered, choice) = match ops::contraction(op.as_ref()) {
            Some(contraction) => {
                let (lowered, choice) = contraction.lower_chosen(&context);
                (lowered, Some(choice))
            }
            None => (op.lower(&context), None),
        };
        let is_own = is_own(op.as_ref());
        let unchecked = |dispatch: Dispatch| Dispatch {
            kernel: dispatch.kernel.unchecked(is_own),
            ..dispatch
        };
        steps.push(PlannedNode {
            node: index,
            dispatches: lowered.dispatches.into_iter().map(unchecked).collect(),
            byproducts: made,
            choice,
            scratch_bytes: lowered.scratch_bytes,
        });
    }
    steps
}

fn check_sizes(
    tape: &Tape,
    places: &[Option<Place>],
    profile: &Profile,
) -> Result<(), ProgramError> {
    let allowed = profile.max_binding_bytes.min(profile.max_buffer_bytes);
    let sizes = tape
        .nodes()
        .iter()
        .zip(places)
        .filter_map(|(node, place)| Some((node, place.as_ref()?.operand.bytes())));
    let too_large = sizes.into_iter().find(|&(_, bytes)| bytes > allowed);
    too_large.map_or(Ok(()), |(node, bytes)| {
        Err(ProgramError::TooLarge {
            op: describe(node),
            shape: node.shape,
            bytes,
            allowed,
        })
    })
}

/// Gives each storage a buffer, the largest storages first. Each takes the smallest buffer that is
/// free during its live range. That buffer is large enough, because it was made for a larger
/// storage. Returns the buffer of each storage and the size of each buffer.
fn share(live_ranges: &BTreeMap<usize, LiveRange>) -> (HashMap<usize, usize>, Vec<u64>) {
    let mut order: Vec<(usize, &LiveRange)> = live_ranges
        .iter()
        .map(|(&owner, range)| (owner, range))
        .collect();
    order.sort_by_key(|(owner, range)| (u64::MAX - range.bytes, range.first(), *owner));
    let mut buffer_of = HashMap::new();
    let mut sizes = Vec::new();
    let mut tenants: Vec<Vec<&LiveRange>> = Vec::new();
    for (owner, range) in order {
        let is_free = |buffer: &usize| {
            tenants[*buffer]
                .iter()
                .all(|other| other.last() < range.first() || range.last() < other.first())
        };
        let buffer = (0..sizes.len()).rev().find(is_free).unwrap_or_else(|| {
            sizes.push(range.bytes);
            tenants.push(Vec::new());
            sizes.len() - 1
        });
        tenants[buffer].push(range);
        buffer_of.insert(owner, buffer);
    }
    (buffer_of, sizes)
}
