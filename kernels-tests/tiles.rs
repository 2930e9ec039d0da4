//! Translation tile by tile against translation in one piece, and how far a generator sees.

use crate::harness::{Tensor, gpu};
use crate::shaders::small_config;
use pix2pix::gpu::Gpu;
use pix2pix::nn::{DropoutMode, Fit, Generator, Mode, Norm, Statistics, reach};
use pix2pix::ops::{ArenaPart, StepState};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::Tape;
use pix2pix::tensor::Shape;
use pix2pix::train::{Tiling, TrainConfig, Translator};

const PLAIN: Mode = Mode { statistics: Statistics::Image, dropout: DropoutMode::Off };

/// A generator's states with weights that keep maps of order one, so that the innermost layers matter.
fn filled(gpu: &Gpu, states: StateList) -> Store {
    let store = Store::new(gpu, states.clone(), false).unwrap();
    for (state, seed) in states.states().iter().filter(|state| !state.name.starts_with("statistics.")).zip(1..) {
        let random = Tensor::random(state.shape, seed).values;
        let values: Vec<f32> = random
            .iter()
            .map(|v| match state.name.rsplit('.').next() {
                Some("running_var") => 1.0 + 0.5 * v,
                Some("weight") if state.shape.rows() == 1 => 1.0 + 0.2 * v,
                _ => 0.3 * v,
            })
            .collect();
        store.write(gpu, state.id, ArenaPart::Value, &values).unwrap();
    }
    store
}

/// A value of an image that is no tile's repetition: slow waves and noise.
fn image(shape: Shape) -> Vec<f32> {
    let noise = Tensor::random(shape, 77).values;
    noise.iter().enumerate().map(|(i, v)| 0.5 * ((i / 3 % shape.width()) as f32 * 0.011).sin() + 0.4 * v).collect()
}

/// The window of an image that its reflection continues.
fn window(values: &[f32], shape: Shape, [top, left, height, width]: [usize; 4]) -> Vec<f32> {
    let fold = |position: usize, side: usize| if position < side { position } else { 2 * (side - 1) - position };
    let rows = (top..top + height).flat_map(|y| (left..left + width).map(move |x| (y, x)));
    let at = |(y, x): (usize, usize)| (fold(y, shape.height()) * shape.width() + fold(x, shape.width())) * shape.channels();
    rows.flat_map(|pixel| values[at(pixel)..at(pixel) + shape.channels()].to_vec()).collect()
}

/// The largest difference of a tiled translation from one in one piece.
fn difference(gpu: &Gpu, config: &TrainConfig, mode: &Mode, shape: Shape, tile: usize, overlap: Option<usize>) -> f32 {
    let mut states = StateList::new(config.precision);
    let generator = Generator::new(&mut states, &config.generator()).unwrap();
    let tiling = Tiling::new(&mut states, &generator, mode, tile, overlap).unwrap();
    let store = filled(gpu, states);
    let values = image(shape);
    let whole = Translator::new(gpu, &store, &generator, shape, Fit::Pad, mode).unwrap().translate(gpu, &store, &values, 0).unwrap();
    let mut tiled = Vec::new();
    let read = |at: [usize; 4]| window(&values, shape, at);
    tiling.translate((gpu, &store), (&generator, mode), shape, &read, &mut |rows| tiled.extend_from_slice(rows)).unwrap();
    assert_eq!(tiled.len(), whole.len());
    let range = whole.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    assert!(range > 0.2, "the output is no constant: {range}");
    tiled.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn tiles_are_the_image_in_one_piece() {
    let gpu = gpu();
    // Five halvings see 63 pixels, so tiles of 192 that overlap by 128 keep cores of 64; the sides are no multiples of 32.
    let shape = Shape::nhwc(1, 250, 391, 3);
    let batch = small_config(32, 4);
    let instance = TrainConfig { norm: Norm::Instance, ..batch.clone() };
    let none = TrainConfig { norm: Norm::None, ..batch.clone() };
    let running = Mode { statistics: Statistics::Running, ..PLAIN };
    // The same sums in another order where another kernel is chosen for another size: some roundings of tanh's argument. Statistics of
    // the image are sums of another order too, of a hundred thousand values, in every layer.
    for (config, mode, most) in [(&none, &PLAIN, 2e-6), (&batch, &running, 2e-6), (&batch, &PLAIN, 5e-5), (&instance, &PLAIN, 5e-5)] {
        let off = difference(&gpu, config, mode, shape, 192, None);
        assert!(off <= most, "{:?}, {:?}: off by {off}", config.norm, mode.statistics);
    }
}

#[test]
fn tiles_that_cannot_be_are_refused_with_the_nearest_that_can() {
    let refusal = |tile, overlap| {
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &small_config(32, 4).generator()).unwrap();
        Tiling::new(&mut states, &generator, &PLAIN, tile, overlap).unwrap_err()
    };
    for (tile, overlap, expected) in [
        (128, None, "use --tile 160 or more, or a smaller --overlap"),
        (100, None, "--tile 100 is no multiple of 32; the nearest are 96 and 128"),
        (7, None, "the nearest are 32 and 64"),
        (128, Some(50), "--overlap 50 is no multiple of 32; the nearest are 32 and 64"),
        (64, Some(64), "use --tile 96 or more"),
    ] {
        let message = refusal(tile, overlap);
        assert!(message.contains(expected), "{message}");
    }
}

/// A block of a generator without normalisation depends on what lies within its reach, to the pixel, and on nothing beyond.
#[test]
fn a_generator_sees_as_far_as_its_reach() {
    let gpu = gpu();
    let config = TrainConfig { norm: Norm::None, ..small_config(32, 4) };
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &config.generator()).unwrap();
    let store = filled(&gpu, states);
    let (shape, first, count) = (Shape::nhwc(1, 192, 192, 3), 96, 32);
    let mut tape = Tape::default();
    let input = tape.input("image", shape);
    let output = generator.forward(&mut tape, store.states(), input, &PLAIN).unwrap();
    let reach = reach(&tape, input, output, first, count);
    assert_eq!(reach, 63, "2^6 - 1");
    let program = Program::compile(&gpu, &store, &tape, &[output]).unwrap();
    let block = |changed: Option<usize>| -> Vec<f32> {
        let mut values = image(shape);
        if let Some(row) = changed {
            values[row * 192 * 3..][..192 * 3].fill(5.0);
        }
        program.write(&gpu, input, &values).unwrap();
        program.run(&gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2])).unwrap();
        let all = program.read(&gpu, output).unwrap();
        (first..first + count).flat_map(|y| all[(y * 192 + first) * 3..][..count * 3].to_vec()).collect()
    };
    let before = block(None);
    for (row, seen) in
        [(first - reach, true), (first - reach - 1, false), (first + count - 1 + reach, true), (first + count + reach, false)]
    {
        assert_eq!(block(Some(row)) != before, seen, "row {row}");
    }
}
