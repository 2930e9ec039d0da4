//! The ways in which a generator can be used tile by tile, and which of them fits a device.

use super::{Canvas, Tiling, known, layers, record};
use crate::gpu::{Gpu, GpuError, Profile, buffer_bytes};
use crate::nn::{Generator, Mode, reach};
use crate::program::{Memory, Plan, Programs, Store};
use crate::state::{Init, StateId, StateList};
use crate::tape::Tape;
use crate::tensor::Shape;
use crate::train::config::ConfigError;
use crate::train::error::TrainError;
use std::ops::Range;

/// The largest side that is chosen for a tile, unless overlaps would take more than a quarter of
/// it. Larger tiles save little, and need more memory.
const LARGEST_TILE: usize = 2048;

/// All tilings of a generator that is used in one mode.
#[derive(Debug, Clone)]
pub struct Tilings {
    /// Cores and tiles are multiples of this.
    pub(super) multiple: usize,
    /// The least side of a tile that the generator takes.
    pub(super) least: usize,
    /// How far a block of `multiple` pixels sees beyond itself.
    pub(super) reach: usize,
    /// The states for the statistics that are measured, in the order of their layers.
    pub(super) measured: Vec<StateId>,
}

impl Tilings {
    /// Those of `generator` used in `mode`. Adds states for the statistics: two numbers for each
    /// channel of a layer whose statistics are the image's.
    ///
    /// # Errors
    /// Those of recording the generator.
    pub fn new(
        states: &mut StateList,
        generator: &Generator,
        mode: &Mode,
    ) -> Result<Self, TrainError> {
        let multiple = generator.multiple();
        let side = 2 * multiple;
        let image = Shape::nhwc(1, side, side, generator.config().channels()[0]);
        let (tape, input, output) = record(states, generator, image, mode)?;
        Ok(Self {
            multiple,
            least: generator.config().least_side(),
            reach: reach(&tape, input, output, multiple, multiple),
            measured: measured(states, &tape),
        })
    }

    /// Tiles of `tile` pixels. They overlap by `overlap`, or else by so much that no tile's edge
    /// shows.
    ///
    /// # Errors
    /// Sizes that do not suit the generator or leave nothing of a tile.
    pub fn of(&self, tile: usize, overlap: Option<usize>) -> Result<Tiling, ConfigError> {
        check_multiple("tile", tile, self.multiple)?;
        overlap.map_or(Ok(()), |overlap| {
            check_multiple("overlap", overlap, self.multiple)
        })?;
        let shared = overlap.unwrap_or(self.seamless_overlap());
        let smallest = self.smallest(shared);
        if tile < smallest {
            let reach = self.reach;
            let cause = match overlap {
                Some(overlap) => format!("tiles that overlap by {overlap} pixels"),
                None => format!(
                    "seamless tiles of a generator whose values see {reach} pixels around them"
                ),
            };
            return Err(ConfigError::new(
                "tile",
                format!("`tile` {tile} is too small for {cause}"),
                format!("use `tile` {smallest} or more, or a smaller `overlap`"),
            ));
        }
        Ok(self.tiling(tile, shared))
    }

    fn tiling(&self, tile: usize, overlap: usize) -> Tiling {
        Tiling {
            tile,
            overlap,
            of: self.clone(),
        }
    }

    /// The smallest overlap with which no tile's edge shows.
    pub(super) fn seamless_overlap(&self) -> usize {
        (2 * self.reach).next_multiple_of(2 * self.multiple)
    }

    /// The least side of tiles that overlap by so much.
    fn smallest(&self, overlap: usize) -> usize {
        let least = self.least.next_multiple_of(self.multiple);
        overlap.saturating_add(self.multiple).max(least)
    }

    /// Translates an image of `shape` that does not fit the device in one piece, in the largest
    /// tiles that do. `begin` gives the image, and learns of the tiles. If the device then has less
    /// memory than it seemed, it is called again for smaller tiles. Returns what it gave last.
    ///
    /// # Errors
    /// Tiles that do not fit the device, however small; those of [`Tiling::translate`] and of
    /// `begin`.
    pub async fn translate<C: Canvas>(
        &self,
        (gpu, store): (&Gpu, &Store),
        (generator, mode): (&Generator, &Mode),
        shape: Shape,
        mut begin: impl FnMut(&Tiling) -> Result<C, TrainError>,
    ) -> Result<C, TrainError> {
        let mut below = shape.height().max(shape.width());
        loop {
            let tiling = self.fitting((gpu, store.states()), (generator, mode), below)?;
            let mut canvas = begin(&tiling)?;
            let translated = tiling
                .translate((gpu, store), (generator, mode), shape, &mut canvas)
                .await;
            match translated {
                Ok(()) => return Ok(canvas),
                Err(error) if !error.is_too_large() => return Err(error),
                Err(_) => below = tiling.tile - tiling.tile / 4,
            }
        }
    }

    /// The largest tiles of less than `below` pixels whose plan fits the device. Seamless ones are
    /// preferred. If these are too large, tiles overlap by a quarter and are blended.
    fn fitting(
        &self,
        (gpu, states): (&Gpu, &StateList),
        network: (&Generator, &Mode),
        below: usize,
    ) -> Result<Tiling, TrainError> {
        let out_of_memory = |doing: String| {
            let held = gpu.memory_bytes();
            TrainError::from(GpuError::OutOfMemory { doing, held })
        };
        let check = |tiling: &Tiling| -> Result<(), TrainError> {
            let memory = tiling.memory(states, network, gpu.profile())?;
            if memory.total() <= gpu.memory_limit() {
                return Ok(());
            }
            let tile = tiling.tile;
            Err(out_of_memory(format!("planning tiles of {tile} pixels")))
        };
        let largest = |sides: Range<usize>, tiling: &dyn Fn(usize) -> Tiling| {
            let sides: Vec<usize> = sides.step_by(self.multiple).collect();
            // If a tile fits, every smaller one does.
            let fitting = sides.partition_point(|&side| check(&tiling(side)).is_ok());
            Some(tiling(sides[fitting.checked_sub(1)?]))
        };
        let overlap = self.seamless_overlap();
        let smallest = self.smallest(overlap);
        let most = LARGEST_TILE.max(4 * overlap) + 1;
        let seamless = |tile| self.tiling(tile, overlap);
        let blended = |tile: usize| {
            let quarter = (tile / 4).next_multiple_of(self.multiple);
            self.tiling(tile, quarter)
        };
        let least = self.smallest(self.multiple);
        largest(smallest..below.min(most), &seamless)
            .or_else(|| largest(least..below.min(smallest), &blended))
            .ok_or_else(|| {
                let refused = check(&blended(least)).err();
                refused
                    .unwrap_or_else(|| out_of_memory("translating the smallest tiles".to_owned()))
            })
    }
}

impl Tiling {
    /// The device memory of a store and a program that shows tiles over it.
    fn memory(
        &self,
        states: &StateList,
        (generator, mode): (&Generator, &Mode),
        profile: &Profile,
    ) -> Result<Memory, TrainError> {
        let channels = generator.config().channels()[0];
        let tile = Shape::nhwc(1, self.tile, self.tile, channels);
        let (tape, _, output) = record(states, generator, tile, mode)?;
        let layers = layers(&tape);
        let tape = known(&tape, &layers, &self.of.measured, layers.len());
        let plan = Plan::new(&tape, states, &[output], profile)?;
        let mut memory = Memory::of_states(states, false, profile)?;
        memory.add_programs(&Programs::one(&plan, profile), 1);
        // What is read back.
        memory.staging += buffer_bytes(tape.shape(output).bytes());
        Ok(memory)
    }
}

/// Refuses a number of pixels that is no multiple of what the generator needs. The nearest size of
/// a tile is not 0.
fn check_multiple(field: &'static str, pixels: usize, multiple: usize) -> Result<(), ConfigError> {
    if pixels.is_multiple_of(multiple) {
        return Ok(());
    }
    let below = (pixels / multiple).max(usize::from(field == "tile")) * multiple;
    Err(ConfigError::new(
        field,
        format!("`{field}` {pixels} is no multiple of {multiple}"),
        format!(
            "the nearest are {below} and {}",
            below.saturating_add(multiple)
        ),
    ))
}

/// Adds a state for each layer whose statistics are taken of the whole image.
fn measured(states: &mut StateList, tape: &Tape) -> Vec<StateId> {
    let layers = layers(tape);
    if layers.is_empty() {
        return Vec::new();
    }
    let arena = states.arena("generator.measured", false);
    let shapes = layers.iter().map(|(layer, _)| tape.shape(*layer));
    shapes
        .enumerate()
        .map(|(number, shape)| {
            let name = format!("statistics.{number}");
            states.add(arena, name, shape, Init::Constant(0.0))
        })
        .collect()
}
