//! The launches of the Winograd rung: contractions of stride 1 by Winograd's minimal filtering
//! (Lavin and Gray, "Fast algorithms for convolutional neural networks", arXiv 1509.09308).
//!
//! Inputs and weights go to points along each axis; products at the points are those of whole
//! matrices; and outputs are made of them again. A tile has 6 x 6 points whatever the kernel: it
//! makes 3 x 3 outputs of a kernel of 4, and 4 x 4 of one of 3. A weight gradient is the same with
//! the roles changed: tiles of the gradient are the weights, and the sum over all tiles makes one
//! tile of outputs, the kernel.

mod points;
mod transform;

use super::candidate::Candidate;
use super::geometry::Geometry;
use super::key::{ContractionKey, Family};
use crate::gpu::{KernelSpec, shader};
use crate::tape::vector_width::VEC8;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot};
use crate::tensor::F32_BYTES;
use points::{Matrix, SIDE};
use transform::{TileGrid, TileLayout, Transform};

/// Points of a tile.
pub(crate) const POINTS: usize = SIDE * SIDE;
/// Most scratch: larger maps are left to rungs that need none.
const SCRATCH_BYTES: u64 = 64 << 20;

/// Sizes of a contraction; those of channels and of the scratch are in groups of eight.
struct WinogradSizes {
    /// The tiles of a convolution's output, or of a weight gradient's small map.
    tiles: TileGrid,
    /// Outputs of a tile along an axis, or pixels of the small map.
    side: usize,
    /// Channels of the map that the tiles' inputs are cut from.
    in_channels: usize,
    /// Channels of the map that is cut into tiles.
    out_channels: usize,
    /// A tap of the weight.
    tap: usize,
    /// The three parts of the scratch, which follow one another: both factors at the points, and
    /// their product.
    parts: [usize; 3],
}

impl WinogradSizes {
    fn of(key: &ContractionKey) -> Self {
        let output = key.output();
        let input = if key.family == Family::ConvTranspose2d {
            key.small
        } else {
            key.large
        };
        let side = points::outputs(key.geometry.kernel);
        let tiles = TileGrid {
            images: output.batch(),
            rows: output.height().div_ceil(side),
            columns: output.width().div_ceil(side),
        };
        let [in_channels, out_channels] = [input, output].map(|map| map.channels() / VEC8);
        let tap = in_channels * VEC8 * out_channels;
        let [inputs, outputs] =
            [in_channels, out_channels].map(|channels| tiles.count() * channels);
        let parts = if key.family == Family::Conv2dGradWeight {
            [inputs, outputs, tap]
        } else {
            [inputs, tap, outputs]
        };
        Self {
            tiles,
            side,
            in_channels,
            out_channels,
            tap,
            parts: parts.map(|vectors8| POINTS * vectors8),
        }
    }

    fn bytes(&self) -> u64 {
        (self.parts.iter().sum::<usize>() * VEC8) as u64 * F32_BYTES
    }

    /// Where the parts of the scratch begin.
    fn offsets(&self) -> [usize; 3] {
        [0, self.parts[0], self.parts[0] + self.parts[1]]
    }
}

/// Tiles of a contraction, if the rung computes it.
pub(crate) fn tiles(key: &ContractionKey) -> Option<usize> {
    let Geometry {
        kernel,
        stride,
        padding,
    } = key.geometry;
    let computed = stride == 1 && matches!(kernel, 3 | 4) && padding < kernel;
    let sizes = computed.then(|| WinogradSizes::of(key))?;
    (sizes.bytes() <= SCRATCH_BYTES).then(|| sizes.tiles.count())
}

/// The shader that multiplies; the tile is the caller's.
pub(crate) fn kernel(family: Family) -> KernelSpec {
    KernelSpec::new(match family {
        Family::Conv2d | Family::ConvTranspose2d => shader!("conv2d/winograd"),
        Family::Conv2dGradWeight => shader!("conv2d_grad_weight/winograd"),
    })
}

crate::params! {
    /// WGSL struct `Params` of `conv2d/winograd.wgsl`.
    struct ProductParams {
        tiles: u32,
        in_channels8: u32,
        out_channels8: u32,
        transposed: u32,
        input: u32,
        weight: u32,
        product: u32,
        points: u32,
    }
}

impl WinogradSizes {
    /// The products of a convolution.
    fn products(&self, transposed: bool) -> ProductParams {
        let [input, weight, product] = self.offsets().map(|vectors8| vectors8 as u32);
        ProductParams {
            tiles: self.tiles.count() as u32,
            in_channels8: self.in_channels as u32,
            out_channels8: self.out_channels as u32,
            transposed: transposed.into(),
            input,
            weight,
            product,
            points: POINTS as u32,
        }
    }
}

/// How a convolution's weight goes to the points, and the padding of its input. A transposed
/// convolution is a convolution with the kernel turned and what is left of the padding.
fn weight_and_padding(key: &ContractionKey) -> (Matrix, usize) {
    let (taps, padding) = (key.geometry.kernel, key.geometry.padding);
    let mut of_weight = points::of_weight(taps);
    if key.family != Family::ConvTranspose2d {
        return (of_weight, padding);
    }
    of_weight.iter_mut().for_each(|row| row[..taps].reverse());
    (of_weight, taps - 1 - padding)
}

/// The launches of a convolution for which the rung was chosen: tiles and weight to the points,
/// products, and back.
pub(crate) fn lower_conv(
    context: &LowerContext,
    key: &ContractionKey,
    chosen: Candidate,
    slopes: [f32; 2],
) -> Lowered {
    let sizes = WinogradSizes::of(key);
    let (input, output) = (context.inputs[0], context.output);
    let [inputs_at, weights_at, products_at] = sizes.offsets();
    let (tiles, side, taps) = (sizes.tiles, sizes.side, key.geometry.kernel);
    let (of_weight, padding) = weight_and_padding(key);
    let to_points = Transform {
        matrix: points::of_input(),
        input: TileLayout::map(input, padding, SIDE, side),
        output: TileLayout::points(inputs_at, tiles, sizes.in_channels),
        tiles,
        vectors8: sizes.in_channels,
        input_slope: slopes[0],
        has_bias: false,
    };
    let weight_to_points = Transform {
        matrix: of_weight,
        input: TileLayout::planes(0, taps, sizes.tap),
        output: TileLayout::planes(weights_at, SIDE, sizes.tap),
        tiles: TileGrid::SINGLE,
        vectors8: sizes.tap,
        input_slope: 1.0,
        has_bias: false,
    };
    let multiply = sizes.products(key.transposed);
    let back = Transform {
        matrix: points::of_product(side),
        input: TileLayout::points(products_at, tiles, sizes.out_channels),
        output: TileLayout::map(output, 0, side, side),
        tiles,
        vectors8: sizes.out_channels,
        input_slope: 1.0,
        has_bias: key.bias,
    };
    // For a binding that is not read.
    let any = Slot::Input(1);
    let bias = if key.bias {
        Slot::Input(2)
    } else {
        any.clone()
    };
    Lowered {
        dispatches: vec![
            to_points.dispatch([Slot::Input(0), Slot::Scratch, any.clone()]),
            weight_to_points.dispatch([Slot::Input(1), Slot::Scratch, any]),
            Dispatch::new(chosen.kernel, &multiply, vec![Slot::Scratch], chosen.groups),
            back.dispatch([Slot::Scratch, Slot::Output, bias]),
        ],
        scratch_bytes: sizes.bytes(),
    }
}

crate::params! {
    /// WGSL struct `Params` of `conv2d_grad_weight/winograd.wgsl`.
    struct GradWeightProductParams {
        tiles: u32,
        rows8: u32,
        columns8: u32,
        points: u32,
        row_map: u32,
        column_map: u32,
        product: u32,
        pad: u32,
    }
}

impl WinogradSizes {
    /// The products of a weight gradient.
    fn grad_weight_products(&self, transposed: bool) -> GradWeightProductParams {
        let [large_at, small_at, products_at] = self.offsets();
        let maps = [(self.in_channels, large_at), (self.out_channels, small_at)];
        let [(rows8, row_map), (columns8, column_map)] =
            if transposed { [maps[1], maps[0]] } else { maps };
        GradWeightProductParams {
            tiles: self.tiles.count() as u32,
            rows8: rows8 as u32,
            columns8: columns8 as u32,
            points: POINTS as u32,
            row_map: row_map as u32,
            column_map: column_map as u32,
            product: products_at as u32,
            pad: 0,
        }
    }
}

/// The launches of a weight gradient for which the rung was chosen: tiles of both maps to the
/// points, products summed over all tiles, and back to the kernel.
pub(crate) fn lower_grad_weight(
    context: &LowerContext,
    key: &ContractionKey,
    chosen: Candidate,
    slopes: [f32; 2],
) -> Lowered {
    let sizes = WinogradSizes::of(key);
    let [large_at, small_at, products_at] = sizes.offsets();
    let (tiles, side, taps) = (sizes.tiles, sizes.side, key.geometry.kernel);
    let large = Transform {
        matrix: points::of_input(),
        input: TileLayout::map(context.inputs[0], key.geometry.padding, SIDE, side),
        output: TileLayout::points(large_at, tiles, sizes.in_channels),
        tiles,
        vectors8: sizes.in_channels,
        input_slope: slopes[0],
        has_bias: false,
    };
    let small = Transform {
        matrix: points::of_weight(side),
        input: TileLayout::map(context.inputs[1], 0, side, side),
        output: TileLayout::points(small_at, tiles, sizes.out_channels),
        tiles,
        vectors8: sizes.out_channels,
        input_slope: slopes[1],
        has_bias: false,
    };
    let multiply = sizes.grad_weight_products(key.transposed);
    let back = Transform {
        matrix: points::of_product(taps),
        input: TileLayout::planes(products_at, SIDE, sizes.tap),
        output: TileLayout::planes(0, taps, sizes.tap),
        tiles: TileGrid::SINGLE,
        vectors8: sizes.tap,
        input_slope: 1.0,
        has_bias: false,
    };
    // For a binding that is not read.
    let any = Slot::Input(1);
    Lowered {
        dispatches: vec![
            large.dispatch([Slot::Input(0), Slot::Scratch, any.clone()]),
            small.dispatch([Slot::Input(1), Slot::Scratch, any.clone()]),
            Dispatch::new(chosen.kernel, &multiply, vec![Slot::Scratch], chosen.groups),
            back.dispatch([Slot::Scratch, Slot::Output, any]),
        ],
        scratch_bytes: sizes.bytes(),
    }
}
