#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::blocks::{Blocks, EdgeKind};
use super::layout::Layout;
use super::*;
use crate::gpu::{DeviceOptions, Gpu, Profile};
use crate::nn::{Fit, Generator, Mode, TestTime};
use crate::program::{Store, rows};
use crate::state::StateList;
use crate::tensor::{DType, Shape};
use crate::train::{Architecture, Config, Translator};
use std::collections::BTreeSet;

fn config() -> Config {
    Config {
        size: 32,
        num_downs: 5,
        ngf: 4,
        ndf: 4,
        ..Config::default()
    }
}

fn step() -> Inspection {
    Inspection::of_step(&config(), &Profile::portable()).unwrap()
}

fn generator(config: &Config) -> (StateList, Generator, Mode, Shape) {
    let mut states = StateList::new(DType::F32);
    let generator = Generator::new(&mut states, &config.generator()).unwrap();
    let side = config.size as usize;
    let shape = Shape::nhwc(1, side, side, 3);
    (states, generator, TestTime::default().mode(), shape)
}

fn forward(config: &Config) -> Inspection {
    let (states, generator, mode, shape) = generator(config);
    let profile = Profile::portable();
    Inspection::of_generator(&states, &generator, shape, Fit::Pad, &mode, &profile).unwrap()
}

#[test]
fn the_graph_has_the_rows_of_the_listing() {
    let step = step();
    let listed = rows(&step.plan);
    let launched: Vec<&GraphNode> = step
        .graph
        .nodes
        .iter()
        .filter(|node| !node.kernels.is_empty())
        .collect();
    assert_eq!(launched.len(), listed.len());
    for (node, row) in launched.iter().zip(&listed) {
        assert_eq!((node.index, node.flops), (row.node, 2 * row.macs));
        assert_eq!((&node.kernels, node.bytes), (&row.kernels, row.bytes));
    }
    // What a node reads is in the graph, and before it.
    let mut seen = BTreeSet::new();
    for node in &step.graph.nodes {
        assert!(
            node.inputs.iter().all(|input| seen.contains(input)),
            "{node:?}"
        );
        seen.insert(node.index);
        let shape: usize = node.shape.iter().product();
        assert!(
            shape > 0,
            "{} has the sides {:?}",
            node.shape_text,
            node.shape
        );
    }
}

#[test]
fn a_step_has_its_phases_in_order() {
    let step = step();
    let phases = |layer: &str| {
        let nodes = step.graph.nodes.iter().filter(|node| node.layer == layer);
        let nodes = nodes.filter(|node| node.op != "state");
        let mut found: Vec<(Phase, usize)> = nodes.map(|node| (node.phase, node.pass)).collect();
        found.dedup();
        found
    };
    use Phase::{Backward, Forward, Update};
    assert_eq!(phases("generator.down2"), [(Forward, 0), (Backward, 1)]);
    assert_eq!(
        phases("discriminator.layer2"),
        [(Forward, 0), (Backward, 0), (Forward, 1), (Backward, 1)]
    );
    assert_eq!(phases("discriminator"), [(Update, 0)]);
    assert_eq!(phases("generator"), [(Update, 1)]);
}

#[test]
fn times_are_those_of_their_nodes() {
    let graph = step().graph;
    let index = graph
        .nodes
        .iter()
        .find(|node| !node.kernels.is_empty())
        .unwrap()
        .index;
    let timed = graph.timed(&[(index, 0.002)]);
    let times = timed
        .nodes
        .iter()
        .filter_map(|node| Some((node.index, node.milliseconds?)));
    assert_eq!(times.collect::<Vec<_>>(), [(index, 2.0)]);
    assert!(draw(&timed).contains("2.000 ms"));
}

#[test]
fn a_u_net_is_drawn_as_a_u() {
    let graph = forward(&config()).graph;
    let blocks = Blocks::of(&graph);
    let layout = Layout::of(&graph, &blocks);
    let spot = |title: &str| {
        let at = blocks
            .blocks
            .iter()
            .position(|block| block.title == title)
            .unwrap();
        (at, layout.places[at])
    };
    for depth in 1..=5 {
        let (down, up) = (spot(&format!("down{depth}")), spot(&format!("up{depth}")));
        assert_eq!((down.1.column, up.1.column), (0, 1), "level {depth}");
        assert_eq!(down.1.row, up.1.row, "level {depth}");
        let skip = |edge: &&super::blocks::Edge| (edge.from, edge.to) == (down.0, up.0);
        let skip = blocks.edges.iter().find(skip).unwrap();
        assert_eq!(skip.kind, EdgeKind::Flow, "level {depth}");
    }
}

/// Every block has a place of its own, whatever the networks.
#[test]
fn no_two_blocks_lie_on_each_other() {
    let with = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        config
    };
    let configs = [
        config(),
        with(|config| config.architecture = Architecture::ResNet6),
        with(|config| config.recipe.accumulate = 2),
        with(|config| config.recompute = true),
        with(|config| config.objective.lambda_gan = 0.0),
        with(|config| (config.discriminators, config.d_layers) = (2, 1)),
    ];
    let graphs = configs.iter().flat_map(|config| {
        let step = Inspection::of_step(config, &Profile::portable()).unwrap();
        [step.graph, forward(config).graph]
    });
    for (number, graph) in graphs.enumerate() {
        let blocks = Blocks::of(&graph);
        let layout = Layout::of(&graph, &blocks);
        let mut taken = BTreeSet::new();
        for (block, spot) in blocks.blocks.iter().zip(&layout.places) {
            let place = (spot.column, spot.row);
            assert!(
                taken.insert(place),
                "graph {number}: {} at {place:?}",
                block.title
            );
        }
        let operations: usize = blocks
            .blocks
            .iter()
            .map(|block| block.operations.len())
            .sum();
        let all = graph.nodes.iter().filter(|node| node.op != "state").count();
        assert_eq!(
            operations, all,
            "graph {number}: all operations are drawn, each once"
        );
        let svg = draw(&graph);
        assert_eq!(svg.matches("data-node=").count(), all, "graph {number}");
        let running = graph
            .nodes
            .iter()
            .filter(|node| !node.kernels.is_empty())
            .count();
        assert_eq!(
            svg.matches("data-kernel=").count(),
            running,
            "graph {number}"
        );
        for tag in ["g", "svg", "a", "title", "text"] {
            let opened =
                svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}

/// The page in the browser takes no style out of a drawing, and has its own copy.
#[test]
fn the_page_in_the_browser_has_the_style_of_drawings() {
    let own = include_str!("drawing.css");
    assert_eq!(own, include_str!("../../web/page/style/graph.css"));
}

#[test]
fn shaders_are_as_they_are_compiled() {
    let step = step();
    let shaders = step.shaders().unwrap();
    let kernels: BTreeSet<&String> = step
        .graph
        .nodes
        .iter()
        .flat_map(|node| &node.kernels)
        .collect();
    assert_eq!(shaders.len(), kernels.len());
    for shader in &shaders {
        assert!(kernels.contains(&shader.kernel), "{}", shader.kernel);
        let text = step.shader(&shader.kernel).unwrap();
        assert_eq!(text.as_ref(), Some(&shader.wgsl));
        // The constants that the name says are in the text.
        let constants = shader
            .kernel
            .split(['[', ']', ' '])
            .filter_map(|word| word.split_once('='));
        for (name, value) in constants.filter(|(name, _)| name.to_uppercase() == *name) {
            let line =
                |line: &str| line.starts_with(&format!("const {name}")) && line.contains(value);
            assert!(shader.wgsl.lines().any(line), "{}: {name}", shader.kernel);
        }
        assert!(shader.wgsl.contains("@compute"), "{}", shader.kernel);
    }
    assert_eq!(step.shader("conv2d/none").unwrap(), None);
}

#[test]
fn a_page_stands_alone_and_escapes_what_it_shows() {
    let inspection = forward(&config());
    let map = FeatureMap {
        layer: "<b>".to_owned(),
        ..grid(&[0.0; 4], [2, 2, 1])
    };
    let page = inspection.page("a </script> & b", &[map]).unwrap();
    assert!(page.contains("a &lt;/script&gt; &amp; b") && page.contains("<b>&lt;b&gt;</b>"));
    assert_eq!(page.matches("</script>").count(), 1);
    let address = "http://www.w3.org/2000/svg";
    assert_eq!(page.matches("http").count(), page.matches(address).count());
    for place in ["<!-- ", "/* STYLE", "\"SHADERS\""] {
        assert!(!page.contains(place), "{place}");
    }
    // Every link leads somewhere.
    let targets = page
        .split("href=\"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    for target in targets.collect::<BTreeSet<_>>() {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

fn grid(values: &[f32], [height, width, channels]: [usize; 3]) -> FeatureMap {
    let limits = MapLimits {
        channels: 2,
        side: 48,
    };
    channel_grid(
        "layer",
        values,
        Shape::nhwc(1, height, width, channels),
        limits,
    )
    .unwrap()
}

fn pixels(map: &FeatureMap) -> image::GrayImage {
    image::load_from_memory(&map.png).unwrap().to_luma8()
}

#[test]
fn channels_are_drawn_from_black_to_white() {
    // Three channels of 1×2 pixels, of which two are shown.
    let map = grid(&[-1.0, 5.0, 0.0, 3.0, 5.0, 0.0], [1, 2, 3]);
    assert_eq!(map.ranges, [[-1.0, 3.0], [5.0, 5.0]]);
    assert_eq!(map.shape, [1, 2, 3]);
    let picture = pixels(&map);
    assert_eq!(
        [picture.width() as usize, picture.height() as usize],
        map.size
    );
    // Each number is 32×32 pixels, with 2 around a channel.
    let at = |x, y| picture.get_pixel(x, y).0[0];
    assert_eq!(
        [at(2, 2), at(33, 33), at(34, 2), at(65, 33)],
        [0, 0, 255, 255]
    );
    assert_eq!([at(68, 2), at(131, 33)], [128, 128]);
    assert_eq!([at(0, 0), at(66, 5)], [32, 32]);
    let about = map.about();
    assert!(
        about.contains("the first 2 of 3 channels") && about.contains("1 of them"),
        "{about}"
    );
}

#[test]
fn large_maps_are_averaged_and_numbers_that_are_none_are_counted() {
    let mut values = vec![0.0; 96 * 96];
    // The mean of the first 2×2 numbers is half of the range.
    (values[0], values[97]) = (1.0, 1.0);
    values[95] = f32::NAN;
    let map = grid(&values, [96, 96, 1]);
    assert_eq!(
        (map.size, map.not_finite, map.ranges[0]),
        ([52, 52], 1, [0.0, 1.0])
    );
    let picture = pixels(&map);
    let at = |x, y| picture.get_pixel(x, y).0[0];
    assert_eq!([at(2, 2), at(3, 2), at(49, 2)], [128, 0, 0]);
    assert!(
        map.about().contains("1 numbers are not finite"),
        "{}",
        map.about()
    );
}

/// The last map is what the generator makes anyway, although all others are kept for it.
#[test]
fn feature_maps_end_with_the_result() {
    let gpu = pollster::block_on(Gpu::open(&DeviceOptions::default())).unwrap();
    let (states, generator, mode, shape) = generator(&config());
    let store = Store::new(&gpu, states, false).unwrap();
    pollster::block_on(store.initialise(&gpu, 3)).unwrap();
    let picture: Vec<f32> = (0..shape.len())
        .map(|at| (at as f32 * 0.37).sin())
        .collect();
    let limits = MapLimits::default();
    let use_of = (Fit::Pad, &mode);
    let maps = feature_maps(
        &gpu,
        &store,
        &generator,
        (&picture, shape),
        use_of,
        0,
        limits,
    );
    let maps = pollster::block_on(maps).unwrap();
    let names = layer_names(store.states(), &generator, shape, Fit::Pad, &mode).unwrap();
    let layers: Vec<&String> = maps.iter().map(|map| &map.layer).collect();
    assert_eq!(layers, names.iter().collect::<Vec<_>>());
    assert_eq!(names.len(), 11);
    let translator = Translator::new(&gpu, &store, &generator, shape, Fit::Pad, &mode).unwrap();
    let result = pollster::block_on(translator.translate(&gpu, &store, &picture, 0)).unwrap();
    let expected = channel_grid("output", &result, shape, limits).unwrap();
    assert_eq!(maps.last(), Some(&expected));
    assert_eq!(maps[0].shape, [16, 16, 4]);
    assert!(
        maps[0].ranges.iter().any(|range| range[0] < range[1]),
        "{:?}",
        maps[0].ranges
    );
}
