// conv2d_grad_weight, 2_register: a register tile, and nothing else.
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//   A matrix product: a row is a patch vector, (ky, kx, vec4 of a); a column is a vec4 of b; it
//   sums over pixels.
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      ceil(rows / TILE_ROWS) * ceil(columns / TILE_COLUMNS) * splits threads, folded at 65535
// Limits    splits <= batch * small_height; fewer than 2^32 vec4s in every operand
// Speed     12-18 GFLOP/s on lavapipe 22.3; wins where the small map has up to 4 channels
// Caller    src/ops/conv2d_grad_weight.rs
// parts: grad_weight_operands, grad_weight_store

const WORKGROUP: u32 = 64u;
const TILE_ROWS: u32 = 4u; // patch vec4s
const TILE_COLUMNS: u32 = 2u; // vec4s of b

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
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
                let pixel = row * params.small_width + ox;
                b[c] = small_vector(params.small_offset + pixel * params.small_stride + b4);
            }
            for (var r = 0u; r < TILE_ROWS; r++) {
                // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
                // bounds both sides.
                let y = oy * STRIDE + ky[r] - params.padding;
                let x = ox * STRIDE + kx[r] - params.padding;
                let inside = y < params.large_height && x < params.large_width;
                let source = (n * params.large_height + y) * params.large_width + x;
                let pixel = select(0u, source, inside);
                let at = params.large_offset + pixel * params.large_stride + a4[r];
                let a = select(vec4(0.0), large_vector(at), inside);
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
                let block = mat4x4(sums[s], sums[s + 1u], sums[s + 2u], sums[s + 3u]);
                store(split, first_patch + r, first_b4 + c, block);
            }
        }
    }
}
