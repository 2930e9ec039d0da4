//! Translation tile by tile against translation in one piece, and how far a generator sees.

use pix2pix::gpu::Gpu;
use pix2pix::nn::{DropoutMode, Fit, Generator, Mode, Norm, StatisticsFrom, reach};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::Tape;
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tensor::Shape;
use pix2pix::train::{Architecture, Canvas, Config, Tiling, TrainError, Translator};
use pix2pix_harness::config::small_config;
use pix2pix_harness::{Tensor, gpu};
use pollster::block_on;
use std::path::{Path, PathBuf};

pub const PLAIN: Mode = Mode {
    statistics: StatisticsFrom::Image,
    dropout: DropoutMode::Off,
};

/// A generator's states with weights that keep maps of order one, so that the innermost layers
/// matter.
pub fn filled(gpu: &Gpu, states: StateList) -> Store {
    let store = Store::new(gpu, states.clone(), false).unwrap();
    for (state, seed) in states
        .states()
        .iter()
        .filter(|state| !state.name.starts_with("statistics."))
        .zip(1..)
    {
        let random = Tensor::random(state.shape, seed).values;
        let values: Vec<f32> = random
            .iter()
            .map(|v| match state.name.rsplit('.').next() {
                Some("running_var") => 1.0 + 0.5 * v,
                Some("weight") if state.shape.rows() == 1 => 1.0 + 0.2 * v,
                _ => 0.3 * v,
            })
            .collect();
        store
            .write(gpu, state.id, ArenaPart::Value, &values)
            .unwrap();
    }
    store
}

/// A value of an image that is no tile's repetition: slow waves and noise.
pub fn image(shape: Shape) -> Vec<f32> {
    let noise = Tensor::random(shape, 77).values;
    noise
        .iter()
        .enumerate()
        .map(|(i, v)| 0.5 * ((i / 3 % shape.width()) as f32 * 0.011).sin() + 0.4 * v)
        .collect()
}

/// The window of an image that its reflection continues.
fn window(values: &[f32], shape: Shape, [top, left, height, width]: [usize; 4]) -> Vec<f32> {
    let fold = |position: usize, side: usize| {
        if position < side {
            position
        } else {
            2 * (side - 1) - position
        }
    };
    let rows = (top..top + height).flat_map(|y| (left..left + width).map(move |x| (y, x)));
    let at = |(y, x): (usize, usize)| {
        (fold(y, shape.height()) * shape.width() + fold(x, shape.width())) * shape.channels()
    };
    rows.flat_map(|pixel| values[at(pixel)..at(pixel) + shape.channels()].to_vec())
        .collect()
}

/// An image in memory, and the rows of its translation.
pub struct InMemory<'a> {
    values: &'a [f32],
    shape: Shape,
    pub rows: Vec<f32>,
    folder: PathBuf,
    /// Top of the last tile that was asked for, and how often it was above the one before.
    top: usize,
    passes: usize,
}

impl<'a> InMemory<'a> {
    pub fn new(values: &'a [f32], shape: Shape) -> Self {
        Self {
            values,
            shape,
            rows: Vec::new(),
            folder: std::env::temp_dir(),
            top: 0,
            passes: 1,
        }
    }
}

impl Canvas for InMemory<'_> {
    fn read(&mut self, at: [usize; 4]) -> Result<Vec<f32>, TrainError> {
        self.passes += usize::from(at[0] < self.top);
        self.top = at[0];
        Ok(window(self.values, self.shape, at))
    }

    fn write(&mut self, rows: &[f32]) -> Result<(), TrainError> {
        self.rows.extend_from_slice(rows);
        Ok(())
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The largest difference of a tiled translation from one in one piece.
fn difference(
    gpu: &Gpu,
    config: &Config,
    mode: &Mode,
    shape: Shape,
    tile: usize,
    overlap: Option<usize>,
) -> f32 {
    let mut states = StateList::new(config.precision);
    let generator = Generator::new(&mut states, &config.generator()).unwrap();
    let tiling = Tiling::new(&mut states, &generator, mode, tile, overlap).unwrap();
    let store = filled(gpu, states);
    let values = image(shape);
    let whole = block_on(
        Translator::new(gpu, &store, &generator, shape, Fit::Pad, mode)
            .unwrap()
            .translate(gpu, &store, &values, 0),
    )
    .unwrap();
    let mut canvas = InMemory::new(&values, shape);
    block_on(tiling.translate((gpu, &store), (&generator, mode), shape, &mut canvas)).unwrap();
    let (tiled, layers) = (
        canvas.rows,
        store
            .states()
            .states()
            .iter()
            .filter(|state| state.name.starts_with("statistics."))
            .count(),
    );
    assert_eq!(
        canvas.passes,
        layers + 1,
        "rows of tiles are asked for in order in each pass"
    );
    assert_eq!(tiled.len(), whole.len());
    let range = whole.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    assert!(range > 0.2, "the output is no constant: {range}");
    tiled
        .iter()
        .zip(&whole)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn tiles_are_the_image_in_one_piece() {
    let gpu = gpu();
    // Five halvings see 63 pixels, so tiles of 192 that overlap by 128 keep cores of 64; the sides
    // are no multiples of 32.
    let shape = Shape::nhwc(1, 250, 391, 3);
    let batch = small_config(32, 4);
    let instance = Config {
        norm: Norm::Instance,
        ..batch.clone()
    };
    let none = Config {
        norm: Norm::None,
        ..batch.clone()
    };
    let running = Mode {
        statistics: StatisticsFrom::Running,
        ..PLAIN
    };
    // Another size may choose another kernel, which adds in another order: some roundings of tanh's
    // argument. The image's own statistics are added in another order too, over a hundred thousand
    // values, in every layer.
    for (config, mode, most) in [
        (&none, &PLAIN, 2e-6),
        (&batch, &running, 2e-6),
        (&batch, &PLAIN, 5e-5),
        (&instance, &PLAIN, 5e-5),
    ] {
        let off = difference(&gpu, config, mode, shape, 192, None);
        assert!(
            off <= most,
            "{:?}, {:?}: off by {off}",
            config.norm,
            mode.statistics
        );
    }
}

/// A ResNet's reflected borders are the image's at the image's border; inside, a tile does not see
/// its own. An encoder-decoder sees as far as the U-Net with skips.
#[test]
#[ignore = "second tier: tiles of every architecture"]
fn tiles_of_other_architectures_are_the_image_in_one_piece() {
    // The smallest tiles there are have cores of a single value in the ResNet's blocks.
    let small = Shape::nhwc(1, 131, 132, 3);
    let [_, instance, bare] = architectures();
    check_architecture(&instance, small, 124, 5e-5);
    check_architecture(&bare, LARGE, 160, 2e-6);
}

#[test]
#[ignore = "second tier: larger tiles of ResNets"]
fn larger_tiles_of_resnets_are_the_image_in_one_piece() {
    let [resnet, instance, _] = architectures();
    check_architecture(&resnet, LARGE, 160, 2e-6);
    check_architecture(&instance, LARGE, 160, 5e-5);
}

const LARGE: Shape = Shape::nhwc(1, 190, 245, 3);

fn check_architecture(config: &Config, shape: Shape, tile: usize, most: f32) {
    let off = difference(&gpu(), config, &PLAIN, shape, tile, None);
    assert!(
        off <= most,
        "{:?}, {:?}: off by {off}",
        config.architecture,
        config.norm
    );
}

/// A ResNet without norm and with instance norm, and an encoder-decoder.
fn architectures() -> [Config; 3] {
    let unet = Config {
        norm: Norm::None,
        ..small_config(32, 4)
    };
    let resnet = Config {
        architecture: Architecture::ResNet6,
        ..unet.clone()
    };
    let instance = Config {
        norm: Norm::Instance,
        ..resnet.clone()
    };
    let bare = Config {
        architecture: Architecture::EncoderDecoder,
        ..unet
    };
    [resnet, instance, bare]
}

/// With a smaller overlap the tiles differ where they meet. What is shown goes from one to the
/// other over the whole overlap: it lies between the two, and no step from pixel to pixel is larger
/// than theirs and the share of the difference that falls on a pixel.
#[test]
fn smaller_overlaps_are_blended_from_tile_to_tile() {
    let gpu = &*gpu();
    let config = Config {
        norm: Norm::None,
        ..small_config(32, 4)
    };
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &config.generator()).unwrap();
    let (tile, overlap, width) = (96, 32, 160);
    let tiling = Tiling::new(&mut states, &generator, &PLAIN, tile, Some(overlap)).unwrap();
    let store = filled(gpu, states);
    let shape = Shape::nhwc(1, tile, width, 3);
    let values = image(shape);
    let mut canvas = InMemory::new(&values, shape);
    block_on(tiling.translate((gpu, &store), (&generator, &PLAIN), shape, &mut canvas)).unwrap();
    // Two tiles: columns 0 to 95 and 64 to 159.
    let (starts, square) = ([0, width - tile], Shape::nhwc(1, tile, tile, 3));
    let tiles = starts.map(|left| {
        let part = window(&values, shape, [0, left, tile, tile]);
        block_on(
            Translator::new(gpu, &store, &generator, square, Fit::Pad, &PLAIN)
                .unwrap()
                .translate(gpu, &store, &part, 0),
        )
        .unwrap()
    });
    let seam = Seam {
        tiles,
        starts,
        tile,
        shown: canvas.rows,
        width,
    };
    let mut worst = [0.0f32; 2];
    let mut cuts = 0;
    for (y, c) in (0..tile).flat_map(|y| (0..3).map(move |c| (y, c))) {
        seam.check_outside(y, c);
        for x in starts[1]..tile {
            let [apart, beyond] = seam.check_inside([y, x, c], &mut cuts);
            worst = [worst[0].max(apart), worst[1].max(beyond)];
        }
    }
    let [apart, beyond] = worst;
    assert!(apart > 0.05, "the tiles differ: {apart}");
    assert!(cuts > 1000, "a cut would be seen: {cuts} steps");
    assert!(
        beyond <= 4.0 * ROUNDING,
        "a step beyond its bound by {beyond}"
    );
}

/// Roundings of two products and their sum.
const ROUNDING: f32 = 1e-6;

/// Two tiles in a row, and what is shown of them.
struct Seam {
    tiles: [Vec<f32>; 2],
    /// Their first columns.
    starts: [usize; 2],
    tile: usize,
    shown: Vec<f32>,
    width: usize,
}

impl Seam {
    fn of_tiles(&self, [y, x, c]: [usize; 3]) -> [f32; 2] {
        [0, 1].map(|index| self.of_tile(index, [y, x, c]))
    }

    fn of_tile(&self, index: usize, [y, x, c]: [usize; 3]) -> f32 {
        self.tiles[index][(y * self.tile + x - self.starts[index]) * 3 + c]
    }

    fn shown(&self, [y, x, c]: [usize; 3]) -> f32 {
        self.shown[(y * self.width + x) * 3 + c]
    }

    /// Where only one tile is, it is shown.
    fn check_outside(&self, y: usize, c: usize) {
        let is_of = |index, x| self.shown([y, x, c]) == self.of_tile(index, [y, x, c]);
        assert!((0..self.starts[1]).all(|x| is_of(0, x)), "the first tile");
        assert!(
            (self.tile..self.width).all(|x| is_of(1, x)),
            "the second tile"
        );
    }

    /// Where both are. Returns how far they are apart, and by how much the step to the next pixel
    /// is beyond its bound; counts what would be a larger step with a cut here.
    fn check_inside(&self, [y, x, c]: [usize; 3], cuts: &mut usize) -> [f32; 2] {
        let overlap = (self.tile - self.starts[1]) as f32;
        let ([a, b], shown) = (self.of_tiles([y, x, c]), self.shown([y, x, c]));
        let share = (x as f32 + 0.5 - self.starts[1] as f32) / overlap;
        assert!(
            (a.min(b) - ROUNDING..=a.max(b) + ROUNDING).contains(&shown),
            "between {a} and {b}"
        );
        assert!((shown - (a + share * (b - a))).abs() <= ROUNDING);
        let mut beyond = 0.0;
        if x + 1 < self.tile {
            let [next_a, next_b] = self.of_tiles([y, x + 1, c]);
            let most = (next_a - a).abs().max((next_b - b).abs()) + (b - a).abs() / overlap;
            beyond = (self.shown([y, x + 1, c]) - shown).abs() - most;
            *cuts += usize::from((next_b - a).abs() > most + 4.0 * ROUNDING);
        }
        [(a - b).abs(), beyond]
    }
}

#[test]
fn tiles_that_cannot_be_are_refused_with_the_nearest_that_can() {
    let refusal = |tile, overlap| {
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &small_config(32, 4).generator()).unwrap();
        match Tiling::new(&mut states, &generator, &PLAIN, tile, overlap) {
            Err(TrainError::Config(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    for (tile, overlap, field, expected) in [
        (
            128,
            None,
            "tile",
            "use `tile` 160 or more, or a smaller `overlap`",
        ),
        (
            100,
            None,
            "tile",
            "`tile` 100 is no multiple of 32; the nearest are 96 and 128",
        ),
        (7, None, "tile", "the nearest are 32 and 64"),
        (
            128,
            Some(50),
            "overlap",
            "`overlap` 50 is no multiple of 32; the nearest are 32 and 64",
        ),
        (64, Some(64), "tile", "use `tile` 96 or more"),
    ] {
        let error = refusal(tile, overlap);
        assert_eq!(error.field, field);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// A block of a generator without normalisation depends on what lies within its reach, to the
/// pixel, and on nothing beyond.
#[test]
fn a_generator_sees_as_far_as_its_reach() {
    let gpu = gpu();
    let config = Config {
        norm: Norm::None,
        ..small_config(32, 4)
    };
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &config.generator()).unwrap();
    let store = filled(&gpu, states);
    let (shape, first, count) = (Shape::nhwc(1, 192, 192, 3), 96, 32);
    let mut tape = Tape::default();
    let input = tape.input("image", shape);
    let output = generator
        .forward(&mut tape, store.states(), input, &PLAIN)
        .unwrap();
    let reach = reach(&tape, input, output, first, count);
    assert_eq!(reach, 63, "2^6 - 1");
    let program = Program::compile(&gpu, &store, &tape, &[output]).unwrap();
    let block = |changed: Option<usize>| -> Vec<f32> {
        let mut values = image(shape);
        if let Some(row) = changed {
            values[row * 192 * 3..][..192 * 3].fill(5.0);
        }
        program.write(&gpu, input, &values).unwrap();
        program
            .run(&gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2]))
            .unwrap();
        let all = block_on(program.read(&gpu, output)).unwrap();
        (first..first + count)
            .flat_map(|y| all[(y * 192 + first) * 3..][..count * 3].to_vec())
            .collect()
    };
    let before = block(None);
    for (row, seen) in [
        (first - reach, true),
        (first - reach - 1, false),
        (first + count - 1 + reach, true),
        (first + count + reach, false),
    ] {
        assert_eq!(block(Some(row)) != before, seen, "row {row}");
    }
}
