//! Where the blocks of a drawing stand. Each pass through a network is a lane, and the lanes stand
//! in the order of time. A network whose maps shrink and grow again is folded where they are
//! smallest, so that its drawing is the U that gave the network its name. The way back through a
//! network has the places of the way forward, mirrored.

use super::blocks::{Block, Blocks};
use super::graph::{Graph, Phase};
use std::collections::HashMap;

/// A pass through a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The network that it goes through.
    pub network: String,
    /// The same way was gone so often before.
    pub again: usize,
    /// Its phase.
    pub phase: Phase,
    /// Its blocks, in their order.
    pub blocks: Vec<usize>,
    /// Its first column.
    pub first_column: usize,
    /// Its columns: 2 if it is folded.
    pub columns: usize,
}

/// The places of all blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The lanes from left to right.
    pub lanes: Vec<Lane>,
    /// Lane, column in the whole drawing and row of each block.
    pub places: Vec<Spot>,
    /// How many rows there are.
    pub rows: usize,
}

/// The place of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spot {
    /// Number of its lane.
    pub lane: usize,
    /// Column in the whole drawing.
    pub column: usize,
    /// Row.
    pub row: usize,
}

/// What the blocks of a lane have in common: network, phase and pass.
type LaneKey<'a> = (&'a str, Phase, usize);

/// Column in the lane and row.
type InLane = (usize, isize);

impl Layout {
    /// Lays out `blocks`.
    pub fn of(graph: &Graph, blocks: &Blocks) -> Self {
        let lanes = lanes(&blocks.blocks);
        let mut at: Vec<InLane> = vec![(0, 0); blocks.blocks.len()];
        // Where the layers of a network stood on its first way forward.
        let mut known: HashMap<&str, (InLane, usize)> = HashMap::new();
        let mut placed = Vec::new();
        let mut column = 0;
        for members in lanes {
            let phase = lane_phase(&blocks.blocks, &members);
            let columns = match phase {
                Phase::Forward => place_forward(graph, &blocks.blocks, &members, &mut at),
                _ => place_backward(&blocks.blocks, &members, &known, &mut at),
            };
            if phase == Phase::Forward {
                for &block in &members {
                    let layer = blocks.blocks[block].layer.as_str();
                    if !layer.is_empty() {
                        known.entry(layer).or_insert((at[block], columns));
                    }
                }
            }
            let network = network(&blocks.blocks, &members);
            placed.push(Lane {
                again: placed
                    .iter()
                    .filter(|lane: &&Lane| lane.network == network && lane.phase == phase)
                    .count(),
                network,
                phase,
                first_column: column,
                columns,
                blocks: members,
            });
            column += columns;
        }
        Self::of_lanes(placed, &at)
    }

    fn of_lanes(lanes: Vec<Lane>, at: &[InLane]) -> Self {
        let top = at.iter().map(|place| place.1).min().unwrap_or(0);
        let mut places = vec![Spot::default(); at.len()];
        for (number, lane) in lanes.iter().enumerate() {
            for &block in &lane.blocks {
                places[block] = Spot {
                    lane: number,
                    column: lane.first_column + at[block].0,
                    row: usize::try_from(at[block].1 - top).unwrap_or(0),
                };
            }
        }
        let rows = places.iter().map(|spot| spot.row + 1).max().unwrap_or(0);
        Self {
            lanes,
            places,
            rows,
        }
    }
}

/// The blocks of each lane, in order. A block of no layer that comes before layers goes with the
/// layers behind it, and losses and updates go with those before them.
fn lanes(blocks: &[Block]) -> Vec<Vec<usize>> {
    let mut lanes: Vec<(LaneKey, Vec<usize>)> = Vec::new();
    let mut waiting = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let joins_before = block.title == "losses" || block.phase == Phase::Update;
        if block.layer.is_empty() || block.phase == Phase::Update {
            let of_network = |lane: &&mut (LaneKey, Vec<usize>)| {
                block.phase != Phase::Update
                    || lane.0.0 == block.network && lane.0.1 == Phase::Backward
            };
            match lanes.iter_mut().rev().find(of_network) {
                Some(lane) if joins_before => lane.1.push(number),
                _ => waiting.push(number),
            }
            continue;
        }
        let key = (block.network.as_str(), block.phase, block.pass);
        let lane = match lanes.iter().position(|lane| lane.0 == key) {
            Some(lane) => lane,
            None => {
                lanes.push((key, Vec::new()));
                lanes.len() - 1
            }
        };
        lanes[lane].1.append(&mut waiting);
        lanes[lane].1.push(number);
    }
    match lanes.last_mut() {
        Some(lane) => lane.1.append(&mut waiting),
        None if !waiting.is_empty() => lanes.push((("", Phase::Forward, 0), waiting)),
        None => {}
    }
    lanes.into_iter().map(|(_, members)| members).collect()
}

fn lane_phase(blocks: &[Block], members: &[usize]) -> Phase {
    let layered = members
        .iter()
        .find(|&&member| !blocks[member].layer.is_empty());
    layered.map_or(Phase::Forward, |&member| blocks[member].phase)
}

fn network(blocks: &[Block], members: &[usize]) -> String {
    let names = members
        .iter()
        .map(|&member| blocks[member].network.as_str());
    let named = names.into_iter().find(|name| !name.is_empty());
    named.unwrap_or("program").to_owned()
}

/// Places the blocks of a way forward, and returns the number of columns.
fn place_forward(graph: &Graph, blocks: &[Block], members: &[usize], at: &mut [InLane]) -> usize {
    let fold = fold(graph, blocks, members);
    for (order, &member) in members.iter().enumerate() {
        at[member] = match fold {
            Some(last) if order > last => (1, 2 * last as isize + 1 - order as isize),
            _ => (0, order as isize),
        };
    }
    1 + usize::from(fold.is_some())
}

/// Where a lane is folded: behind this one of its members. Maps must shrink to a quarter of their
/// pixels or less, and grow again.
fn fold(graph: &Graph, blocks: &[Block], members: &[usize]) -> Option<usize> {
    let pixels = |&member: &usize| {
        let shape = &blocks[member].shape(graph)?.shape;
        (!blocks[member].layer.is_empty()).then(|| shape[1] * shape[2])
    };
    let sizes: Vec<(usize, usize)> = members
        .iter()
        .enumerate()
        .filter_map(|(order, member)| Some((order, pixels(member)?)))
        .collect();
    let least = sizes.iter().map(|size| size.1).min()?;
    let (first, last) = (sizes.first()?.1, sizes.last()?.1);
    if first.min(last) < 4 * least {
        return None;
    }
    let smallest: Vec<usize> = sizes
        .iter()
        .filter(|size| size.1 == least)
        .map(|size| size.0)
        .collect();
    smallest.get((smallest.len() - 1) / 2).copied()
}

/// Places the blocks of a way back: where their layers stood, mirrored. What comes before the first
/// and after the last one goes on in the same direction.
fn place_backward(
    blocks: &[Block],
    members: &[usize],
    known: &HashMap<&str, (InLane, usize)>,
    at: &mut [InLane],
) -> usize {
    let found = |member: usize| known.get(blocks[member].layer.as_str()).copied();
    let columns = members
        .iter()
        .filter_map(|&member| found(member))
        .map(|place| place.1)
        .max();
    let columns = columns.unwrap_or(1);
    let places: Vec<Option<InLane>> = members
        .iter()
        .map(|&member| found(member).map(|((column, row), _)| (columns - 1 - column, row)))
        .collect();
    let layers: Vec<InLane> = places.iter().flatten().copied().collect();
    let (first, last) = match (layers.first(), layers.last()) {
        (Some(&first), Some(&last)) => (first, last),
        _ => ((0, 0), (0, 0)),
    };
    let step = |pair: Option<&[InLane]>| pair.map_or(1, |pair| (pair[1].1 - pair[0].1).signum());
    let (begins, ends) = (
        step(layers.windows(2).next()),
        step(layers.windows(2).last()),
    );
    let ahead = places.iter().take_while(|place| place.is_none()).count() as isize;
    let mut behind = 0;
    for (order, (&member, place)) in members.iter().zip(&places).enumerate() {
        at[member] = match place {
            Some(place) => *place,
            None if (order as isize) < ahead => {
                (first.0, first.1 - begins * (ahead - order as isize))
            }
            None => {
                behind += 1;
                (last.0, last.1 + ends * behind)
            }
        };
    }
    columns
}
