//! Which rung of a contraction's ladder runs, and with which tile: the default table for each class of device.
//!
//! A rung can be forced by [`Profile::force`](crate::gpu::Profile::force); an unknown name falls back to the table.

use super::contraction::Geometry;
use super::lower::LowerContext;
use crate::gpu::{DeviceClass, KernelSpec, Profile, ShaderSource};
use crate::shader;

/// A chosen kernel with the number of workgroups that it needs.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The shader with the constants of its tile.
    pub kernel: KernelSpec,
    /// Workgroups.
    pub groups: usize,
    /// Parts of a sum that is split.
    pub splits: usize,
}

/// The four steps of a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Naive,
    Register,
    Broadcast { subgroup: usize },
    Workgroup,
}

/// Threads of a workgroup of the naive rung.
const WORKGROUP: usize = 64;
/// Threads of a workgroup of the register rung: small, so that every core of a CPU gets some.
const REGISTER_WORKGROUP: usize = 16;
/// Output `vec4`s up to which the broadcast rung would leave most lanes idle.
const FEW_VECTORS: usize = 2;
/// Threads along one side of a workgroup tile.
const TILE_THREADS: usize = 16;

/// The rung for a family whose output has so many `vec4`s of channels: the forced one, else by class of device.
fn rung(profile: &Profile, family: &str, vectors: usize) -> Rung {
    let broadcast = profile.subgroup.map(|size| Rung::Broadcast { subgroup: size as usize });
    match (profile.forced_rung(family), profile.class) {
        (Some("1_naive"), _) => Rung::Naive,
        (Some("2_register"), _) => Rung::Register,
        (Some("3_broadcast"), _) => broadcast.unwrap_or(Rung::Register),
        (Some("4_workgroup"), _) => Rung::Workgroup,
        _ if vectors <= FEW_VECTORS => Rung::Register,
        (_, DeviceClass::Cpu) => broadcast.unwrap_or(Rung::Register),
        (_, DeviceClass::Gpu) => Rung::Workgroup,
    }
}

/// The shaders of `conv2d` or `conv_transpose2d`, in the order of [`Rung`].
type Ladder = [ShaderSource; 4];

const CONV2D: Ladder =
    [shader!("conv2d/1_naive"), shader!("conv2d/2_register"), shader!("conv2d/3_broadcast"), shader!("conv2d/4_workgroup")];
const CONV_TRANSPOSE2D: Ladder = [
    shader!("conv_transpose2d/1_naive"),
    shader!("conv_transpose2d/2_register"),
    shader!("conv_transpose2d/3_broadcast"),
    shader!("conv_transpose2d/4_workgroup"),
];

/// Rung and tile of a convolution.
pub(crate) fn conv2d(context: &LowerContext) -> Choice {
    let shape = context.output.shape;
    conv(context, rung(context.profile, "conv2d", shape.channels4()), &CONV2D, 1, shape.rows())
}

/// Rung and tile of a transposed convolution: one parity class of output pixels after the other.
pub(crate) fn conv_transpose2d(context: &LowerContext, geometry: Geometry) -> Choice {
    let shape = context.output.shape;
    let side = |size: usize| size.div_ceil(geometry.stride);
    let pixels = shape.batch() * side(shape.height()) * side(shape.width());
    conv(context, rung(context.profile, "conv_transpose2d", shape.channels4()), &CONV_TRANSPOSE2D, geometry.stride.pow(2), pixels)
}

fn conv(context: &LowerContext, rung: Rung, ladder: &Ladder, classes: usize, pixels: usize) -> Choice {
    let shape = context.output.shape;
    let vectors = shape.channels4();
    let tiled = |kernel: KernelSpec, tile: usize, lane_vectors: usize, lanes: usize| {
        let tiles = classes * pixels.div_ceil(tile) * vectors.div_ceil(lane_vectors * lanes);
        (kernel.uint("TILE_PIXELS", tile), tiles)
    };
    let (kernel, groups) = match rung {
        Rung::Naive => (KernelSpec::new(ladder[0]), (shape.rows() * vectors * 4).div_ceil(WORKGROUP)),
        Rung::Register => {
            let tile = tile_of(pixels, &[(5, 8), (2, 4)]);
            let lane_vectors = vectors.min(if tile == 8 { 2 } else { 4 });
            let kernel = KernelSpec::new(ladder[1]).uint("WORKGROUP", REGISTER_WORKGROUP).uint("TILE_VECTORS", lane_vectors);
            let (kernel, tiles) = tiled(kernel, tile, lane_vectors, 1);
            (kernel, tiles.div_ceil(REGISTER_WORKGROUP))
        }
        Rung::Broadcast { subgroup } => {
            let tile = match pixels {
                32.. => pixels.div_ceil(pixels.div_ceil(32)),
                _ => tile_of(pixels, &[(16, 16), (5, 8), (2, 4)]),
            };
            let kernel = KernelSpec::new(ladder[2]).uint("SUBGROUP", subgroup).uint("WORKGROUP", subgroup);
            tiled(kernel, tile, 1, subgroup)
        }
        Rung::Workgroup => {
            const THREAD_PIXELS: usize = 4;
            let tiles = pixels.div_ceil(TILE_THREADS * THREAD_PIXELS) * vectors.div_ceil(TILE_THREADS);
            (KernelSpec::new(ladder[3]), classes * tiles)
        }
    };
    Choice { kernel, groups, splits: 1 }
}

/// The tile of the first `(least pixels, tile)` that the map reaches; 1 when it reaches none.
fn tile_of(pixels: usize, tiles: &[(usize, usize)]) -> usize {
    tiles.iter().find(|&&(least, _)| pixels >= least).map_or(1, |&(_, tile)| tile)
}

/// Rung, tile and splits of a weight gradient.
pub(crate) fn conv2d_grad_weight(context: &LowerContext, geometry: Geometry, transposed_output: bool) -> Choice {
    let (large, small) = (context.inputs[0].shape, context.inputs[1].shape);
    let patches = geometry.kernel.pow(2) * large.channels4();
    let columns = small.channels4();
    let simple = |source| KernelSpec::new(source);
    // Few channels on the small map make a thin result: only the register rung's narrow tile fits it.
    let vectors = if columns == 1 { columns } else { FEW_VECTORS + 1 };
    match rung(context.profile, "conv2d_grad_weight", vectors) {
        Rung::Naive => {
            let groups = (context.output.shape.rows() * context.output.shape.channels4() * 4).div_ceil(WORKGROUP);
            Choice { kernel: simple(shader!("conv2d_grad_weight/1_naive")), groups, splits: 1 }
        }
        Rung::Register => {
            const TILE_ROWS: usize = 4;
            let tile_columns = columns.min(2);
            let tiles = patches.div_ceil(TILE_ROWS) * columns.div_ceil(tile_columns);
            let kernel = simple(shader!("conv2d_grad_weight/2_register")).uint("TILE_ROWS", TILE_ROWS).uint("TILE_COLUMNS", tile_columns);
            Choice { kernel, groups: tiles.div_ceil(WORKGROUP), splits: 1 }
        }
        Rung::Broadcast { subgroup } => {
            let lanes_on_large = !transposed_output && large.channels4() >= 8;
            let (rows, columns) = if lanes_on_large { (columns, patches) } else { (patches, columns) };
            let tile = subgroup.min(8);
            let kernel = simple(shader!("conv2d_grad_weight/3_broadcast"))
                .flag("LANES_ON_LARGE", lanes_on_large)
                .uint("SUBGROUP", subgroup)
                .uint("WORKGROUP", subgroup)
                .uint("TILE_VECTORS", tile);
            Choice { kernel, groups: rows.div_ceil(tile) * columns.div_ceil(subgroup), splits: 1 }
        }
        Rung::Workgroup => {
            let tiles = patches.div_ceil(TILE_THREADS) * columns.div_ceil(TILE_THREADS);
            let room = (WORKSPACE_BYTES / context.output.shape.bytes()) as usize;
            let splits = splits(tiles, WANTED_GROUPS, (small.rows() / 64).min(room));
            Choice { kernel: simple(shader!("conv2d_grad_weight/4_workgroup")), groups: tiles * splits, splits }
        }
    }
}

/// Workgroups that keep a large GPU busy.
const WANTED_GROUPS: usize = 256;
/// Most workspace of a split sum.
const WORKSPACE_BYTES: u64 = 16 << 20;

/// How many parts a sum over pixels is split into so that at least `wanted` workgroups run; at most `most`.
fn splits(groups: usize, wanted: usize, most: usize) -> usize {
    wanted.div_ceil(groups.max(1)).clamp(1, most.max(1))
}
