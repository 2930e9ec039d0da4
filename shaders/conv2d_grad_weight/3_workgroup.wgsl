// conv2d_grad_weight, 3_workgroup: a workgroup tile in shared memory. The rung for GPUs.
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//   The matrix product of 2_register. THREADS x THREADS threads fetch THREADS pixels at a time into
//   shared memory, then each multiplies its own register tile.
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      ceil(rows / TILE_ROWS) * ceil(columns / TILE_COLUMNS) * splits groups, folded at 65535
// Limits    THREADS^2 invocations; 16 * (a_tile + b_tile) bytes of workgroup memory
// Speed     GPU: unmeasured; 4-10 GFLOP/s on lavapipe 22.3, where barriers only cost
// Caller    src/ops/conv2d_grad_weight.rs
// parts: grad_weight_operands, grad_weight_patch, grad_weight_store

const THREADS: u32 = 16u; // on a side of the workgroup, and pixels a stage
const THREAD_ROWS: u32 = 1u; // patch vec4s a thread
const THREAD_COLUMNS: u32 = 1u; // vec4s of b a thread
const TILE_ROWS: u32 = THREADS * THREAD_ROWS;
const TILE_COLUMNS: u32 = THREADS * THREAD_COLUMNS;

var<workgroup> a_tile: array<vec4<f32>, THREADS * TILE_ROWS>; // [pixel][patch vector]
var<workgroup> b_tile: array<vec4<f32>, THREADS * TILE_COLUMNS>; // [pixel][vec4 of b]

// One stage of the product: this thread's rows are ty, ty + THREADS, ..., its columns tx, tx +
// THREADS, ...
fn multiply(
    tx: u32,
    ty: u32,
    sums: ptr<function, array<vec4<f32>, THREAD_ROWS * THREAD_COLUMNS * 4u>>,
) {
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

@compute @workgroup_size(THREADS * THREADS)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
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
            let a = select(vec4(0.0), patch_vector(row, pixel), start + ty < end);
            a_tile[ty * TILE_ROWS + tx + r * THREADS] = a;
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
