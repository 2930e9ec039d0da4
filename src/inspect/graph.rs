//! A planned program as data: every node that runs or is looked at, with what it costs.

use crate::program::{Plan, Storage, rows};
use crate::state::StateList;
use crate::tape::{ArenaPart, Node, Op, Source, Tape};
use crate::tensor::Shape;
use serde::Serialize;
use std::collections::HashMap;

/// Which part of a step a node belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// From images to outputs and losses.
    Forward,
    /// From a loss back to the parameters.
    Backward,
    /// The parameters change.
    Update,
}

impl Phase {
    /// Its name, as tables and drawings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Update => "update",
        }
    }
}

/// A node of a planned program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GraphNode {
    /// Its number on the tape.
    pub index: usize,
    /// The operation, or `input` or `state`.
    pub op: String,
    /// The layer that recorded it; empty where there is none.
    pub layer: String,
    /// The name of an input or of a state.
    pub name: Option<String>,
    /// Which part of a step it belongs to.
    pub phase: Phase,
    /// How many updates of a network come before it.
    pub pass: usize,
    /// The numbers of the nodes that it reads.
    pub inputs: Vec<usize>,
    /// The shape of its value, outermost first: `[batch, height, width, channels]`, or fewer.
    pub shape: Vec<usize>,
    /// The shape in words.
    pub shape_text: String,
    /// The largest shape that its launches write, where that is another one.
    #[serde(skip)]
    pub made_text: String,
    /// Where its value lies.
    pub storage: NodeStorage,
    /// The kernels that it launches, in order. A view launches none.
    pub kernels: Vec<String>,
    /// Floating-point operations of its sums of products: two for each multiply-accumulate.
    pub flops: u64,
    /// Bytes read and written, if every operand is touched once.
    pub bytes: u64,
    /// How long it took, where that was measured.
    pub milliseconds: Option<f64>,
}

/// Where the value of a node lies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeStorage {
    /// `buffer 3`, or an arena with its part, such as `generator values`.
    pub place: String,
    /// `f32` or `f16`.
    pub dtype: String,
    /// Bytes of the value itself.
    pub bytes: u64,
    /// The node whose memory it shares, if that is another one.
    pub shares: Option<usize>,
}

/// A planned program: its nodes in the order in which they run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Graph {
    /// The nodes. Those that nothing needs are left out.
    pub nodes: Vec<GraphNode>,
}

impl Graph {
    /// The graph of `plan`, whose tape was recorded over `states`.
    pub fn of(plan: &Plan, states: &StateList) -> Self {
        let launched: HashMap<usize, _> =
            rows(plan).into_iter().map(|row| (row.node, row)).collect();
        let phases = phases(&plan.tape);
        let node = |(index, node): (usize, &Node)| {
            let place = plan.places[index].as_ref()?;
            let row = launched.get(&index);
            let (phase, pass) = phases[index];
            Some(GraphNode {
                index,
                op: node.name().to_owned(),
                layer: node.scope.to_string(),
                name: match &node.source {
                    Source::Input(name) => Some(name.clone()),
                    Source::State(id) => Some(states.get(*id).name.clone()),
                    Source::Op(_) => None,
                },
                phase,
                pass,
                inputs: node.inputs.iter().map(|input| input.0).collect(),
                shape: sides(node.shape),
                shape_text: node.shape.to_string(),
                made_text: row.map_or(node.shape, |row| row.shape).to_string(),
                storage: storage(plan, states, index, place),
                kernels: row.map_or_else(Vec::new, |row| row.kernels.clone()),
                flops: row.map_or(0, |row| 2 * row.macs),
                bytes: row.map_or(0, |row| row.bytes),
                milliseconds: None,
            })
        };
        Self {
            nodes: plan
                .tape
                .nodes()
                .iter()
                .enumerate()
                .filter_map(node)
                .collect(),
        }
    }

    /// The same with measured times, as `Program::time_operations` gives them: seconds by node.
    pub fn timed(mut self, seconds: &[(usize, f64)]) -> Self {
        let seconds: HashMap<usize, f64> = seconds.iter().copied().collect();
        for node in &mut self.nodes {
            node.milliseconds = seconds.get(&node.index).map(|seconds| seconds * 1e3);
        }
        self
    }
}

/// The sides of a shape, outermost first.
fn sides(shape: Shape) -> Vec<usize> {
    let text = shape.to_string();
    let digits = text.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|part| part.parse().ok()).collect()
}

fn storage(
    plan: &Plan,
    states: &StateList,
    index: usize,
    place: &crate::program::Place,
) -> NodeStorage {
    let (text, shares) = match place.storage {
        Storage::Node(owner) => (
            plan.buffer_of
                .get(&owner)
                .map_or_else(|| "none".to_owned(), |buffer| format!("buffer {buffer}")),
            (owner != index).then_some(owner),
        ),
        Storage::Arena { arena, part, .. } => (
            format!("{} {}", states.get_arena(arena).name, part_name(part)),
            None,
        ),
    };
    NodeStorage {
        place: text,
        dtype: place.operand.dtype.to_string(),
        bytes: place.operand.bytes(),
        shares,
    }
}

fn part_name(part: ArenaPart) -> &'static str {
    match part {
        ArenaPart::Value => "values",
        ArenaPart::Half => "values as f16",
        ArenaPart::Gradient => "gradients",
        ArenaPart::Moment1 => "first moments",
        ArenaPart::Moment2 => "second moments",
        ArenaPart::Average => "moving averages",
    }
}

/// For each node its phase, and how many updates of a network come before it. What is made from a
/// gradient counts as backward.
fn phases(tape: &Tape) -> Vec<(Phase, usize)> {
    let mut found: Vec<(Phase, usize)> = Vec::with_capacity(tape.nodes().len());
    let mut updates = 0;
    for node in tape.nodes() {
        let from_gradient = node
            .inputs
            .iter()
            .any(|input| found[input.0].0 == Phase::Backward);
        let phase = match &node.source {
            Source::Op(op) if is_update(op.as_ref()) => Phase::Update,
            Source::Op(op) if from_gradient || starts_backward(tape, node, op.as_ref()) => {
                Phase::Backward
            }
            _ => Phase::Forward,
        };
        found.push((phase, updates));
        let updates_network =
            matches!(&node.source, Source::Op(op) if op.updates_arena().is_some());
        updates += usize::from(updates_network);
    }
    found
}

fn is_update(op: &dyn Op) -> bool {
    op.updates_arena().is_some() || matches!(op.name(), "ema" | "ema_swap")
}

/// Whether an operation is the first of a way back: the gradient of a loss by itself, or the
/// derivative that a loss writes beside its value.
fn starts_backward(tape: &Tape, node: &Node, op: &dyn Op) -> bool {
    let maker = |node: &Node| {
        node.inputs
            .first()
            .map(|input| tape.nodes()[input.0].name())
    };
    match op.name() {
        "fill" | "loss_scale" => true,
        "byproduct" => maker(node).is_some_and(is_loss_with_derivative),
        name if is_loss_with_derivative(name) => false,
        name => name.contains("backward") || name.contains("_grad") || op.is_gradient(),
    }
}

/// Whether this is a loss that writes its derivative as well.
fn is_loss_with_derivative(name: &str) -> bool {
    name.ends_with("+backward")
}
