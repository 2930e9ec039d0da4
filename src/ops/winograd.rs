//! The launches of rung 10: convolutions of stride 1 by Winograd's minimal filtering of 2 x 2 outputs a tile (Lavin and Gray, "Fast
//! algorithms for convolutional neural networks", arXiv 1509.09308).
//!
//! Inputs and weights are taken as polynomials along each axis and evaluated at points; products at the points are those of whole
//! matrices; and outputs are made of them again. The matrices of the three transforms follow from the points (section 4 there):
//! 0, 1, -1, infinity for a kernel of 3, and 2 besides for one of 4.

use super::choice::wide::EIGHT;
use super::choice::{Candidate, ContractionKey, Family};
use super::contraction::Geometry;
use super::lower::{Choice, Dispatch, LowerContext, Lowered, Operand, Slot};
use crate::gpu::KernelSpec;
use crate::shader;
use crate::tensor::{F32_BYTES, Shape};
use bytemuck::{Pod, Zeroable};

/// Outputs of a tile along an axis.
const OUTPUTS: usize = 2;
/// Most points along an axis.
const POINTS: usize = 5;
/// Threads of a workgroup of `winograd_transform.wgsl`.
const WORKGROUP: usize = 8;
/// The rung.
pub(crate) const RUNG: &str = "10_winograd";
/// Most workspace: larger maps are left to rungs that need none.
const WORKSPACE_BYTES: u64 = 64 << 20;
/// A matrix of a transform; what a smaller one lacks is 0.
type Matrix = [[f32; POINTS]; POINTS];

/// The transforms along one axis for a kernel of one size, named as in the paper.
struct Transforms {
    /// From a tile's inputs to their values at the points.
    input: Matrix,
    /// From the kernel to its values at the points.
    weight: Matrix,
    /// From products at the points to outputs.
    output: Matrix,
}

const KERNEL_3: Transforms = Transforms {
    input: [[-1.0, 0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0, 0.0], [0.0, -1.0, 1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 1.0, 0.0], [0.0; 5]],
    weight: [[-1.0, 0.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.0, 0.0], [0.5, -0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [0.0; 5]],
    output: [[1.0, 1.0, 1.0, 0.0, 0.0], [0.0, 1.0, -1.0, 1.0, 0.0], [0.0; 5], [0.0; 5], [0.0; 5]],
};

const THIRD: f32 = 1.0 / 3.0;
const SIXTH: f32 = 1.0 / 6.0;
const KERNEL_4: Transforms = Transforms {
    input: [
        [2.0, -1.0, -2.0, 1.0, 0.0],
        [0.0, -2.0, -1.0, 1.0, 0.0],
        [0.0, 2.0, -3.0, 1.0, 0.0],
        [0.0, -1.0, 0.0, 1.0, 0.0],
        [0.0, 2.0, -1.0, -2.0, 1.0],
    ],
    weight: [
        [0.5, 0.0, 0.0, 0.0, 0.0],
        [-0.5, -0.5, -0.5, -0.5, 0.0],
        [-SIXTH, SIXTH, -SIXTH, SIXTH, 0.0],
        [SIXTH, THIRD, 2.0 * THIRD, 4.0 * THIRD, 0.0],
        [0.0, 0.0, 0.0, 1.0, 0.0],
    ],
    output: [[1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 1.0, -1.0, 2.0, 1.0], [0.0; 5], [0.0; 5], [0.0; 5]],
};

/// Where the values of tiles lie, in eights, and which positions of a map they are: WGSL struct `Side`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Side {
    offset: u32,
    image: u32,
    tile_y: u32,
    tile_x: u32,
    y: u32,
    x: u32,
    height: u32,
    width: u32,
    spacing: u32,
    padding: u32,
    count: u32,
    pad: u32,
}

impl Side {
    /// Tiles of `count` values an axis that are cut from a map every two pixels, or that make it up.
    fn map(map: Operand, padding: usize, count: usize) -> Self {
        let [height, width] = [map.shape.height() as u32, map.shape.width() as u32];
        let x = map.stride / 2;
        let (y, spacing) = (width * x, OUTPUTS as u32);
        Self {
            offset: map.offset / 2,
            image: height * y,
            tile_y: spacing * y,
            tile_x: spacing * x,
            y,
            x,
            height,
            width,
            spacing,
            padding: padding as u32,
            count: count as u32,
            pad: 0,
        }
    }

    /// Values that lie `[count, count, rest]`, `rest` eights of them together, from `offset` on.
    fn planes(offset: usize, count: usize, rest: usize) -> Self {
        let [offset, count, rest] = [offset, count, rest].map(|eights| eights as u32);
        Self { offset, y: count * rest, x: rest, height: count, width: count, count, ..Self::default() }
    }

    /// The same for the tiles of maps: `[count, count, image, row, column, channels]`.
    fn tiles(offset: usize, count: usize, tiles: Tiles, eights: usize) -> Self {
        let [tile_x, columns, rows] = [eights, tiles.columns, tiles.rows].map(|size| size as u32);
        let tile_y = columns * tile_x;
        Self { image: rows * tile_y, tile_y, tile_x, ..Self::planes(offset, count, tiles.count() * eights) }
    }
}

/// WGSL struct `Params` of `winograd_transform.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct TransformParams {
    input: Side,
    output: Side,
    matrix: [[f32; 8]; POINTS],
    eights: u32,
    columns: u32,
    rows: u32,
    items: u32,
    input_slope: f32,
    has_bias: u32,
    pad: [u32; 2],
}

/// WGSL struct `Params` of `10_winograd.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct MultiplyParams {
    tiles: u32,
    in_channels8: u32,
    out_channels8: u32,
    transposed: u32,
    input: u32,
    weight: u32,
    product: u32,
    points: u32,
}

/// How an output is made up of tiles.
#[derive(Clone, Copy)]
struct Tiles {
    images: usize,
    rows: usize,
    columns: usize,
}

impl Tiles {
    fn of(output: Shape) -> Self {
        Self { images: output.batch(), rows: output.height().div_ceil(OUTPUTS), columns: output.width().div_ceil(OUTPUTS) }
    }

    fn count(&self) -> usize {
        self.images * self.rows * self.columns
    }
}

/// Sizes of a contraction; those of channels and of the three parts of the workspace, which follow one another, are in eights.
struct Sizes {
    tiles: Tiles,
    /// Inputs of a tile, and points, along an axis.
    side: usize,
    in_channels: usize,
    out_channels: usize,
    /// The weight as it lies.
    kernel: usize,
    inputs: usize,
    weights: usize,
    products: usize,
}

impl Sizes {
    fn of(key: &ContractionKey) -> Self {
        let tiles = Tiles::of(key.output());
        let input = if key.family == Family::ConvTranspose2d { key.small } else { key.large };
        let [in_channels, out_channels] = [input, key.output()].map(|map| map.channels() / EIGHT);
        let side = key.geometry.kernel + OUTPUTS - 1;
        let kernel = in_channels * EIGHT * out_channels;
        let [inputs, weights, products] =
            [tiles.count() * in_channels, kernel, tiles.count() * out_channels].map(|eights| side.pow(2) * eights);
        Self { tiles, side, in_channels, out_channels, kernel, inputs, weights, products }
    }

    fn bytes(&self) -> u64 {
        ((self.inputs + self.weights + self.products) * EIGHT) as u64 * F32_BYTES
    }
}

/// Tiles of an output.
pub(crate) fn tiles(output: Shape) -> usize {
    Tiles::of(output).count()
}

/// Points at which a contraction is multiplied, of both axes; `None` for one that the rung does not compute.
pub(crate) fn points(key: &ContractionKey) -> Option<usize> {
    let Geometry { kernel, stride, padding } = key.geometry;
    let computed = key.family != Family::Conv2dGradWeight && stride == 1 && matches!(kernel, 3 | 4) && padding < kernel;
    let sizes = computed.then(|| Sizes::of(key))?;
    (sizes.bytes() <= WORKSPACE_BYTES).then(|| sizes.side.pow(2))
}

/// The rung's shader.
pub(crate) fn kernel() -> KernelSpec {
    KernelSpec::new(shader!("conv2d/10_winograd"))
}

/// Whether this is the rung.
pub(crate) fn is_rung(kernel: &KernelSpec) -> bool {
    kernel.source.rung() == RUNG
}

/// The launches of a contraction for which the rung was chosen: tiles and weight to the points, products, and back.
pub(crate) fn lower(context: &LowerContext, key: ContractionKey, chosen: Candidate) -> Lowered {
    let sizes = Sizes::of(&key);
    let (input, output) = (context.inputs[0], context.output);
    let [weights, products] = [sizes.inputs, sizes.inputs + sizes.weights];
    let (tiles, side, taps) = (sizes.tiles, sizes.side, key.geometry.kernel);
    let Transforms { input: from_input, weight: mut from_weight, output: to_output } = if taps == 3 { KERNEL_3 } else { KERNEL_4 };
    let mut padding = key.geometry.padding;
    if key.family == Family::ConvTranspose2d {
        // A convolution with the kernel turned and what is left of the padding.
        from_weight.iter_mut().for_each(|row| row[..taps].reverse());
        padding = taps - 1 - padding;
    }
    let multiply = MultiplyParams {
        tiles: tiles.count() as u32,
        in_channels8: sizes.in_channels as u32,
        out_channels8: sizes.out_channels as u32,
        transposed: key.transposed.into(),
        input: 0,
        weight: weights as u32,
        product: products as u32,
        points: side.pow(2) as u32,
    };
    let plain = Transform { tiles, input_slope: 1.0, has_bias: false };
    let single = Tiles { images: 1, rows: 1, columns: 1 };
    // For a binding that is not read.
    let any = Slot::Input(1);
    let [inputs_at, outputs_at] = [Side::tiles(0, side, tiles, sizes.in_channels), Side::tiles(products, side, tiles, sizes.out_channels)];
    let input_transform = Transform { input_slope: context.slopes[0], ..plain };
    let weight_transform = Transform { tiles: single, ..plain };
    let output_transform = Transform { has_bias: key.bias, ..plain };
    let bias = if key.bias { Slot::Input(2) } else { any.clone() };
    Lowered {
        choice: Some(Choice { key, kernel: chosen.name }),
        dispatches: vec![
            input_transform.dispatch(
                &from_input,
                [Side::map(input, padding, side), inputs_at],
                sizes.in_channels,
                [Slot::Input(0), Slot::Workspace, any.clone()],
            ),
            weight_transform.dispatch(
                &from_weight,
                [Side::planes(0, taps, sizes.kernel), Side::planes(weights, side, sizes.kernel)],
                sizes.kernel,
                [Slot::Input(1), Slot::Workspace, any],
            ),
            Dispatch::new(chosen.kernel, &multiply, vec![Slot::Workspace], chosen.groups),
            output_transform.dispatch(
                &to_output,
                [outputs_at, Side::map(output, 0, OUTPUTS)],
                sizes.out_channels,
                [Slot::Workspace, Slot::Output, bias],
            ),
        ],
        workspace_bytes: sizes.bytes(),
    }
}

/// What a launch of `winograd_transform.wgsl` does besides the matrix.
#[derive(Clone, Copy)]
struct Transform {
    tiles: Tiles,
    input_slope: f32,
    has_bias: bool,
}

impl Transform {
    /// Takes `eights` that lie side by side from one side to the other by `rows`.
    fn dispatch(self, rows: &Matrix, [input, output]: [Side; 2], eights: usize, slots: [Slot; 3]) -> Dispatch {
        let items = self.tiles.count() * eights;
        let mut matrix = [[0.0; 8]; POINTS];
        for (row, column) in (0..POINTS).flat_map(|row| (0..POINTS).map(move |column| (row, column))) {
            matrix[column][row] = rows[row][column];
        }
        let params = TransformParams {
            input,
            output,
            matrix,
            eights: eights as u32,
            columns: self.tiles.columns as u32,
            rows: self.tiles.rows as u32,
            items: items as u32,
            input_slope: self.input_slope,
            has_bias: self.has_bias.into(),
            pad: [0; 2],
        };
        Dispatch::new(KernelSpec::new(shader!("conv2d/winograd_transform")), &params, slots.to_vec(), items.div_ceil(WORKGROUP))
    }
}
