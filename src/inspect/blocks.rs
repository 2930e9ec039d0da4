//! The nodes of a graph as blocks: those of one layer in one phase of a step.

use super::graph::{Graph, GraphNode, Phase};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The nodes of a layer in one phase, or neighbours that belong to no layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// What it is called: the layer without its network, or what its operations are.
    pub title: String,
    /// The network, such as `generator`; empty for nodes of no layer.
    pub network: String,
    /// The layer; empty for nodes of no layer.
    pub layer: String,
    /// Its phase.
    pub phase: Phase,
    /// How many updates of a network come before it.
    pub pass: usize,
    /// Its nodes, by their place in [`Graph::nodes`].
    pub nodes: Vec<usize>,
    /// The same without what only holds a value: states.
    pub operations: Vec<usize>,
    /// The one whose value the next block reads. Where none does it is the last one, but for the
    /// end of a way back.
    pub result: Option<usize>,
}

/// What kind of way leads from a block to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// A value that the next blocks compute with.
    Flow,
    /// A value of the way forward that is kept for the way back.
    Kept,
    /// A gradient on its way to the optimiser.
    Gradient,
}

/// A way from one block to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The block that makes the value.
    pub from: usize,
    /// The block that reads it.
    pub to: usize,
    /// What it carries.
    pub kind: EdgeKind,
}

/// A graph in blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    /// In the order of their first operations.
    pub blocks: Vec<Block>,
    /// Each once.
    pub edges: Vec<Edge>,
}

/// What nodes of one block have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Images,
    Layer(Phase, usize, String),
    /// Losses and what watches them.
    Losses(usize),
    /// Neighbours of no layer; the number counts runs of them.
    Run(Phase, usize, usize),
}

impl Blocks {
    /// The blocks of `graph`.
    pub fn of(graph: &Graph) -> Self {
        let keys = keys(&graph.nodes);
        let mut found: HashMap<&Key, usize> = HashMap::new();
        let mut blocks: Vec<Block> = Vec::new();
        let mut of_node = vec![None; graph.nodes.len()];
        for (at, (node, key)) in graph.nodes.iter().zip(&keys).enumerate() {
            let Some(key) = key else { continue };
            let block = *found.entry(key).or_insert_with(|| {
                blocks.push(Block::empty(node, key));
                blocks.len() - 1
            });
            blocks[block].nodes.push(at);
            if node.op != "state" {
                blocks[block].operations.push(at);
            }
            of_node[at] = Some(block);
        }
        let read = read_elsewhere(&graph.nodes, &of_node);
        for block in &mut blocks {
            block.title = title(block, &graph.nodes);
            let mut last = block.operations.iter().rev();
            let is_read = |at: &&usize| read.contains(*at);
            let read = last.clone().find(is_read);
            // The last layer of a way back makes only what the optimiser reads.
            let is_end = block.phase == Phase::Backward;
            block.result = read.or(last.next().filter(|_| !is_end)).copied();
        }
        let edges = edges(graph, &blocks, &of_node);
        Self { blocks, edges }
    }
}

impl Block {
    fn empty(node: &GraphNode, key: &Key) -> Self {
        let layer = match key {
            Key::Layer(.., layer) => layer.clone(),
            _ => String::new(),
        };
        Self {
            title: match key {
                Key::Images => "images".to_owned(),
                Key::Losses(_) => "losses".to_owned(),
                _ => String::new(),
            },
            network: layer.split('.').next().unwrap_or_default().to_owned(),
            layer,
            phase: node.phase,
            pass: node.pass,
            nodes: Vec::new(),
            operations: Vec::new(),
            result: None,
        }
    }

    /// The sum of `number` over its nodes.
    pub fn sum(&self, graph: &Graph, number: impl Fn(&GraphNode) -> f64) -> f64 {
        self.nodes.iter().map(|&at| number(&graph.nodes[at])).sum()
    }

    /// The node of its result, unless that is a single number.
    pub fn shape<'a>(&self, graph: &'a Graph) -> Option<&'a GraphNode> {
        let node = &graph.nodes[self.result?];
        (node.shape.iter().product::<usize>() > 1).then_some(node)
    }
}

/// A title for what has no name yet.
fn title(block: &Block, nodes: &[GraphNode]) -> String {
    if !block.title.is_empty() {
        return block.title.clone();
    }
    if block.phase == Phase::Update {
        return "update".to_owned();
    }
    if let Some((_, layer)) = block.layer.split_once('.') {
        return layer.to_owned();
    }
    if !block.layer.is_empty() {
        return block.layer.clone();
    }
    if block.phase == Phase::Backward {
        return "from the losses".to_owned();
    }
    let ops: BTreeSet<&str> = block.operations.iter().map(|&at| &*nodes[at].op).collect();
    let ops: Vec<&str> = ops.into_iter().filter(|op| *op != "detach").collect();
    match ops.as_slice() {
        [] => "views".to_owned(),
        [one] => (*one).to_owned(),
        [one, .., last] => format!("{one} .. {last}"),
    }
}

/// The key of each node. A value that is written beside another one belongs to where that is made,
/// and a state to its first reader.
fn keys(nodes: &[GraphNode]) -> Vec<Option<Key>> {
    let place = places(nodes);
    let mut keys: Vec<Option<Key>> = Vec::with_capacity(nodes.len());
    let (mut run, mut was_layer) = (0, false);
    for node in nodes {
        let maker = node.inputs.first().and_then(|input| place.get(input));
        keys.push(match (node.op.as_str(), maker) {
            ("input", _) => Some(Key::Images),
            ("state", _) => None,
            ("byproduct", Some(&maker)) if nodes[maker].phase == node.phase => keys[maker].clone(),
            _ if !node.layer.is_empty() => {
                was_layer = true;
                Some(Key::Layer(node.phase, node.pass, node.layer.clone()))
            }
            _ => {
                run += usize::from(std::mem::take(&mut was_layer));
                Some(Key::Run(node.phase, node.pass, run))
            }
        });
    }
    name_losses(nodes, &mut keys);
    for (at, node) in nodes.iter().enumerate() {
        let state = |input: &&usize| {
            let input = place.get(input).copied();
            input.filter(|&input| nodes[input].op == "state" && keys[input].is_none())
        };
        let states: Vec<usize> = node
            .inputs
            .iter()
            .filter_map(|input| state(&input))
            .collect();
        for state in states {
            keys[state] = keys[at].clone();
        }
    }
    keys
}

/// Runs of the way forward that hold a loss, or that watch one, become the losses of their pass.
fn name_losses(nodes: &[GraphNode], keys: &mut [Option<Key>]) {
    let is_loss = |op: &str| op == "watch" || op.ends_with("+backward") && !op.starts_with("norm");
    let mut losses = BTreeMap::new();
    for (node, key) in nodes.iter().zip(keys.iter()) {
        if let Some(Key::Run(Phase::Forward, pass, run)) = key
            && is_loss(&node.op)
        {
            losses.insert((*pass, *run), Key::Losses(*pass));
        }
    }
    for key in keys.iter_mut() {
        if let Some(Key::Run(Phase::Forward, pass, run)) = key
            && let Some(named) = losses.get(&(*pass, *run))
        {
            *key = Some(named.clone());
        }
    }
}

/// The nodes that another block of the same phase reads.
fn read_elsewhere(nodes: &[GraphNode], of_node: &[Option<usize>]) -> HashSet<usize> {
    let place = places(nodes);
    let mut read = HashSet::new();
    for (at, node) in nodes.iter().enumerate() {
        let inputs = node.inputs.iter().filter_map(|input| place.get(input));
        read.extend(
            inputs.filter(|&&input| {
                of_node[input] != of_node[at] && nodes[input].phase == node.phase
            }),
        );
    }
    read
}

/// Where each node stands in the list, by its number.
fn places(nodes: &[GraphNode]) -> HashMap<usize, usize> {
    nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.index, at))
        .collect()
}

fn edges(graph: &Graph, blocks: &[Block], of_node: &[Option<usize>]) -> Vec<Edge> {
    let place = places(&graph.nodes);
    let mut edges = BTreeSet::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        for input in node.inputs.iter().filter_map(|input| place.get(input)) {
            let (Some(from), Some(to)) = (of_node[*input], of_node[at]) else {
                continue;
            };
            if from == to || graph.nodes[*input].op == "state" {
                continue;
            }
            let kind = match (blocks[from].phase, blocks[to].phase) {
                (_, Phase::Update) => EdgeKind::Gradient,
                // What a loss derives is the beginning of the way back.
                (Phase::Forward, Phase::Backward) if !blocks[from].layer.is_empty() => {
                    EdgeKind::Kept
                }
                _ => EdgeKind::Flow,
            };
            edges.insert(Edge { from, to, kind });
        }
    }
    edges.into_iter().collect()
}
