//! Translates images of any size tile by tile. The memory does not grow with the image, neither on
//! the device nor on the host.
//!
//! Some normalisations need statistics of the whole image. They are measured first, one layer at a
//! time. Then all tiles are translated with them. A generator with n such layers runs n + 1 times
//! over the image, each time as far as the layer that is measured.

mod moments;
mod tilings;

pub use tilings::Tilings;

use super::config::ConfigError;
use super::error::TrainError;
use super::strip::Strip;
use super::tiles::Tiles;
use crate::gpu::Gpu;
use crate::nn::{DropoutMode, Fit, Generator, Mode};
use crate::ops::batch_norm::{Groups, Statistics};
use crate::ops::window::Window;
use crate::program::{Program, Store};
use crate::state::{StateId, StateList};
use crate::tape::{ArenaPart, StepState};
use crate::tape::{Node, Source, Tape, Var};
use crate::tensor::Shape;
use moments::Moments;
use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;

/// How a generator is used tile by tile.
#[derive(Debug, Clone)]
pub struct Tiling {
    /// Side of a tile in pixels.
    pub tile: usize,
    /// The fewest pixels that neighbouring tiles share.
    pub overlap: usize,
    of: Tilings,
}

/// An image that is translated tile by tile. It says where the values of tiles come from, where
/// finished rows go, and where unfinished rows are kept.
pub trait Canvas {
    /// The values of a window in -1..1. The window is given by its top, left, height and width.
    /// Beyond the last row and column, the image is reflected. Each pass over the image asks for
    /// all tiles, one row of tiles after the other.
    ///
    /// # Errors
    /// Those of reading.
    fn read(&mut self, window: [usize; 4]) -> Result<Vec<f32>, TrainError>;

    /// Takes the next finished rows, `[rows, width, out_channels]`. They come in order.
    ///
    /// # Errors
    /// Those of writing.
    fn write(&mut self, rows: &[f32]) -> Result<(), TrainError>;

    /// A folder for rows that are not finished. There are as many as a tile has, of the image's
    /// width, in 32-bit floats.
    fn folder(&self) -> &Path;
}

/// How many finished values are written at once. It is at least a row.
const VALUES: usize = 1 << 18;

impl Tiling {
    /// Checks that tiles go with the way that a generator is used: with the `fit` of images, the
    /// `mode`, and the number of images in a `batch`.
    ///
    /// # Errors
    /// The way of use that tiles do not go with.
    pub fn check(fit: Fit, mode: &Mode, batch: usize) -> Result<(), ConfigError> {
        let (field, rule, remedy) = if fit != Fit::Pad {
            ("fit", "`tile` pads images", "use `fit` pad")
        } else if mode.dropout != DropoutMode::Off {
            (
                "test.dropout",
                "dropout would draw other masks in every tile",
                "use `test.dropout` false and no `samples`",
            )
        } else if batch > 1 {
            (
                "batch",
                "`tile` takes one image at a time",
                "leave out `batch`",
            )
        } else {
            return Ok(());
        };
        Err(ConfigError::new(field, rule, remedy))
    }

    /// Tiles of `tile` pixels for `generator` used in `mode`. They overlap by `overlap`, or else by
    /// so much that no tile's edge shows. Adds states for the statistics.
    ///
    /// # Errors
    /// Those of [`Tilings::new`] and [`Tilings::of`].
    pub fn new(
        states: &mut StateList,
        generator: &Generator,
        mode: &Mode,
        tile: usize,
        overlap: Option<usize>,
    ) -> Result<Self, TrainError> {
        Ok(Tilings::new(states, generator, mode)?.of(tile, overlap)?)
    }

    /// Whether no tile's edge shows. Else neighbouring tiles are blended, and the result is not
    /// exactly that of the image in one piece.
    pub fn is_seamless(&self) -> bool {
        self.overlap >= self.of.seamless_overlap()
    }

    /// Tiles that are run for an image of this height and width, each once in every pass.
    pub fn count(&self, sides: [usize; 2]) -> usize {
        let [rows, columns] = self.axes(sides).map(|axis| axis.count());
        rows * columns * (self.of.measured.len() + 1)
    }

    /// Rows and columns of tiles for an image of these sides.
    fn axes(&self, [height, width]: [usize; 2]) -> [Tiles; 2] {
        let Tilings {
            multiple,
            least,
            reach,
            ..
        } = self.of;
        let padded = |side: usize| side.next_multiple_of(multiple).max(least);
        [height, width]
            .map(|side| Tiles::new(padded(side), self.tile, self.overlap, multiple, reach))
    }

    /// Translates an image of `shape`. The host holds one tile and some finished rows. One row of
    /// tiles of the result lies in a file.
    ///
    /// # Errors
    /// Tiles that do not fit the device, those of running and reading back, and those of `canvas`.
    pub async fn translate(
        &self,
        (gpu, store): (&Gpu, &Store),
        (generator, mode): (&Generator, &Mode),
        shape: Shape,
        canvas: &mut dyn Canvas,
    ) -> Result<(), TrainError> {
        let axes = self.axes([shape.height(), shape.width()]);
        let tile = Shape::nhwc(1, axes[0].tile, axes[1].tile, shape.channels());
        let (tape, input, output) = record(store.states(), generator, tile, mode)?;
        let layers = layers(&tape);
        let mut pass = Pass {
            gpu,
            store,
            axes: &axes,
            tape: &tape,
            input,
            layers: &layers,
            measured: &self.of.measured,
            canvas,
        };
        for layer in 0..layers.len() {
            pass.measure(layer).await?;
        }
        pass.show(output, [shape.height(), shape.width()]).await
    }
}

fn record(
    states: &StateList,
    generator: &Generator,
    shape: Shape,
    mode: &Mode,
) -> Result<(Tape, Var, Var), TrainError> {
    let mut tape = Tape::default();
    let input = tape.input("input", shape);
    let output = generator.forward(&mut tape, states, input, mode)?;
    Ok((tape, input, output))
}

/// The statistics that are taken of the whole image, in order, with the epsilon that they add to
/// the variance.
fn layers(tape: &Tape) -> Vec<(Var, f32)> {
    let statistics = |node: &Node| match &node.source {
        Source::Op(op) => (op.as_ref() as &dyn Any)
            .downcast_ref::<Statistics>()
            .map(|op| op.eps),
        _ => None,
    };
    tape.nodes()
        .iter()
        .enumerate()
        .filter_map(|(index, node)| Some((Var(index), statistics(node)?)))
        .collect()
}

/// `tape` with the first `count` statistics read from the states that were measured.
fn known(tape: &Tape, layers: &[(Var, f32)], measured: &[StateId], count: usize) -> Tape {
    let mut nodes = tape.nodes().to_vec();
    for ((layer, _), &state) in layers.iter().zip(measured).take(count) {
        nodes[layer.0].source = Source::State(state);
        nodes[layer.0].inputs.clear();
    }
    Tape::from_nodes(nodes)
}

/// What the passes over an image have in common.
struct Pass<'a> {
    gpu: &'a Gpu,
    store: &'a Store,
    axes: &'a [Tiles; 2],
    tape: &'a Tape,
    input: Var,
    layers: &'a [(Var, f32)],
    measured: &'a [StateId],
    canvas: &'a mut dyn Canvas,
}

impl Pass<'_> {
    /// Measures the statistics of a layer over the cores of all tiles. Those of the layers before
    /// it are known.
    async fn measure(&mut self, layer: usize) -> Result<(), TrainError> {
        let map = self
            .tape
            .shape(self.tape.nodes()[self.layers[layer].0.0].inputs[0]);
        let [rows, columns] = self.axes.each_ref().map(Tiles::count);
        let mut moments = Moments::default();
        // One program at a time: each holds a tile's maps.
        let mut ready = None;
        for row in 0..rows {
            // Tiles whose cores have the same place and size share a program.
            let mut alike: BTreeMap<[[usize; 2]; 2], Vec<usize>> = BTreeMap::new();
            (0..columns).for_each(|column| {
                alike
                    .entry(self.core([row, column], map))
                    .or_default()
                    .push(column)
            });
            for (core, columns) in alike {
                let (program, statistics) = match ready.take() {
                    Some((known, program, statistics)) if known == core => (program, statistics),
                    other => {
                        drop(other);
                        self.measuring(layer, core)?
                    }
                };
                for column in columns {
                    moments.add(
                        core[0][1] * core[1][1],
                        &self.run(&program, [row, column], statistics).await?,
                    );
                }
                ready = Some((core, program, statistics));
            }
        }
        Ok(self.store.write(
            self.gpu,
            self.measured[layer],
            ArenaPart::Value,
            &moments.statistics(),
        )?)
    }

    /// The program that measures a layer over a core, and the statistics in it.
    fn measuring(
        &self,
        layer: usize,
        [[top, height], [left, width]]: [[usize; 2]; 2],
    ) -> Result<(Program, Var), TrainError> {
        let (node, eps) = self.layers[layer];
        let mut tape = known(self.tape, self.layers, self.measured, layer);
        let core = Window::crop(top, left, height, width)
            .of(&mut tape, self.tape.nodes()[node.0].inputs[0])?;
        let statistics = tape.record(
            Statistics {
                groups: Groups::Batch,
                eps,
            },
            &[core],
        )?;
        Ok((
            Program::compile(self.gpu, self.store, &tape, &[statistics])?,
            statistics,
        ))
    }

    /// Translates the tiles and blends them, a row of tiles at a time.
    async fn show(&mut self, output: Var, [height, width]: [usize; 2]) -> Result<(), TrainError> {
        let program = Program::compile(
            self.gpu,
            self.store,
            &known(self.tape, self.layers, self.measured, self.layers.len()),
            &[output],
        )?;
        let channels = self.tape.shape(output).channels();
        let [rows, columns] = self.axes;
        let row_values = width * channels;
        let at_once = (VALUES / row_values.max(1)).max(1);
        let mut strip = Strip::create(self.canvas.folder(), rows.tile, row_values)?;
        let mut first = 0;
        for row in 0..rows.count() {
            for column in 0..columns.count() {
                let values = self.run(&program, [row, column], output).await?;
                let [down, across] = [rows.shown(row), columns.shown(column)];
                let across = across.start..across.end.min(width);
                let mut sums = vec![0.0; across.len() * channels];
                for y in down.start..down.end.min(height) {
                    let from = ((y - rows.start(row)) * columns.tile + across.start
                        - columns.start(column))
                        * channels;
                    strip.update(y, across.start * channels, &mut sums, |sums| {
                        for (x, (sums, values)) in across.clone().zip(
                            sums.chunks_mut(channels)
                                .zip(values[from..].chunks(channels)),
                        ) {
                            let weight = rows.weight(row, y) * columns.weight(column, x);
                            sums.iter_mut()
                                .zip(values)
                                .for_each(|(sum, value)| *sum += weight * value);
                        }
                    })?;
                }
            }
            // Later tiles add to the rows that they show and to none above.
            let end = if row + 1 < rows.count() {
                rows.shown(row + 1).start.min(height)
            } else {
                height
            };
            while first < end {
                let finished = strip.take(at_once.min(end - first))?;
                self.canvas.write(&finished)?;
                first += finished.len() / row_values;
            }
        }
        Ok(())
    }

    /// First position and length of a tile's core on a map of its own, along both axes.
    fn core(&self, at: [usize; 2], map: Shape) -> [[usize; 2]; 2] {
        [0, 1].map(|axis| {
            let (tiles, index) = (&self.axes[axis], at[axis]);
            let core = tiles.core(index);
            let side = [map.height(), map.width()][axis];
            [core.start - tiles.start(index), core.len()].map(|pixels| pixels * side / tiles.tile)
        })
    }

    /// Runs a program on a tile and reads one of its outputs.
    async fn run(
        &mut self,
        program: &Program,
        [row, column]: [usize; 2],
        output: Var,
    ) -> Result<Vec<f32>, TrainError> {
        let [rows, columns] = self.axes;
        program.write(
            self.gpu,
            self.input,
            &self.canvas.read([
                rows.start(row),
                columns.start(column),
                rows.tile,
                columns.tile,
            ])?,
        )?;
        program.run(self.gpu, self.store, &StepState::new(0, 0, 0.0, [0.0; 2]))?;
        Ok(program.read(self.gpu, output).await?)
    }
}
