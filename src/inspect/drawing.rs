//! The drawing of a graph: SVG whose colours come from the page around it.

use super::blocks::{Block, Blocks, Edge, EdgeKind};
use super::graph::{Graph, GraphNode, Phase};
use super::layout::{Layout, Spot};
use crate::interop::html::escape;
use std::fmt::Write;

const STYLE: &str = include_str!("drawing.css");

/// Size of a block.
const WIDTH: f64 = 136.0;
const HEIGHT: f64 = 52.0;
/// Between the rows.
const ROW_GAP: f64 = 26.0;
/// Between the columns of a lane, and between lanes.
const FOLD_GAP: f64 = 64.0;
const LANE_GAP: f64 = 48.0;
/// Around all lanes, and above them for their titles.
const MARGIN: f64 = 20.0;
const HEAD: f64 = 90.0;
/// The most characters of a title.
const TITLE: usize = 18;

/// The drawing. Each block is a group with `data-block`, and each node in it a link to `#node-N`
/// with `data-node`, a title and, where kernels run, the first of them as `data-kernel`.
pub fn draw(graph: &Graph) -> String {
    let blocks = Blocks::of(graph);
    let layout = Layout::of(graph, &blocks);
    Drawing {
        graph,
        blocks: &blocks,
        layout: &layout,
        most: most(graph, &blocks),
    }
    .render()
}

struct Drawing<'a> {
    graph: &'a Graph,
    blocks: &'a Blocks,
    layout: &'a Layout,
    /// The cost of the most expensive block.
    most: f64,
}

/// Whether the graph was timed. Then cost is time, else it is arithmetic.
fn is_timed(graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| node.milliseconds.is_some())
}

fn cost(graph: &Graph, block: &Block) -> f64 {
    match is_timed(graph) {
        true => block.sum(graph, |node| node.milliseconds.unwrap_or(0.0)),
        false => block.sum(graph, |node| node.flops as f64),
    }
}

fn most(graph: &Graph, blocks: &Blocks) -> f64 {
    let costs = blocks.blocks.iter().map(|block| cost(graph, block));
    costs.fold(f64::MIN_POSITIVE, f64::max)
}

impl Drawing<'_> {
    fn render(&self) -> String {
        let width = self.lane_right(self.layout.lanes.len().saturating_sub(1)) + MARGIN;
        let height = HEAD + self.layout.rows as f64 * (HEIGHT + ROW_GAP) + MARGIN;
        let mut svg = format!(
            "<svg class=\"graph\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"group\" \
             aria-label=\"{}\">\n<style>{STYLE}</style>\n<defs>{}</defs>\n",
            escape(&self.summary()),
            markers()
        );
        svg += &self.legend();
        for lane in 0..self.layout.lanes.len() {
            svg += &self.lane(lane, height);
        }
        let mut edges: Vec<&Edge> = self.blocks.edges.iter().collect();
        edges.sort_by_key(|edge| edge.kind == EdgeKind::Flow);
        for edge in edges {
            svg += &self.edge(edge);
        }
        for (number, block) in self.blocks.blocks.iter().enumerate() {
            svg += &self.block(number, block);
        }
        svg + "</svg>\n"
    }

    fn summary(&self) -> String {
        let launches: usize = self.graph.nodes.iter().map(|node| node.kernels.len()).sum();
        format!(
            "{} blocks with {} nodes, {launches} launches of kernels",
            self.blocks.blocks.len(),
            self.graph.nodes.len()
        )
    }

    fn legend(&self) -> String {
        let mut text = String::new();
        let mut x = MARGIN;
        let phases = [Phase::Forward, Phase::Backward, Phase::Update];
        let has = |phase: &Phase| self.blocks.blocks.iter().any(|block| block.phase == *phase);
        for phase in phases.iter().filter(|phase| has(phase)) {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "<g class=\"{0}\"><rect class=\"body\" x=\"{x}\" y=\"12\" width=\"14\" \
                 height=\"14\" rx=\"3\"/><text x=\"{1}\" y=\"23\">{0}</text></g>",
                phase.name(),
                x + 20.0
            );
            x += 96.0;
        }
        let measure = match is_timed(self.graph) {
            true => "bar: its time beside the slowest block",
            false => "bar: its FLOPs beside the largest block",
        };
        let _ = writeln!(
            text,
            "<text class=\"small\" x=\"{x}\" y=\"23\">squares: operations, filled where kernels \
             run; {measure}</text>"
        );
        text
    }

    fn column_x(&self, lane: usize, column: usize) -> f64 {
        let lanes = &self.layout.lanes;
        let before: f64 = lanes[..lane]
            .iter()
            .map(|lane| lane_width(lane.columns) + LANE_GAP)
            .sum();
        let inside = column - lanes[lane].first_column;
        MARGIN + before + inside as f64 * (WIDTH + FOLD_GAP)
    }

    fn lane_right(&self, lane: usize) -> f64 {
        match self.layout.lanes.get(lane) {
            None => MARGIN + 400.0,
            Some(here) => (self.column_x(lane, here.first_column) + lane_width(here.columns))
                .max(MARGIN + 640.0),
        }
    }

    fn lane(&self, number: usize, height: f64) -> String {
        let lane = &self.layout.lanes[number];
        let x = self.column_x(number, lane.first_column);
        format!(
            "<g class=\"lane {}\"><rect x=\"{}\" y=\"40\" width=\"{}\" height=\"{}\" rx=\"10\"/>\
             <text x=\"{x}\" y=\"60\">{}. {}</text>\
             <text class=\"small\" x=\"{x}\" y=\"76\">{}{}</text></g>\n",
            lane.phase.name(),
            x - 12.0,
            lane_width(lane.columns) + 24.0,
            height - 40.0 - 8.0,
            number + 1,
            escape(&lane.network),
            lane.phase.name(),
            match lane.again {
                0 => String::new(),
                again => format!(", time {}", again + 1),
            }
        )
    }

    /// The upper left corner of a block.
    fn corner(&self, spot: Spot) -> [f64; 2] {
        let y = HEAD + spot.row as f64 * (HEIGHT + ROW_GAP);
        [self.column_x(spot.lane, spot.column), y]
    }

    fn edge(&self, edge: &Edge) -> String {
        let [from, to] = [self.layout.places[edge.from], self.layout.places[edge.to]];
        let class = match edge.kind {
            EdgeKind::Flow if self.is_skip(from, to) => "skip",
            EdgeKind::Flow if to.lane.abs_diff(from.lane) > 1 => "far",
            EdgeKind::Flow => "flow",
            EdgeKind::Kept => "kept",
            EdgeKind::Gradient => "gradient",
        };
        let phase = self.blocks.blocks[edge.to].phase.name();
        let head = match class {
            "flow" | "skip" | "far" => format!(" marker-end=\"url(#arrow-{phase})\""),
            _ => String::new(),
        };
        format!(
            "<path class=\"edge {class} {phase}\" data-from=\"{}\" data-to=\"{}\" \
             d=\"{}\"{head}/>\n",
            edge.from,
            edge.to,
            self.path(from, to)
        )
    }

    /// Whether a way within a lane leaves out blocks.
    fn is_skip(&self, from: Spot, to: Spot) -> bool {
        let in_lane = from.lane == to.lane;
        let next = from.column == to.column && from.row.abs_diff(to.row) == 1;
        in_lane && !next && !self.is_fold(from, to)
    }

    /// Whether this is the way around the fold of a lane.
    fn is_fold(&self, from: Spot, to: Spot) -> bool {
        let lane = &self.layout.lanes[from.lane];
        let lowest = lane
            .blocks
            .iter()
            .map(|&block| self.layout.places[block].row)
            .max();
        from.column != to.column && from.row == to.row && Some(from.row) == lowest
    }

    fn path(&self, from: Spot, to: Spot) -> String {
        let ([x0, y0], [x1, y1]) = (self.corner(from), self.corner(to));
        let middle = HEIGHT / 2.0;
        if from.column == to.column {
            let down = to.row > from.row;
            if from.row.abs_diff(to.row) <= 1 {
                let x = x0 + WIDTH / 2.0;
                let (start, end) = if down {
                    (y0 + HEIGHT, y1)
                } else {
                    (y0, y1 + HEIGHT)
                };
                return format!("M{x} {start}V{end}");
            }
            // Around the blocks between them.
            let (side, bulge) = if down { (x0 + WIDTH, 1.0) } else { (x0, -1.0) };
            let reach = side + bulge * (10.0 + 4.0 * from.row.abs_diff(to.row).min(6) as f64);
            let (start, end) = (y0 + middle, y1 + middle);
            return format!("M{side} {start}C{reach} {start} {reach} {end} {side} {end}");
        }
        let (start, end) = match x1 > x0 {
            true => (x0 + WIDTH, x1),
            false => (x0, x1 + WIDTH),
        };
        let (high, low) = (y0 + middle, y1 + middle);
        // Ways of one row are arcs, so that they are told from the frames of blocks.
        let lift = if from.row == to.row && !self.is_fold(from, to) {
            14.0
        } else {
            0.0
        };
        let pull = ((end - start) / 2.0).clamp(-90.0, 90.0);
        format!(
            "M{start} {high}C{} {} {} {} {end} {low}",
            start + pull,
            high - lift,
            end - pull,
            low - lift
        )
    }

    fn block(&self, number: usize, block: &Block) -> String {
        let [x, y] = self.corner(self.layout.places[number]);
        let share = (cost(self.graph, block) / self.most).clamp(0.0, 1.0);
        let shape = match block.phase {
            Phase::Update => block.network.clone(),
            _ => block.shape(self.graph).map_or_else(String::new, map_text),
        };
        let mut text = format!(
            "<g class=\"block {}\" data-block=\"{number}\" data-layer=\"{}\"><title>{}</title>\
             <rect class=\"ground\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             rx=\"6\"/><rect class=\"body\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" rx=\"6\"/><text x=\"{}\" y=\"{}\">{}</text>\
             <text class=\"small\" x=\"{}\" y=\"{}\">{}</text>",
            block.phase.name(),
            escape(&block.layer),
            escape(&self.about(block)),
            x + 8.0,
            y + 16.0,
            escape(&shortened(&block.title)),
            x + 8.0,
            y + 30.0,
            escape(&shape)
        );
        if share > 0.0 {
            let _ = write!(
                text,
                "<rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{:.1}\" height=\"3\"/>",
                x + 8.0,
                y + HEIGHT - 4.5,
                (WIDTH - 16.0) * share
            );
        }
        let shown = &block.operations;
        let pitch = ((WIDTH - 16.0) / shown.len().max(1) as f64).min(13.0);
        for (order, &at) in shown.iter().enumerate() {
            let node = &self.graph.nodes[at];
            let _ = write!(
                text,
                "<a href=\"#node-{0}\" data-node=\"{0}\"{6} class=\"node{1}\"><title>{2}</title>\
                 <rect x=\"{3:.1}\" y=\"{4}\" width=\"{5:.1}\" height=\"9\" rx=\"2\"/></a>",
                node.index,
                if node.kernels.is_empty() { " view" } else { "" },
                escape(&about_node(node)),
                x + 8.0 + order as f64 * pitch,
                y + 35.0,
                (pitch - 3.0).max(1.0),
                kernel_attribute(node)
            );
        }
        text + "</g>\n"
    }

    fn about(&self, block: &Block) -> String {
        let launches = block.sum(self.graph, |node| node.kernels.len() as f64);
        let flops = block.sum(self.graph, |node| node.flops as f64) * 1e-6;
        let mut text = format!(
            "{}, {}: {} operations, {launches} launches, {flops:.2} MFLOP",
            if block.layer.is_empty() {
                &block.title
            } else {
                &block.layer
            },
            block.phase.name(),
            block.operations.len()
        );
        if is_timed(self.graph) {
            let _ = write!(text, ", {:.3} ms", cost(self.graph, block));
        }
        text
    }
}

fn lane_width(columns: usize) -> f64 {
    columns as f64 * WIDTH + (columns.saturating_sub(1)) as f64 * FOLD_GAP
}

fn markers() -> String {
    let one = |phase: Phase| {
        format!(
            "<marker id=\"arrow-{0}\" class=\"{0}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
             markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path class=\"head\" \
             d=\"M0 0 8 4 0 8z\"/></marker>",
            phase.name()
        )
    };
    [Phase::Forward, Phase::Backward, Phase::Update]
        .map(one)
        .concat()
}

/// The first kernel of a node, for pages that show its source.
fn kernel_attribute(node: &GraphNode) -> String {
    let attribute = |kernel: &String| format!(" data-kernel=\"{}\"", escape(kernel));
    node.kernels.first().map_or_else(String::new, attribute)
}

/// A map as people write it: width, height, channels, and the batch where it is not 1.
fn map_text(node: &GraphNode) -> String {
    match node.shape.as_slice() {
        [1, height, width, channels] => format!("{width}×{height} · {channels}"),
        [batch, height, width, channels] => format!("{batch}× {width}×{height} · {channels}"),
        _ => node.shape_text.clone(),
    }
}

fn about_node(node: &GraphNode) -> String {
    let mut text = format!("node {}: {}", node.index, node.op);
    if let Some(name) = &node.name {
        let _ = write!(text, " {name}");
    }
    let _ = write!(text, ", {}", node.shape_text);
    if node.kernels.is_empty() {
        text += ", a view: launches nothing";
    }
    for kernel in &node.kernels {
        let _ = write!(text, "\n{kernel}");
    }
    if let Some(time) = node.milliseconds {
        let _ = write!(text, "\n{time:.3} ms");
    }
    text
}

fn shortened(title: &str) -> String {
    match title.chars().count() > TITLE {
        false => title.to_owned(),
        true => title.chars().take(TITLE - 1).chain(['…']).collect(),
    }
}
