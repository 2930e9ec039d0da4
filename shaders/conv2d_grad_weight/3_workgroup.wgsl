// conv2d_grad_weight, rung 4: a workgroup tile in shared memory. The rung for GPUs.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//
// A matrix product: the rows are patch vectors, (ky, kx, vec4 of a) counted as one list, the
// columns are the vec4s of b, the contraction runs over pixels. THREADS x THREADS threads compute
// THREADS*THREAD_ROWS x THREADS*THREAD_COLUMNS vec4 pairs; they fetch THREADS pixels at a time into
// shared memory, then each multiplies its own register tile.
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
// (THREADS * THREAD_ROWS)) * ceil(small_channels4 / (THREADS * THREAD_COLUMNS)) * splits
//           groups, folded at 65535; the host picks splits so that there are groups for the whole device
// Limits THREADS^2 invocations; 16 * THREADS^2 * (THREAD_ROWS + THREAD_COLUMNS) bytes of workgroup
// memory;
//           splits <= batch * small_height * small_width
// Speed unmeasured on a GPU. 4-10 GFLOP/s on lavapipe 22.3, where barriers and shared memory only
// cost. Called by
//           ops::conv2d_grad_weight.

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one
const THREADS: u32 = 16u; // on a side of the workgroup, and pixels a stage
const THREAD_ROWS: u32 = 1u; // patch vec4s a thread
const THREAD_COLUMNS: u32 = 1u; // vec4s of b a thread
const TILE_ROWS: u32 = THREADS * THREAD_ROWS;
const TILE_COLUMNS: u32 = THREADS * THREAD_COLUMNS;

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

var<workgroup> a_tile: array<vec4<f32>, THREADS * TILE_ROWS>; // [pixel][patch vector]
var<workgroup> b_tile: array<vec4<f32>, THREADS * TILE_COLUMNS>; // [pixel][vec4 of b]

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

// One stage of the product: this thread's rows are ty, ty + THREADS, ..., its columns tx, tx +
// THREADS, ...
fn multiply(tx: u32, ty: u32, sums: ptr<function, array<vec4<f32>, THREAD_ROWS * THREAD_COLUMNS * 4u>>) {
    for (var s = 0u; s < THREADS; s++) {
        for (var c = 0u; c < THREAD_COLUMNS; c++) {
            let b = b_tile[s * TILE_COLUMNS + tx + c * THREADS];
            for (var r = 0u; r < THREAD_ROWS; r++) {
                let a = a_tile[s * TILE_ROWS + ty + r * THREADS];
                for (var i = 0u; i < 4u; i++) {
                    (*sums)[(r * THREAD_COLUMNS + c) * 4u + i] += a[i] * b;
                }
            }
        }
    }
}

// The patch vector `index` under a pixel of the small map, zero outside of the large one.
fn patch_vector(index: u32, pixel: u32) -> vec4<f32> {
    let tap = index / params.large_channels4;
    // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds both
    // sides.
    let y = pixel / params.small_width % params.small_height * STRIDE + tap / KERNEL - params.padding;
    let x = pixel % params.small_width * STRIDE + tap % KERNEL - params.padding;
    let inside = y < params.large_height && x < params.large_width;
    let image_row = pixel / params.small_width / params.small_height * params.large_height + y;
    let source = params.large_offset + select(0u, image_row * params.large_width + x, inside) * params.large_stride;
    return select(vec4(0.0), large_vector(source + index % params.large_channels4), inside);
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

@compute @workgroup_size(THREADS * THREADS)
fn conv2d_grad_weight(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let tx = local % THREADS;
    let ty = local / THREADS;
    let patches = KERNEL * KERNEL * params.large_channels4;
    let row_tiles = (patches + TILE_ROWS - 1u) / TILE_ROWS;
    let column_tiles = (params.small_channels4 + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let tile = group.y * 65535u + group.x;
    let first_row = tile % row_tiles * TILE_ROWS;
    let first_b4 = tile / row_tiles % column_tiles * TILE_COLUMNS;
    let split = tile / row_tiles / column_tiles;

    var sums: array<vec4<f32>, THREAD_ROWS * THREAD_COLUMNS * 4u>;
    let pixels = params.batch * params.small_height * params.small_width;
    let part = (pixels + params.splits - 1u) / params.splits;
    let end = min(split * part + part, pixels);
    for (var start = split * part; start < end; start += THREADS) {
        let pixel = min(start + ty, pixels - 1u);
        for (var r = 0u; r < THREAD_ROWS; r++) {
            let row = min(first_row + tx + r * THREADS, patches - 1u);
            a_tile[ty * TILE_ROWS + tx + r * THREADS] = select(vec4(0.0), patch_vector(row, pixel), start + ty < end);
        }
        for (var c = 0u; c < THREAD_COLUMNS; c++) {
            let b4 = min(first_b4 + tx + c * THREADS, params.small_channels4 - 1u);
            let at = params.small_offset + pixel * params.small_stride + b4;
            b_tile[ty * TILE_COLUMNS + tx + c * THREADS] = small_vector(at);
        }
        workgroupBarrier();
        multiply(tx, ty, &sums);
        workgroupBarrier();
    }
    for (var r = 0u; r < THREAD_ROWS; r++) {
        for (var c = 0u; c < THREAD_COLUMNS; c++) {
            let row = first_row + ty + r * THREADS;
            let b4 = first_b4 + tx + c * THREADS;
            let s = (r * THREAD_COLUMNS + c) * 4u;
            if row < patches && b4 < params.small_channels4 && split < params.splits {
                store(split, row, b4, mat4x4(sums[s], sums[s + 1u], sums[s + 2u], sums[s + 3u]));
            }
        }
    }
}
