//! What each layer of a generator makes of one picture, as pictures.

use super::error::InspectError;
use super::recorded::Recorded;
use crate::data::encode_png;
use crate::gpu::Gpu;
use crate::nn::{Fit, Generator, Mode};
use crate::program::{Program, Store};
use crate::state::StateList;
use crate::tape::{StepState, Var};
use crate::tensor::Shape;
use serde::Serialize;

/// How large the picture of a layer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapLimits {
    /// The most channels that are shown.
    pub channels: usize,
    /// The most pixels that a side of one channel has. Larger maps are averaged down.
    pub side: usize,
}

impl Default for MapLimits {
    fn default() -> Self {
        Self {
            channels: 64,
            side: 96,
        }
    }
}

/// The numbers of small maps are drawn larger, so that a channel has about this many pixels.
const LEAST_SIDE: usize = 64;
/// Between channels.
const GAP: usize = 2;
/// The grey between channels, and of a channel whose numbers are all the same.
const GROUND: u8 = 32;
const FLAT: u8 = 128;

/// The output of a layer for one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureMap {
    /// The layer.
    pub layer: String,
    /// `[height, width, channels]` of its output.
    pub shape: [usize; 3],
    /// The least and the greatest value of each channel that is shown. They are drawn black and
    /// white.
    pub ranges: Vec<[f32; 2]>,
    /// How many numbers are not finite. They are drawn black.
    pub not_finite: usize,
    /// Channels in a row of the grid.
    pub columns: usize,
    /// Width and height of the picture.
    pub size: [usize; 2],
    /// The picture: a grid of grey channels, as a PNG file.
    #[serde(skip)]
    pub png: Vec<u8>,
}

impl FeatureMap {
    /// What the picture shows, in one sentence.
    pub fn about(&self) -> String {
        let [height, width, channels] = self.shape;
        let shown = match self.ranges.len() {
            all if all == channels => format!("all {channels} channels"),
            some => format!("the first {some} of {channels} channels"),
        };
        let flat = self
            .ranges
            .iter()
            .filter(|range| range[0] == range[1])
            .count();
        let flat = match flat {
            0 => String::new(),
            flat => format!("; {flat} of them with one value everywhere, drawn grey"),
        };
        let broken = match self.not_finite {
            0 => String::new(),
            count => format!("; {count} numbers are not finite, drawn black"),
        };
        format!(
            "{width}×{height}, {shown}, each from its own least value (black) to its greatest \
             (white){flat}{broken}"
        )
    }
}

/// The output of every layer of `generator` for one picture, `[1, height, width, channels]` in
/// -1..1, and the result. `seed` draws dropout masks, if the mode has any.
///
/// # Errors
/// Pictures that do not fit the network or the device, and those of running and reading back.
pub async fn feature_maps(
    gpu: &Gpu,
    store: &Store,
    generator: &Generator,
    (picture, shape): (&[f32], Shape),
    (fit, mode): (Fit, &Mode),
    seed: u64,
    limits: MapLimits,
) -> Result<Vec<FeatureMap>, InspectError> {
    let recorded = Recorded::new(store.states(), generator, shape, fit, mode)?;
    let layers = shown_layers(&recorded);
    let outputs: Vec<_> = layers.iter().map(|(_, var)| *var).collect();
    let program = Program::compile(gpu, store, &recorded.forward.tape, &outputs)?;
    program.write(gpu, recorded.forward.input, picture)?;
    program.run(gpu, store, &StepState::new(seed, 0, 0.0, [0.0; 2]))?;
    let mut maps = Vec::with_capacity(layers.len());
    for (layer, var) in layers {
        let values = program.read(gpu, var).await?;
        maps.push(channel_grid(
            &layer,
            &values,
            recorded.forward.tape.shape(var),
            limits,
        )?);
    }
    Ok(maps)
}

/// The layers of [`feature_maps`], in their order. No device is needed.
///
/// # Errors
/// Pictures that do not fit the network.
pub fn layer_names(
    states: &StateList,
    generator: &Generator,
    shape: Shape,
    fit: Fit,
    mode: &Mode,
) -> Result<Vec<String>, InspectError> {
    let recorded = Recorded::new(states, generator, shape, fit, mode)?;
    let layers = shown_layers(&recorded).into_iter();
    Ok(layers.map(|(layer, _)| layer).collect())
}

/// The layers and the result.
fn shown_layers(recorded: &Recorded) -> Vec<(String, Var)> {
    let mut layers = recorded.layers.clone();
    layers.push(("output".to_owned(), recorded.forward.output));
    layers
}

/// The first image of `values`, `[batch, height, width, channels]`, as a grid of its channels.
///
/// # Errors
/// A picture that cannot be encoded.
pub fn channel_grid(
    layer: &str,
    values: &[f32],
    shape: Shape,
    limits: MapLimits,
) -> Result<FeatureMap, InspectError> {
    let (height, width, channels) = (shape.height(), shape.width(), shape.channels());
    let values = &values[..values.len().min(height * width * channels)];
    let shown = channels.min(limits.channels.max(1));
    let grid = Grid::new([height, width], shown, limits.side);
    let size = grid.size(shown);
    let mut pixels = vec![GROUND; 3 * size[0] * size[1]];
    let mut ranges = Vec::with_capacity(shown);
    for channel in 0..shown {
        let number = |row: usize, column: usize| {
            let at = (row * width + column) * channels + channel;
            values.get(at).copied().unwrap_or(0.0)
        };
        let range = range(height, width, number);
        ranges.push(range);
        let [top, left] = grid.corner(channel);
        for row in 0..grid.cell[0] {
            for column in 0..grid.cell[1] {
                let at = [row, column].map(|at| at / grid.zoom * grid.shrink);
                let mean = mean(at, [height, width], grid.shrink, number);
                let at = 3 * ((top + row) * size[0] + left + column);
                pixels[at..at + 3].fill(grey(mean, range));
            }
        }
    }
    let dimensions = (size[0] as u32, size[1] as u32);
    let png = encode_png(dimensions, &pixels).map_err(|error| InspectError::Picture {
        layer: layer.to_owned(),
        error,
    })?;
    Ok(FeatureMap {
        layer: layer.to_owned(),
        shape: [height, width, channels],
        ranges,
        not_finite: values.iter().filter(|value| !value.is_finite()).count(),
        columns: grid.columns,
        size,
        png,
    })
}

/// Where the channels of a map are drawn.
struct Grid {
    /// Channels in a row.
    columns: usize,
    /// So many rows and columns of numbers make a pixel,
    shrink: usize,
    /// or a number makes so many rows and columns of pixels.
    zoom: usize,
    /// Height and width of a channel in pixels.
    cell: [usize; 2],
}

impl Grid {
    fn new(map: [usize; 2], shown: usize, side: usize) -> Self {
        let columns = (1..=shown)
            .find(|columns| columns * columns >= shown)
            .unwrap_or(1);
        let shrink = map[0].max(map[1]).div_ceil(side.max(1)).max(1);
        let drawn = map.map(|side| side.div_ceil(shrink));
        let zoom = (LEAST_SIDE / drawn[0].max(drawn[1]).max(1)).max(1);
        Self {
            columns,
            shrink,
            zoom,
            cell: drawn.map(|side| side * zoom),
        }
    }

    /// Width and height of the picture.
    fn size(&self, shown: usize) -> [usize; 2] {
        let rows = shown.div_ceil(self.columns);
        [
            self.columns * (self.cell[1] + GAP) + GAP,
            rows * (self.cell[0] + GAP) + GAP,
        ]
    }

    /// The upper left corner of a channel, as row and column.
    fn corner(&self, channel: usize) -> [usize; 2] {
        let at = [channel / self.columns, channel % self.columns];
        [0, 1].map(|axis| GAP + at[axis] * (self.cell[axis] + GAP))
    }
}

/// The least and the greatest finite number of a channel.
fn range(height: usize, width: usize, number: impl Fn(usize, usize) -> f32) -> [f32; 2] {
    let mut range = [f32::INFINITY, f32::NEG_INFINITY];
    for row in 0..height {
        for column in 0..width {
            let value = number(row, column);
            if value.is_finite() {
                range = [range[0].min(value), range[1].max(value)];
            }
        }
    }
    if range[0] > range[1] { [0.0; 2] } else { range }
}

/// The mean of a square of numbers, as far as it lies in the map.
fn mean(
    [top, left]: [usize; 2],
    [height, width]: [usize; 2],
    side: usize,
    number: impl Fn(usize, usize) -> f32,
) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for row in top..(top + side).min(height) {
        for column in left..(left + side).min(width) {
            sum += number(row, column);
            count += 1;
        }
    }
    sum / count.max(1) as f32
}

fn grey(value: f32, [low, high]: [f32; 2]) -> u8 {
    match (value.is_finite(), high > low) {
        (false, _) => 0,
        (_, false) => FLAT,
        // A cast of a float to u8 stays within its bounds.
        _ => ((value - low) / (high - low) * 255.0).round() as u8,
    }
}
