//! Images that do not fit a device in one piece go through in the largest tiles that do.

use crate::tiles::{InMemory, PLAIN, filled, image};
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::nn::{Fit, Generator};
use pix2pix::program::Store;
use pix2pix::state::StateList;
use pix2pix::tensor::Shape;
use pix2pix::train::{Tilings, TrainError, Translator};
use pix2pix_harness::config::small_config;
use pix2pix_harness::open;
use pollster::block_on;

const SHAPE: Shape = Shape::nhwc(1, 250, 391, 3);

/// A generator on a device of its own, with so much memory.
struct Limited {
    gpu: Gpu,
    store: Store,
    generator: Generator,
    tilings: Tilings,
}

/// The side of a tiling, and whether it is seamless.
type Tried = (usize, bool);

impl Limited {
    fn new(bytes: u64) -> Self {
        let gpu = open(DeviceOptions::default()).with_memory_limit(bytes);
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &small_config(32, 4).generator()).unwrap();
        let tilings = Tilings::new(&mut states, &generator, &PLAIN).unwrap();
        let store = filled(&gpu, states);
        Self {
            gpu,
            store,
            generator,
            tilings,
        }
    }

    fn whole(&self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        let Self {
            gpu,
            store,
            generator,
            ..
        } = self;
        block_on(
            Translator::new(gpu, store, generator, SHAPE, Fit::Pad, &PLAIN)?
                .translate(gpu, store, values, 0),
        )
    }

    /// The translation in tiles, and each tiling that was tried: its side, and whether it is
    /// seamless.
    fn tiled(&self, values: &[f32]) -> (Result<Vec<f32>, TrainError>, Vec<Tried>) {
        let mut tried = Vec::new();
        let canvas = self.tilings.translate(
            (&self.gpu, &self.store),
            (&self.generator, &PLAIN),
            SHAPE,
            |tiling| {
                tried.push((tiling.tile, tiling.is_seamless()));
                Ok(InMemory::new(values, SHAPE))
            },
        );
        (block_on(canvas).map(|canvas| canvas.rows), tried)
    }
}

/// The translation in one piece, and the most memory that it took.
fn in_one_piece(values: &[f32]) -> (Vec<f32>, u64) {
    let unlimited = Limited::new(u64::MAX);
    let whole = unlimited.whole(values).unwrap();
    (whole, unlimited.gpu.peak_memory_bytes())
}

#[test]
fn an_image_that_does_not_fit_in_one_piece_is_the_same_in_tiles() {
    let values = image(SHAPE);
    let (whole, most) = in_one_piece(&values);
    let limited = Limited::new(most * 3 / 4);
    let refused = limited.whole(&values).err();
    assert!(refused.is_some_and(|error| error.is_too_large()));
    let (tiled, tried) = limited.tiled(&values);
    let tiled = tiled.unwrap();
    assert!(
        matches!(tried[..], [(192..391, true)]),
        "the largest seamless tiles: {tried:?}"
    );
    assert!(limited.gpu.peak_memory_bytes() <= most * 3 / 4);
    let apart = tiled.iter().zip(&whole).map(|(a, b)| (a - b).abs());
    let off = apart.fold(0.0, f32::max);
    // As far as tiles of a given side are from it: see `tiles_are_the_image_in_one_piece`.
    assert!(tiled.len() == whole.len() && off <= 5e-5, "off by {off}");

    // The smallest seamless tiles, of 192 pixels, have a third of its pixels.
    let (tiled, tried) = Limited::new(most / 4).tiled(&values);
    assert_eq!(tiled.unwrap().len(), whole.len());
    assert!(matches!(tried[..], [(64..192, false)]), "{tried:?}");
}

/// Others use the device too: it has less memory than the plan was told.
#[test]
fn a_device_that_gives_less_than_it_should_gets_smaller_tiles() {
    let values = image(SHAPE);
    let (_, most) = in_one_piece(&values);
    let limited = Limited::new(most * 3 / 4);
    let (held, free) = (limited.gpu.memory_bytes(), most * 3 / 4);
    let others = limited.gpu.storage("of others", (free - held) / 2).unwrap();
    let (tiled, tried) = limited.tiled(&values);
    assert!(
        tiled.is_ok() && tried.len() > 1 && tried.is_sorted_by(|a, b| a.0 > b.0),
        "{tried:?}"
    );
    drop(others);
    let others = limited
        .gpu
        .storage("of others", free - held - 1024)
        .unwrap();
    let (tiled, tried) = limited.tiled(&values);
    assert!(tiled.is_err_and(|error| error.is_too_large()) && tried.len() > 1);
    drop(others);
}
