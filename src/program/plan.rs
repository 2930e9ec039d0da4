//! The memory plan: which planned buffer each storage gets, from when it is first written to when it is last read.
//!
//! Two storages share a buffer only when their lives do not touch, so an operation's input and output never do. Buffers grow to
//! the largest storage that they are given; nothing here needs a device.

use super::ProgramError;
use super::place::{Place, Places, Storage, describe, live_nodes, place_values};
use crate::gpu::Profile;
use crate::ops::{Dispatch, LowerContext, Operand};
use crate::state::StateList;
use crate::tape::{Source, Tape, Var};
use std::collections::HashMap;

/// A node that launches kernels.
#[derive(Debug, Clone)]
pub struct Step {
    /// Number of the node on the tape.
    pub node: usize,
    /// Its launches.
    pub dispatches: Vec<Dispatch>,
    /// The planned buffer of its workspace.
    pub workspace: Option<usize>,
}

/// A tape as launches over planned buffers.
#[derive(Debug)]
pub struct Plan {
    /// Launches in order.
    pub steps: Vec<Step>,
    /// Place of each live value by node number.
    pub places: Vec<Option<Place>>,
    /// The planned buffer of each storage, by owning node.
    pub buffer_of: HashMap<usize, usize>,
    /// Size of each planned buffer in bytes.
    pub buffers: Vec<u64>,
    /// What the values would take if no buffer were used twice.
    pub unshared_bytes: u64,
}

/// A storage's life in node numbers, both ends included.
#[derive(Debug, Clone, Copy)]
struct Life {
    first: usize,
    last: usize,
    bytes: u64,
}

impl Plan {
    /// Plans `tape` so that `outputs` can be read after a run.
    ///
    /// # Errors
    /// [`ProgramError::TooLarge`] and [`ProgramError::Gradient`].
    pub fn new(tape: &Tape, states: &StateList, outputs: &[Var], profile: &Profile) -> Result<Self, ProgramError> {
        let live = live_nodes(tape, outputs);
        let Places { places, views } = place_values(tape, states, &live)?;
        check_sizes(tape, &live, profile)?;
        let mut steps = Vec::new();
        let mut workspaces = Vec::new();
        for (index, node) in tape.nodes().iter().enumerate().filter(|(index, _)| live[*index] && !views.contains(index)) {
            let (Source::Op(op), Some(output)) = (&node.source, places[index]) else { continue };
            let inputs: Vec<Operand> = node.inputs.iter().filter_map(|input| places[input.0]).map(|place| place.operand).collect();
            let lowered = op.lower(&LowerContext { inputs: &inputs, output: output.operand, profile, states });
            workspaces.push(lowered.workspace_bytes);
            steps.push(Step { node: index, dispatches: lowered.dispatches, workspace: None });
        }
        let lives = lives(tape, &places, &live, outputs);
        let mut pool = Pool::default();
        let buffer_of = pool.assign(&lives, &mut steps, &workspaces);
        let unshared_bytes = lives.values().map(|life| life.bytes).sum::<u64>() + workspaces.iter().sum::<u64>();
        Ok(Self { steps, places, buffer_of, buffers: pool.sizes, unshared_bytes })
    }

    /// Bytes of all planned buffers.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().sum()
    }

    /// Number of launches.
    pub fn dispatches(&self) -> usize {
        self.steps.iter().map(|step| step.dispatches.len()).sum()
    }
}

fn check_sizes(tape: &Tape, live: &[bool], profile: &Profile) -> Result<(), ProgramError> {
    let allowed = profile.max_binding_bytes.min(profile.max_buffer_bytes);
    let too_large = tape.nodes().iter().zip(live).find(|(node, live)| **live && node.shape.bytes() > allowed);
    too_large.map_or(Ok(()), |(node, _)| {
        Err(ProgramError::TooLarge { op: describe(node), shape: node.shape, bytes: node.shape.bytes(), allowed })
    })
}

/// Life of each planned storage. Inputs live from the start, since the host writes them before a run, and like outputs to the end.
fn lives(tape: &Tape, places: &[Option<Place>], live: &[bool], outputs: &[Var]) -> HashMap<usize, Life> {
    let end = tape.nodes().len();
    let mut lives: HashMap<usize, Life> = HashMap::new();
    let mut touch = |var: Var, at: usize| {
        if let Some(Place { storage: Storage::Node(owner), .. }) = places[var.0] {
            let bytes = tape.nodes()[owner].shape.bytes();
            let life = lives.entry(owner).or_insert(Life { first: at, last: at, bytes });
            life.first = life.first.min(at);
            life.last = life.last.max(at);
        }
    };
    for (index, node) in tape.nodes().iter().enumerate().filter(|&(index, _)| live[index]) {
        touch(Var(index), index);
        node.inputs.iter().for_each(|&input| touch(input, index));
        if matches!(node.source, Source::Input(_)) {
            touch(Var(index), 0);
            touch(Var(index), end);
        }
    }
    outputs.iter().for_each(|&output| touch(output, end));
    lives
}

/// Buffers by size, each free from some node on.
#[derive(Default)]
struct Pool {
    sizes: Vec<u64>,
    busy_until: Vec<usize>,
}

impl Pool {
    /// Gives each storage a buffer in the order of first writing, and each workspace one for its node.
    fn assign(&mut self, lives: &HashMap<usize, Life>, steps: &mut [Step], workspaces: &[u64]) -> HashMap<usize, usize> {
        let mut order: Vec<(usize, Life)> = lives.iter().map(|(&owner, &life)| (owner, life)).collect();
        order.sort_by_key(|&(owner, life)| (life.first, owner));
        let mut order = order.into_iter().peekable();
        let mut buffer_of = HashMap::new();
        for (step, &workspace) in steps.iter_mut().zip(workspaces) {
            while let Some((owner, life)) = order.next_if(|&(_, life)| life.first <= step.node) {
                buffer_of.insert(owner, self.take(life));
            }
            if workspace > 0 {
                step.workspace = Some(self.take(Life { first: step.node, last: step.node, bytes: workspace }));
            }
        }
        for (owner, life) in order {
            buffer_of.insert(owner, self.take(life));
        }
        buffer_of
    }

    /// The smallest free buffer that is large enough; else the largest free one, grown; else a new one.
    fn take(&mut self, life: Life) -> usize {
        let free = (0..self.sizes.len()).filter(|&i| self.busy_until[i] < life.first);
        let best = free.min_by_key(|&i| match self.sizes[i] >= life.bytes {
            true => (0, self.sizes[i]),
            false => (1, u64::MAX - self.sizes[i]),
        });
        let buffer = best.unwrap_or_else(|| {
            self.sizes.push(0);
            self.busy_until.push(0);
            self.sizes.len() - 1
        });
        self.sizes[buffer] = self.sizes[buffer].max(life.bytes);
        self.busy_until[buffer] = life.last;
        buffer
    }
}
