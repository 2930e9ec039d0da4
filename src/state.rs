//! Floor 3: what outlives a program: parameters and running statistics, by name and shape.
//!
//! A [`StateList`] is plain data and needs no device. States lie in arenas, one contiguous range of
//! memory each: all parameters of a network in one (so that Adam covers them in few launches), its
//! running statistics in another.

use crate::tensor::{DType, F32_BYTES, Layout, Shape};

/// Every state starts at a multiple of this many bytes: twice the strictest offset alignment of any
/// device, so that a copy as f16, which lies at half the offset, is aligned as well.
const ALIGNMENT: u64 = 512;

/// A state by its position in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub(crate) usize);

/// An arena by its position in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArenaId(pub(crate) usize);

impl ArenaId {
    /// Position in the list.
    pub fn index(self) -> usize {
        self.0
    }
}

/// How a state starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f32),
    /// Independent normal draws.
    Normal {
        /// Mean.
        mean: f32,
        /// Standard deviation.
        std: f32,
    },
    /// A weight as a matrix with orthonormal rows, times `gain`. If there are fewer columns than
    /// rows, the columns are orthonormal instead.
    Orthogonal {
        /// Length of each row.
        gain: f32,
    },
}

/// One parameter or running statistic.
#[derive(Debug, Clone)]
pub struct StateSpec {
    /// Its identity.
    pub id: StateId,
    /// The reference's state-dict key, for example `model.model.0.weight`.
    pub name: String,
    /// Logical shape.
    pub shape: Shape,
    /// The arena that holds it.
    pub arena: ArenaId,
    /// First byte in the arena.
    pub offset: u64,
    /// How it starts.
    pub init: Init,
    /// Whether the reference stores this weight as a transposed convolution's (`[in, out, h, w]`
    /// instead of `[out, in, h, w]`).
    pub transposed: bool,
}

/// A contiguous range of states.
#[derive(Debug, Clone)]
pub struct ArenaSpec {
    /// For example `generator`.
    pub name: String,
    /// Whether it is trained, and has an optimiser's moments beside the values.
    pub trainable: bool,
    /// Whether a moving average of its values is kept while it is trained.
    pub averaged: bool,
    /// Size in bytes.
    pub bytes: u64,
    /// Its states in order.
    pub states: Vec<StateId>,
}

/// A range of an arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaRange {
    /// First byte in the arena.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// First byte of its copy where the ranges of a list lie side by side.
    pub packed: u64,
}

impl ArenaRange {
    /// The same in pieces of at most so many bytes.
    pub fn split(self, most: u64) -> impl Iterator<Item = Self> + Clone {
        let piece = move |start| Self {
            offset: self.offset + start,
            bytes: most.min(self.bytes - start),
            packed: self.packed + start,
        };
        (0..self.bytes.div_ceil(most)).map(move |i| piece(i * most))
    }
}

/// All states of a model.
#[derive(Debug, Clone)]
pub struct StateList {
    states: Vec<StateSpec>,
    arenas: Vec<ArenaSpec>,
    precision: DType,
    moments: usize,
}

impl Default for StateList {
    fn default() -> Self {
        Self::new(DType::F32)
    }
}

impl StateList {
    /// An empty list whose programs store activations, the weights of contractions and the
    /// gradients of parameters as `precision`. States themselves are f32; for f16 a trainable arena
    /// has a copy as f16 beside them.
    pub fn new(precision: DType) -> Self {
        Self {
            states: Vec::new(),
            arenas: Vec::new(),
            precision,
            moments: 2,
        }
    }

    /// Sets how many numbers, at most two, an optimiser keeps beside each trained one; without it
    /// there are Adam's two moments.
    pub fn set_moments(&mut self, moments: usize) {
        self.moments = moments.min(2);
    }

    /// Numbers that an optimiser keeps beside each trained one.
    pub fn moments(&self) -> usize {
        self.moments
    }

    /// How programs over these states store activations, the weights of contractions and the
    /// gradients of parameters.
    pub fn precision(&self) -> DType {
        self.precision
    }

    /// How contractions read a state: weights from the copy as f16, if there is one.
    pub fn read_as(&self, id: StateId) -> DType {
        match self.get(id).shape.layout() {
            Layout::Hwio if self.arenas[self.get(id).arena.0].trainable => self.precision,
            _ => DType::F32,
        }
    }

    /// An empty arena.
    pub fn arena(&mut self, name: &str, trainable: bool) -> ArenaId {
        self.arenas.push(ArenaSpec {
            name: name.to_owned(),
            trainable,
            averaged: false,
            bytes: 0,
            states: Vec::new(),
        });
        ArenaId(self.arenas.len() - 1)
    }

    /// Keeps a moving average of the values of `arena` while it is trained.
    pub fn average(&mut self, arena: ArenaId) {
        self.arenas[arena.0].averaged = true;
    }

    /// Adds a state to `arena`, which [`StateList::arena`] of the same list made. In memory all
    /// vectors lie in front of all weights, so a new vector moves the weights. With this order few
    /// [ranges](StateList::ranges) are left when some weights are left out.
    pub fn add(&mut self, arena: ArenaId, name: String, shape: Shape, init: Init) -> StateId {
        let id = StateId(self.states.len());
        self.states.push(StateSpec {
            id,
            name,
            shape,
            arena,
            offset: 0,
            init,
            transposed: false,
        });
        let spec = &mut self.arenas[arena.0];
        spec.states.push(id);
        let mut order = spec.states.clone();
        order.sort_by_key(|id| self.states[id.0].shape.layout() == Layout::Hwio);
        spec.bytes = 0;
        for id in order {
            let state = &mut self.states[id.0];
            state.offset = spec.bytes;
            spec.bytes = (spec.bytes + state.shape.bytes()).next_multiple_of(ALIGNMENT);
        }
        id
    }

    /// Marks a weight as that of a transposed convolution.
    pub fn mark_transposed(&mut self, id: StateId) {
        self.states[id.0].transposed = true;
    }

    /// Changes how a state starts.
    pub fn set_init(&mut self, id: StateId, init: Init) {
        self.states[id.0].init = init;
    }

    /// One state.
    pub fn get(&self, id: StateId) -> &StateSpec {
        &self.states[id.0]
    }

    /// One arena.
    pub fn get_arena(&self, id: ArenaId) -> &ArenaSpec {
        &self.arenas[id.0]
    }

    /// All states in order.
    pub fn states(&self) -> &[StateSpec] {
        &self.states
    }

    /// All arenas in order.
    pub fn arenas(&self) -> &[ArenaSpec] {
        &self.arenas
    }

    /// The states of one arena in order.
    pub fn in_arena(&self, arena: ArenaId) -> impl Iterator<Item = &StateSpec> {
        self.arenas[arena.0]
            .states
            .iter()
            .map(|&id| &self.states[id.0])
    }

    /// The ranges that are left of an arena without some of its states.
    pub fn ranges(&self, arena: ArenaId, without: &[StateId]) -> Vec<ArenaRange> {
        let mut gaps: Vec<&StateSpec> = without.iter().map(|&id| self.get(id)).collect();
        gaps.sort_by_key(|state| state.offset);
        let mut found = Vec::new();
        let [mut offset, mut packed] = [0; 2];
        let mut end_at = |end: u64, next: u64| {
            if end > offset {
                found.push(ArenaRange {
                    offset,
                    bytes: end - offset,
                    packed,
                });
                packed += end - offset;
            }
            offset = next;
        };
        for state in gaps {
            end_at(
                state.offset,
                (state.offset + state.shape.bytes()).next_multiple_of(ALIGNMENT),
            );
        }
        end_at(self.get_arena(arena).bytes, 0);
        found
    }

    /// The range of one state.
    pub fn range(&self, id: StateId) -> ArenaRange {
        let state = self.get(id);
        ArenaRange {
            offset: state.offset,
            bytes: state.shape.bytes(),
            packed: 0,
        }
    }

    /// The states of an arena in order, without those in `without`. Each comes with its first byte
    /// where the states that are left lie side by side.
    pub fn packed(&self, arena: ArenaId, without: &[StateId]) -> Vec<(&StateSpec, u64)> {
        let ranges = self.ranges(arena, without);
        let place = |offset: u64| {
            ranges
                .iter()
                .rev()
                .find(|s| s.offset <= offset)
                .map_or(0, |s| s.packed + offset - s.offset)
        };
        self.in_arena(arena)
            .filter(|state| !without.contains(&state.id))
            .map(|state| (state, place(state.offset)))
            .collect()
    }

    /// Position of `arena` among the trainable ones.
    pub fn trainable_index(&self, arena: ArenaId) -> usize {
        self.arenas[..arena.0]
            .iter()
            .filter(|arena| arena.trainable)
            .count()
    }

    /// Number of trained values, pad lanes not counted.
    pub fn parameter_count(&self, arena: ArenaId) -> usize {
        self.in_arena(arena).map(|state| state.shape.len()).sum()
    }

    /// Bytes of an arena with its moments, average and copy as f16.
    pub fn arena_bytes(&self, arena: &ArenaSpec) -> u64 {
        let half = if self.precision == DType::F16 {
            arena.bytes / 2
        } else {
            0
        };
        let beside = self.moments as u64 + u64::from(arena.averaged);
        if arena.trainable {
            (1 + beside) * arena.bytes + half
        } else {
            arena.bytes
        }
    }

    /// Bytes of all arenas with their moments and copies as f16.
    pub fn bytes(&self) -> u64 {
        self.arenas
            .iter()
            .map(|arena| self.arena_bytes(arena))
            .sum::<u64>()
            .next_multiple_of(F32_BYTES)
    }
}
