//! A launch of `winograd_transform.wgsl`: tiles from the input to the output through a matrix.

use super::points::{Matrix, SIDE};
use crate::gpu::{KernelSpec, OffsetStride, shader};
use crate::tape::{Dispatch, Operand, Slot};

/// Threads of a workgroup.
const WORKGROUP: usize = 8;

/// How maps are cut into tiles.
#[derive(Clone, Copy)]
pub(super) struct TileGrid {
    pub images: usize,
    pub rows: usize,
    pub columns: usize,
}

impl TileGrid {
    /// What is no map, as one tile.
    pub const SINGLE: Self = Self {
        images: 1,
        rows: 1,
        columns: 1,
    };

    pub const fn count(&self) -> usize {
        self.images * self.rows * self.columns
    }
}

crate::params! {
    /// Where the values of tiles lie, in groups of eight, and which positions of a map they are:
    /// WGSL struct `TileLayout`.
    #[derive(Default)]
    pub(super) struct TileLayout {
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
}

impl TileLayout {
    /// Tiles of `count` values an axis, one every `spacing` positions of a map.
    pub fn map(map: Operand, padding: usize, count: usize, spacing: usize) -> Self {
        let [height, width] = [map.shape.height() as u32, map.shape.width() as u32];
        let OffsetStride { offset, stride: x } = map.place().map(|vectors| vectors / 2);
        let (y, spacing) = (width * x, spacing as u32);
        Self {
            offset,
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

    /// Values that lie `[count, count, rest]`, `rest` groups of eight together, from `offset` on.
    pub fn planes(offset: usize, count: usize, rest: usize) -> Self {
        let [offset, count, rest] = [offset, count, rest].map(|vectors8| vectors8 as u32);
        Self {
            offset,
            y: count * rest,
            x: rest,
            height: count,
            width: count,
            count,
            ..Self::default()
        }
    }

    /// The same for the points of tiles: `[SIDE, SIDE, image, row, column, channels]`.
    pub fn points(offset: usize, tiles: TileGrid, vectors8: usize) -> Self {
        let [tile_x, columns, rows] = [vectors8, tiles.columns, tiles.rows].map(|size| size as u32);
        let tile_y = columns * tile_x;
        Self {
            image: rows * tile_y,
            tile_y,
            tile_x,
            ..Self::planes(offset, SIDE, tiles.count() * vectors8)
        }
    }
}

crate::params! {
    /// WGSL struct `Params`.
    struct Params {
        input: TileLayout,
        output: TileLayout,
        matrix: [[f32; 4]; 2 * SIDE],
        vectors8: u32,
        columns: u32,
        rows: u32,
        items: u32,
        input_slope: f32,
        has_bias: u32,
        pad: [u32; 2],
    }
}

/// From the input to the output.
pub(super) struct Transform {
    pub matrix: Matrix,
    pub input: TileLayout,
    pub output: TileLayout,
    pub tiles: TileGrid,
    /// Groups of eight that lie side by side.
    pub vectors8: usize,
    /// Of the leaky ReLU in front of the input; 1 is none.
    pub input_slope: f32,
    pub has_bias: bool,
}

impl Transform {
    /// The launch with input, output and bias; without a bias any other input stands for it.
    pub fn dispatch(&self, slots: [Slot; 3]) -> Dispatch {
        let items = self.tiles.count() * self.vectors8;
        let mut matrix = [[0.0; 8]; SIDE];
        for (row, values) in self.matrix.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                matrix[column][row] = value;
            }
        }
        let params = Params {
            input: self.input,
            output: self.output,
            matrix: bytemuck::cast(matrix),
            vectors8: self.vectors8 as u32,
            columns: self.tiles.columns as u32,
            rows: self.tiles.rows as u32,
            items: items as u32,
            input_slope: self.input_slope,
            has_bias: self.has_bias.into(),
            pad: [0; 2],
        };
        Dispatch::new(
            KernelSpec::new(shader!("conv2d/winograd_transform")),
            &params,
            slots.to_vec(),
            items.div_ceil(WORKGROUP),
        )
    }
}
