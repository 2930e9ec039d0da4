// conv2d_grad_weight, matrix: matrix units. The operands are rounded to f16, the sums stay f32.
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//   The matrix product of 2_register, by single channels. STAGE pixels at a time go to shared
//   memory as f16; a subgroup multiplies ROW_MATRICES x COLUMN_MATRICES matrices.
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      ceil(rows / TILE_ROWS) * ceil(columns / TILE_COLUMNS) * splits groups
// Limits    subgroups of exactly SUBGROUP lanes; numbers of large and small below 65 520
// Speed     GPU: unmeasured; 7-9 GFLOP/s on lavapipe 26.1, which has none
// Caller    src/ops/conv2d_grad_weight.rs
// parts: grad_weight_operands, grad_weight_patch

enable f16;
enable wgpu_cooperative_matrix;

alias Left = coop_mat8x8<f16, A>; // rows x pixels
alias Right = coop_mat8x8<f16, B>; // pixels x columns
alias Sums = coop_mat8x8<f32, C>; // rows x columns
const MATRIX: u32 = 8u; // rows and columns of these
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
const GAP: u32 = 8u; // numbers behind a row of shared memory: rows begin in different banks
const A_VECTORS: u32 = TILE_ROWS / 4u; // vec4s of a pixel in a_tile
const A_ROW: u32 = TILE_ROWS + GAP;
const B_VECTORS: u32 = TILE_COLUMNS / 4u; // vec4s of a pixel in b_tile
const B_ROW: u32 = TILE_COLUMNS + GAP;
const ROW_VECTORS: u32 = MATRIX / 4u; // vec4s of a row of a matrix
const MATRICES: u32 = ROW_MATRICES * COLUMN_MATRICES; // of a subgroup
const_assert STAGE % MATRIX == 0u;

var<workgroup> a_tile: array<f16, STAGE * A_ROW>; // [pixel][row]
var<workgroup> b_tile: array<f16, STAGE * B_ROW>; // [pixel][column]
// [subgroup], as grad_weight lies
var<workgroup> results: array<f32, SUBGROUPS * SUBGROUPS * MATRIX * MATRIX>;

// One stage of the product for the subgroup whose part of the tile begins at `row` and `column`.
fn multiply(row: u32, column: u32, sums: ptr<function, array<Sums, MATRICES>>) {
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

// Fetches the stage of pixels from `start` on. Past `end` the large map counts as zero and any
// pixel of the small one does.
fn fetch(local: u32, start: u32, end: u32, first_patch: u32, first_b4: u32) {
    let patches = KERNEL * KERNEL * params.large_channels4;
    for (var i = local; i < STAGE * A_VECTORS; i += THREADS) {
        let pixel = start + i / A_VECTORS;
        let patch_index = min(first_patch + i % A_VECTORS, patches - 1u);
        let patch_values = vec4<f16>(patch_vector(patch_index, min(pixel, end - 1u)));
        let a = select(vec4(0.0h), patch_values, pixel < end);
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
    let patches = KERNEL * KERNEL * params.large_channels4;
    var a4 = patch_index + i / ROW_VECTORS / 4u;
    var column4 = b4 + i % ROW_VECTORS;
    var at = (a4 * 4u + i / ROW_VECTORS % 4u) * params.small_channels4 + column4;
    if TRANSPOSED_OUTPUT {
        a4 = patch_index + i % ROW_VECTORS;
        column4 = b4 + i / ROW_VECTORS / 4u;
        let tap = a4 / params.large_channels4;
        let row = (tap * params.small_channels4 + column4) * 4u + i / ROW_VECTORS % 4u;
        at = row * params.large_channels4 + a4 % params.large_channels4;
    }
    let size = patches * 4u * params.small_channels4;
    if a4 < patches && column4 < params.small_channels4 && split < params.splits {
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

    var sums: array<Sums, MATRICES>;
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
    for (var s = 0u; s < MATRICES; s++) {
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
            let value = vec4(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
            store(split, patch_index, b4, i, value);
        }
        workgroupBarrier();
    }
}
