//! Where values live. Views are resolved, concatenations are written in place, and gradients are
//! put into their arena.
//!
//! A value's storage is either a planned buffer, named by the node that owns it, or a range of an
//! arena. Detach and aligned channel slices share their input's storage. A concatenation owns one
//! storage that its operands' producers write into, when each operand starts at a multiple of four
//! channels, goes into one concatenation only, and its producer does not read that same storage.

use super::ProgramError;
use crate::state::{ArenaId, StateId, StateList};
use crate::tape::{ArenaPart, Op, Operand, View};
use crate::tape::{Node, Source, Tape, Var};
use crate::tensor::DType;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The memory that a value lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Storage {
    /// A planned buffer; the number is the node that owns it.
    Node(usize),
    /// A state, or a gradient on its way to the optimiser.
    Arena {
        /// Which arena.
        arena: ArenaId,
        /// Which part.
        part: ArenaPart,
        /// First byte.
        offset: u64,
    },
}

/// A value's storage and its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The memory.
    pub storage: Storage,
    /// Shape, type, offset and stride for kernels.
    pub operand: Operand,
}

/// The place of each live value, and the nodes that need no dispatch because they are views.
#[derive(Debug, Default)]
pub struct Places {
    /// By node number; `None` for dead nodes.
    pub places: Vec<Option<Place>>,
    /// Nodes without dispatches.
    pub views: HashSet<usize>,
}

/// Layer and operation of a node, for messages.
pub fn describe(node: &Node) -> String {
    if node.scope.is_empty() {
        node.name().to_owned()
    } else {
        format!("{}: {}", node.scope, node.name())
    }
}

/// For each node the numbers of the values that its launches write beside its own; `None` for dead
/// nodes.
pub fn byproducts(tape: &Tape, live: &[bool]) -> HashMap<usize, Vec<Option<Var>>> {
    let mut found: HashMap<usize, Vec<Option<Var>>> = HashMap::new();
    for (index, node) in tape
        .nodes()
        .iter()
        .enumerate()
        .filter(|&(index, _)| live[index])
    {
        if let (Some(number), Some(maker)) =
            (op_of(node).and_then(Op::byproduct), node.inputs.first())
        {
            let values = found.entry(maker.0).or_default();
            values.resize(values.len().max(number + 1), None);
            values[number] = Some(Var(index));
        }
    }
    found
}

/// Nodes that must run: those that the outputs or a state change depend on.
pub fn live_nodes(tape: &Tape, outputs: &[Var]) -> Vec<bool> {
    let nodes = tape.nodes();
    let mut live = vec![false; nodes.len()];
    for output in outputs {
        live[output.0] = true;
    }
    for index in (0..nodes.len()).rev() {
        if matches!(&nodes[index].source, Source::Op(op) if op.has_effect()) {
            live[index] = true;
        }
        if live[index] {
            for input in &nodes[index].inputs {
                live[input.0] = true;
            }
        }
    }
    live
}

/// Finds a place for every live value.
///
/// # Errors
/// [`ProgramError::Gradient`].
pub fn place_values(
    tape: &Tape,
    states: &StateList,
    live: &[bool],
) -> Result<Places, ProgramError> {
    let dtypes = dtypes(tape, states);
    let gradients = claim_gradients(tape, states, live, &dtypes)?;
    let mut copied = HashSet::new();
    loop {
        let concats = claim_concats(tape, live, &gradients, &copied);
        let places = resolve(tape, states, live, &dtypes, &gradients, &concats);
        match conflicting_concat(tape, &places, &concats) {
            None => return Ok(places),
            Some(concat) => copied.insert(concat),
        };
    }
}

fn op_of(node: &Node) -> Option<&dyn Op> {
    match &node.source {
        Source::Op(op) => Some(op.as_ref()),
        _ => None,
    }
}

/// How each value is stored. Only this function decides it.
fn dtypes(tape: &Tape, states: &StateList) -> Vec<DType> {
    let nodes = tape.nodes();
    let mut found: Vec<DType> = Vec::with_capacity(nodes.len());
    for node in nodes {
        found.push(match &node.source {
            Source::Input(_) => states.precision(),
            Source::State(id) => states.read_as(*id),
            Source::Op(op) if op.is_gradient() => ArenaPart::Gradient.dtype(states.precision()),
            Source::Op(op) if op.is_precise() => DType::F32,
            Source::Op(op) => {
                let maker = if op.byproduct().is_some() {
                    &nodes[node.inputs[0].0]
                } else {
                    node
                };
                maker
                    .inputs
                    .first()
                    .map_or(DType::F32, |input| found[input.0])
            }
        });
    }
    found
}

/// Bytes of the gradients that an optimiser reads, for each arena that has any.
pub fn gradient_bytes(tape: &Tape, states: &StateList, live: &[bool]) -> HashMap<ArenaId, u64> {
    let mut found: HashMap<ArenaId, u64> = HashMap::new();
    for op in tape
        .nodes()
        .iter()
        .zip(live)
        .filter_map(|(node, &live)| op_of(node).filter(|_| live))
    {
        let Some(arena) = op.updates_arena() else {
            continue;
        };
        let bytes = states
            .ranges(arena, &op.without_gradient())
            .iter()
            .map(|range| range.bytes)
            .sum();
        let known = found.entry(arena).or_default();
        *known = ArenaPart::Gradient
            .bytes(bytes, states.precision())
            .max(*known);
    }
    found.retain(|_, bytes| *bytes > 0);
    found
}

/// Each gradient that an optimiser reads gets a range in the gradient part of the arena.
fn claim_gradients(
    tape: &Tape,
    states: &StateList,
    live: &[bool],
    dtypes: &[DType],
) -> Result<HashMap<Var, Storage>, ProgramError> {
    let mut claims = HashMap::new();
    for (index, node) in tape
        .nodes()
        .iter()
        .enumerate()
        .filter(|&(index, _)| live[index])
    {
        let Some(op) = op_of(node) else { continue };
        let Some(arena) = op.updates_arena() else {
            continue;
        };
        let without = op.without_gradient();
        let expected = states.get_arena(arena).states.len() - without.len();
        let fail = |position, what| ProgramError::Gradient {
            op: describe(&tape.nodes()[index]),
            position,
            what,
            states: expected,
        };
        if node.inputs.len() != expected + 2 * without.len() {
            return Err(fail(node.inputs.len(), "one too many or missing"));
        }
        let taken = states.packed(arena, &without);
        for (position, (&gradient, (state, offset))) in node.inputs.iter().zip(taken).enumerate() {
            let producer = &tape.nodes()[gradient.0];
            if op_of(producer).is_none_or(|op| op.view().is_some()) {
                return Err(fail(position, "not the result of a computation"));
            }
            if producer.shape != state.shape {
                return Err(fail(position, "of another shape than its state"));
            }
            let (part, precision) = (ArenaPart::Gradient, states.precision());
            if dtypes[gradient.0] != part.dtype(precision) {
                return Err(fail(
                    position,
                    "stored as f32 where the states' gradients are f16",
                ));
            }
            let storage = Storage::Arena {
                arena,
                part,
                offset: part.bytes(offset, precision),
            };
            if claims.insert(gradient, storage).is_some() {
                return Err(fail(position, "used twice"));
            }
        }
    }
    Ok(claims)
}

/// For each operand that is written straight into a concatenation: that concatenation and its first
/// channel there.
fn claim_concats(
    tape: &Tape,
    live: &[bool],
    gradients: &HashMap<Var, Storage>,
    copied: &HashSet<usize>,
) -> BTreeMap<Var, (usize, usize)> {
    let mut claims: BTreeMap<Var, (usize, usize)> = BTreeMap::new();
    for (index, node) in tape
        .nodes()
        .iter()
        .enumerate()
        .filter(|(index, _)| live[*index] && !copied.contains(index))
    {
        if op_of(node).and_then(Op::view) != Some(View::Concat)
            || gradients.contains_key(&Var(index))
        {
            continue;
        }
        let starts = node.inputs.iter().scan(0, |start, &input| {
            let here = *start;
            *start += tape.shape(input).channels();
            Some(here)
        });
        let parts: Vec<(Var, usize)> = node.inputs.iter().copied().zip(starts).collect();
        let fits = |&(input, start): &(Var, usize)| {
            let fresh = op_of(&tape.nodes()[input.0]).is_some_and(|op| op.view().is_none());
            let uses = parts.iter().filter(|part| part.0 == input).count();
            start % 4 == 0
                && fresh
                && uses == 1
                && !claims.contains_key(&input)
                && !gradients.contains_key(&input)
        };
        if parts.iter().all(fits) {
            claims.extend(
                parts
                    .into_iter()
                    .map(|(input, start)| (input, (index, start))),
            );
        }
    }
    claims
}

fn resolve(
    tape: &Tape,
    states: &StateList,
    live: &[bool],
    dtypes: &[DType],
    gradients: &HashMap<Var, Storage>,
    concats: &BTreeMap<Var, (usize, usize)>,
) -> Places {
    let nodes = tape.nodes();
    let in_place: HashSet<usize> = concats.values().map(|&(concat, _)| concat).collect();
    let mut found = Places {
        places: vec![None; nodes.len()],
        views: HashSet::new(),
    };
    for (index, node) in nodes.iter().enumerate().filter(|&(index, _)| live[index]) {
        let first_input = node.inputs.first().and_then(|input| found.places[input.0]);
        let dense = Operand::stored(node.shape, dtypes[index]);
        let own = Place {
            storage: Storage::Node(index),
            operand: dense,
        };
        let (gradient, concat) = (gradients.get(&Var(index)), concats.get(&Var(index)));
        let place = match (&node.source, gradient, concat) {
            (Source::State(id), ..) => Place {
                storage: state_storage(states, *id, dtypes[index]),
                operand: dense,
            },
            (_, Some(&storage), _) => Place {
                storage,
                operand: dense,
            },
            (_, _, Some(&(concat, start))) => Place {
                storage: Storage::Node(concat),
                operand: Operand {
                    offset: start as u32 / 4,
                    stride: nodes[concat].shape.channels4() as u32,
                    ..dense
                },
            },
            (Source::Op(op), ..) => match (op.view(), first_input) {
                (Some(View::Concat), _) if in_place.contains(&index) => own,
                (Some(view), Some(input)) => view_of(view, input, dense).unwrap_or(own),
                _ => own,
            },
            _ => own,
        };
        let is_view =
            place.storage != Storage::Node(index) && gradient.is_none() && concat.is_none();
        if matches!(node.source, Source::Op(_)) && (is_view || in_place.contains(&index)) {
            found.views.insert(index);
        }
        found.places[index] = Some(place);
    }
    found
}

/// Where a state is read from, stored as `dtype`.
fn state_storage(states: &StateList, id: StateId, dtype: DType) -> Storage {
    let state = states.get(id);
    let part = if dtype == DType::F16 {
        ArenaPart::Half
    } else {
        ArenaPart::Value
    };
    Storage::Arena {
        arena: state.arena,
        part,
        offset: part.bytes(state.offset, states.precision()),
    }
}

/// The place of a view of `input` whose own storage would be `dense`; `None` where it needs one.
fn view_of(view: View, input: Place, dense: Operand) -> Option<Place> {
    match view {
        View::Alias => Some(input),
        View::Slice { start } if is_aligned(start, dense.shape.channels(), input.operand) => {
            let operand = Operand {
                offset: input.operand.offset + start as u32 / 4,
                stride: input.operand.stride,
                ..dense
            };
            Some(Place { operand, ..input })
        }
        View::Images { start } => {
            let operand = input.operand.images(start, dense.shape.batch());
            Some(Place { operand, ..input })
        }
        _ => None,
    }
}

/// A slice is a view if it starts on a `vec4` and its last `vec4` holds no channel of a neighbour.
fn is_aligned(start: usize, channels: usize, input: Operand) -> bool {
    start.is_multiple_of(4)
        && (channels.is_multiple_of(4) || start + channels == input.shape.channels())
}

/// A concatenation that cannot be written in place. One of its operands is computed from the
/// storage that it would be written into, or by the same launch as another operand.
fn conflicting_concat(
    tape: &Tape,
    places: &Places,
    concats: &BTreeMap<Var, (usize, usize)>,
) -> Option<usize> {
    let storage = |var: &Var| places.places[var.0].map(|place| place.storage);
    let is_byproduct = |node: &Node| op_of(node).and_then(Op::byproduct).is_some();
    let maker = |var: Var| match &tape.nodes()[var.0] {
        node if is_byproduct(node) => node.inputs[0],
        _ => var,
    };
    concats.iter().find_map(|(&operand, &(concat, _))| {
        let maker_of_it = maker(operand);
        let is_read = tape.nodes()[maker_of_it.0]
            .inputs
            .iter()
            .any(|input| storage(input) == Some(Storage::Node(concat)));
        let is_beside = |(&other, &(into, _))| {
            other != operand && into == concat && maker(other) == maker_of_it
        };
        (is_read || concats.iter().any(is_beside)).then_some(concat)
    })
}
