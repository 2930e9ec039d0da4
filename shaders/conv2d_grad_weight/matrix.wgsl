// conv2d_grad_weight, rung 6: matrix units. The operands are rounded to f16, the sums stay f32.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//
// A matrix product: the rows are (ky, kx, a) counted as one list, the columns are b, the
// contraction runs over pixels. It is walked STAGE pixels at a time: all threads fetch them into
// shared memory as f16, then each subgroup multiplies its own ROW_MATRICES x COLUMN_MATRICES
// matrices of MATRIX x MATRIX. The sums leave through shared memory, where every thread sees them.
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
// [splits][KERNEL][KERNEL][a][b] that reduce.wgsl sums) Grid ceil(4 * KERNEL^2 * large_channels4 /
// TILE_ROWS) * ceil(4 * small_channels4 / TILE_COLUMNS) * splits groups, folded at
//           65535; the host picks splits so that there are groups for the whole device
// Limits subgroups of exactly SUBGROUP lanes, matrices of f16 with sums of f32, numbers below 65
// 520 in large and small;
//           4 * SUBGROUP invocations; 2 * STAGE * (A_ROW + B_ROW) + 16 * MATRIX^2 bytes of workgroup memory;
//           splits <= batch * small_height * small_width
// Speed unmeasured on a GPU. 7-9 GFLOP/s on lavapipe 26.1, which has no such units, where the
// broadcast rung has
//           29 (128 -> 256 channels, 8x8 pixels); 3 on 4x4. Called by ops::conv2d_grad_weight.

enable f16;
enable wgpu_cooperative_matrix;

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
alias Left = coop_mat8x8<f16, A>; // rows x pixels
alias Right = coop_mat8x8<f16, B>; // pixels x columns
alias Sums = coop_mat8x8<f32, C>; // rows x columns
const MATRIX: u32 = 8u; // rows and columns of these
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one
const SUBGROUP: u32 = 8u; // lanes of a subgroup
const SUBGROUPS: u32 = 2u; // subgroups of a workgroup along each side of its tile
const ROW_MATRICES: u32 = 2u; // matrices of a subgroup along the rows
const COLUMN_MATRICES: u32 = 2u; // and along the columns
const STAGE: u32 = 32u; // pixels in shared memory
const SUBGROUP_ROWS: u32 = ROW_MATRICES * MATRIX;
const SUBGROUP_COLUMNS: u32 = COLUMN_MATRICES * MATRIX;
const TILE_ROWS: u32 = SUBGROUPS * SUBGROUP_ROWS;
const TILE_COLUMNS: u32 = SUBGROUPS * SUBGROUP_COLUMNS;
const THREADS: u32 = SUBGROUP * SUBGROUPS * SUBGROUPS;
const GAP: u32 = 8u; // unused numbers behind a row of shared memory, so that rows begin in different banks
const A_VECTORS: u32 = TILE_ROWS / 4u; // vec4s of a pixel in a_tile
const A_ROW: u32 = TILE_ROWS + GAP;
const B_VECTORS: u32 = TILE_COLUMNS / 4u; // vec4s of a pixel in b_tile
const B_ROW: u32 = TILE_COLUMNS + GAP;
const VECTORS: u32 = MATRIX / 4u; // vec4s of a row of a matrix
const_assert STAGE % MATRIX == 0u;

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

var<workgroup> a_tile: array<f16, STAGE * A_ROW>; // [pixel][row]
var<workgroup> b_tile: array<f16, STAGE * B_ROW>; // [pixel][column]
var<workgroup> results: array<f32, SUBGROUPS * SUBGROUPS * MATRIX * MATRIX>; // [subgroup], as grad_weight lies

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

// One stage of the product for the subgroup whose part of the tile begins at `row` and `column`.
fn multiply(row: u32, column: u32, sums: ptr<function, array<Sums, ROW_MATRICES * COLUMN_MATRICES>>) {
    for (var k = 0u; k < STAGE; k += MATRIX) {
        var a: array<Left, ROW_MATRICES>;
        for (var r = 0u; r < ROW_MATRICES; r++) {
            a[r] = coopLoad<Left>(&a_tile[k * A_ROW + row + r * MATRIX], A_ROW);
        }
        for (var c = 0u; c < COLUMN_MATRICES; c++) {
            let b = coopLoadT<Right>(&b_tile[k * B_ROW + column + c * MATRIX], B_ROW);
            for (var r = 0u; r < ROW_MATRICES; r++) {
                let s = r * COLUMN_MATRICES + c;
                (*sums)[s] = coopMultiplyAdd(a[r], b, (*sums)[s]);
            }
        }
    }
}

// The patch vector `index`, of (ky, kx, vec4 of a), under a pixel of the small map, zero outside of
// the large one.
fn patch_vector(index: u32, pixel: u32) -> vec4<f16> {
    let tap = index / params.large_channels4;
    // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds both
    // sides.
    let y = pixel / params.small_width % params.small_height * STRIDE + tap / KERNEL - params.padding;
    let x = pixel % params.small_width * STRIDE + tap % KERNEL - params.padding;
    let inside = y < params.large_height && x < params.large_width;
    let image_row = pixel / params.small_width / params.small_height * params.large_height + y;
    let source = params.large_offset + select(0u, image_row * params.large_width + x, inside) * params.large_stride;
    return select(vec4(0.0h), vec4<f16>(large_vector(source + index % params.large_channels4)), inside);
}

// Fetches the stage of pixels from `start` on. Past `end` the large map counts as zero and any
// pixel of the small one does.
fn fetch(local: u32, start: u32, end: u32, first_patch: u32, first_b4: u32) {
    for (var i = local; i < STAGE * A_VECTORS; i += THREADS) {
        let pixel = start + i / A_VECTORS;
        let patch_index = min(first_patch + i % A_VECTORS, KERNEL * KERNEL * params.large_channels4 - 1u);
        let a = select(vec4(0.0h), patch_vector(patch_index, min(pixel, end - 1u)), pixel < end);
        for (var j = 0u; j < 4u; j++) {
            a_tile[i / A_VECTORS * A_ROW + i % A_VECTORS * 4u + j] = a[j];
        }
    }
    for (var i = local; i < STAGE * B_VECTORS; i += THREADS) {
        let pixel = min(start + i / B_VECTORS, end - 1u);
        let b4 = min(first_b4 + i % B_VECTORS, params.small_channels4 - 1u);
        let b = vec4<f16>(small_vector(params.small_offset + pixel * params.small_stride + b4));
        for (var j = 0u; j < 4u; j++) {
            b_tile[i / B_VECTORS * B_ROW + i % B_VECTORS * 4u + j] = b[j];
        }
    }
}

// Writes the vec4 number `i` of a matrix of results that begins at row 4*patch_index and column
// 4*b4.
fn store(split: u32, patch_index: u32, b4: u32, i: u32, value: vec4<f32>) {
    var a4 = patch_index + i / VECTORS / 4u;
    var column4 = b4 + i % VECTORS;
    var at = (a4 * 4u + i / VECTORS % 4u) * params.small_channels4 + column4;
    if TRANSPOSED_OUTPUT {
        a4 = patch_index + i % VECTORS;
        column4 = b4 + i / VECTORS / 4u;
        let tap = a4 / params.large_channels4;
        at = (tap * params.small_channels4 * 4u + column4 * 4u + i / VECTORS % 4u) * params.large_channels4 + a4 % params.large_channels4;
    }
    let size = KERNEL * KERNEL * params.large_channels4 * 4u * params.small_channels4;
    if a4 < KERNEL * KERNEL * params.large_channels4 && column4 < params.small_channels4 && split < params.splits {
        grad_weight[split * size + at] = Gradient(value);
    }
}

@compute @workgroup_size(THREADS)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let row_tiles = (KERNEL * KERNEL * params.large_channels4 + A_VECTORS - 1u) / A_VECTORS;
    let column_tiles = (params.small_channels4 + B_VECTORS - 1u) / B_VECTORS;
    let tile = group.y * 65535u + group.x;
    let first_patch = tile % row_tiles * A_VECTORS;
    let first_b4 = tile / row_tiles % column_tiles * B_VECTORS;
    let split = tile / row_tiles / column_tiles;

    var sums: array<Sums, ROW_MATRICES * COLUMN_MATRICES>;
    let own_row = subgroup / SUBGROUPS * SUBGROUP_ROWS;
    let own_column = subgroup % SUBGROUPS * SUBGROUP_COLUMNS;
    let pixels = params.batch * params.small_height * params.small_width;
    let part = (pixels + params.splits - 1u) / params.splits;
    let end = min(split * part + part, pixels);
    for (var start = split * part; start < end; start += STAGE) {
        fetch(local, start, end, first_patch, first_b4);
        workgroupBarrier();
        multiply(own_row, own_column, &sums);
        workgroupBarrier();
    }
    let own_results = subgroup * MATRIX * MATRIX;
    for (var s = 0u; s < ROW_MATRICES * COLUMN_MATRICES; s++) {
        if TRANSPOSED_OUTPUT {
            coopStore(sums[s], &results[own_results], MATRIX);
        } else {
            coopStoreT(sums[s], &results[own_results], MATRIX);
        }
        workgroupBarrier();
        let patch_index = first_patch + (own_row + s / COLUMN_MATRICES * MATRIX) / 4u;
        let b4 = first_b4 + (own_column + s % COLUMN_MATRICES * MATRIX) / 4u;
        for (var i = lane; i < MATRIX * MATRIX / 4u; i += SUBGROUP) {
            let at = own_results + i * 4u;
            store(split, patch_index, b4, i, vec4(results[at], results[at + 1u], results[at + 2u], results[at + 3u]));
        }
        workgroupBarrier();
    }
}
