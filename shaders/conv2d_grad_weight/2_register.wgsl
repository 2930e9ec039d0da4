// conv2d_grad_weight, rung 2: a register tile, and nothing else: no subgroups, no workgroup memory,
// no barrier.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//
// A matrix product: the rows are patch vectors, (ky, kx, vec4 of a) counted as one list, the
// columns are the vec4s of b, the contraction runs over pixels. A thread computes TILE_ROWS x
// TILE_COLUMNS vec4 pairs: per pixel it loads TILE_ROWS + TILE_COLUMNS vec4s for 16 * TILE_ROWS *
// TILE_COLUMNS multiplications.
//
// For conv2d: large = input, small = grad_output. For conv_transpose2d: large = grad_output, small
// = input, and TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a].
// LARGE_SLOPE and SMALL_SLOPE read the maps through a leaky ReLU, x > 0 ? x : SLOPE * x, that is
// stored nowhere; 1 is none.
//
// Layouts large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// grad_weight: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, hence out.
// Bindings 0 params, 1 large, 2 small, 3 grad_weight (or the workspace
// [splits][KERNEL][KERNEL][a][b] that reduce.wgsl sums) Grid ceil(KERNEL^2 * large_channels4 /
// TILE_ROWS) * ceil(small_channels4 / TILE_COLUMNS) * splits threads, WORKGROUP a group,
//           folded at 65535
// Limits fewer than 2^32 vec4s in every operand; splits <= rows of all small images (batch *
// small_height)
// Speed lavapipe 22.3, GFLOP/s as process CPU time over two cores, on a loaded machine (it swings
// by 2): 12-18 with 4 x 2
//           vec4s; a map of one pixel is bound by storing the result. Limited by loads, which a CPU adapter makes lane by lane. Wins
//           where the small map has up to 4 channels, and without subgroups. Called by ops::conv2d_grad_weight.

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one
const WORKGROUP: u32 = 64u;
const TILE_ROWS: u32 = 4u; // patch vec4s
const TILE_COLUMNS: u32 = 2u; // vec4s of b

struct Params {
    batch: u32,
    large_height: u32,
    large_width: u32,
    large_channels4: u32,
    small_height: u32,
    small_width: u32,
    small_channels4: u32,
    padding: u32,
    large_offset: u32,
    large_stride: u32,
    small_offset: u32,
    small_stride: u32,
    splits: u32, // parts of the sum over pixels, each with its own result
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> large: array<Activation>;
@group(0) @binding(2) var<storage, read> small: array<Activation>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<Gradient>;

// Four numbers of either map as they enter the sum. The slope is for the bits of negative numbers:
// among them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn large_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(large[at]);
    return select(x, LARGE_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

fn small_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(small[at]);
    return select(x, SMALL_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

// Column i of `block` holds channel 4*a4 + i of the patch vector, channels 4*b4 ... of the small
// map.
fn store(split: u32, patch_index: u32, b4: u32, block: mat4x4<f32>) {
    let tap = patch_index / params.large_channels4;
    let a4 = patch_index % params.large_channels4;
    var values = block;
    var at = patch_index * 4u * params.small_channels4 + b4;
    var step = params.small_channels4;
    if TRANSPOSED_OUTPUT {
        values = transpose(block);
        at = (tap * params.small_channels4 + b4) * 4u * params.large_channels4 + a4;
        step = params.large_channels4;
    }
    at += split * KERNEL * KERNEL * params.large_channels4 * 4u * params.small_channels4;
    for (var i = 0u; i < 4u; i++) {
        grad_weight[at + i * step] = Gradient(values[i]);
    }
}

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let patches = KERNEL * KERNEL * params.large_channels4;
    let row_tiles = (patches + TILE_ROWS - 1u) / TILE_ROWS;
    let column_tiles = (params.small_channels4 + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let tile = (group.y * 65535u + group.x) * WORKGROUP + local;
    let first_patch = tile % row_tiles * TILE_ROWS;
    let first_b4 = tile / row_tiles % column_tiles * TILE_COLUMNS;
    let split = tile / row_tiles / column_tiles;
    if split >= params.splits {
        return;
    }

    var ky: array<u32, TILE_ROWS>;
    var kx: array<u32, TILE_ROWS>;
    var a4: array<u32, TILE_ROWS>;
    for (var r = 0u; r < TILE_ROWS; r++) {
        let index = min(first_patch + r, patches - 1u);
        ky[r] = index / params.large_channels4 / KERNEL;
        kx[r] = index / params.large_channels4 % KERNEL;
        a4[r] = index % params.large_channels4;
    }
    var sums: array<vec4<f32>, TILE_ROWS * TILE_COLUMNS * 4u>;
    let image_rows = params.batch * params.small_height;
    let part = (image_rows + params.splits - 1u) / params.splits;
    for (var row = split * part; row < min(split * part + part, image_rows); row++) {
        let n = row / params.small_height;
        let oy = row % params.small_height;
        for (var ox = 0u; ox < params.small_width; ox++) {
            var b: array<vec4<f32>, TILE_COLUMNS>;
            for (var c = 0u; c < TILE_COLUMNS; c++) {
                let b4 = min(first_b4 + c, params.small_channels4 - 1u);
                b[c] = small_vector(params.small_offset + (row * params.small_width + ox) * params.small_stride + b4);
            }
            for (var r = 0u; r < TILE_ROWS; r++) {
                // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
                // bounds both sides.
                let y = oy * STRIDE + ky[r] - params.padding;
                let x = ox * STRIDE + kx[r] - params.padding;
                let inside = y < params.large_height && x < params.large_width;
                let pixel = select(0u, (n * params.large_height + y) * params.large_width + x, inside);
                let patch_vector = large_vector(params.large_offset + pixel * params.large_stride + a4[r]);
                let a = select(vec4(0.0), patch_vector, inside);
                for (var c = 0u; c < TILE_COLUMNS; c++) {
                    for (var i = 0u; i < 4u; i++) {
                        sums[(r * TILE_COLUMNS + c) * 4u + i] += a[i] * b[c];
                    }
                }
            }
        }
    }
    for (var r = 0u; r < TILE_ROWS; r++) {
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let s = (r * TILE_COLUMNS + c) * 4u;
            if first_patch + r < patches && first_b4 + c < params.small_channels4 {
                store(split, first_patch + r, first_b4 + c, mat4x4(sums[s], sums[s + 1u], sums[s + 2u], sums[s + 3u]));
            }
        }
    }
}
