// conv2d_grad_weight, 4_broadcast: lanes share what they load, without shared memory or barriers.
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//   The matrix product of 2_register, four pixels of a row at a time. A lane owns a column and
//   fetches one row; the shuffle hands every row to all columns. LANES_ON_LARGE swaps the roles.
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      ceil(rows / TILE_VECTORS) * ceil(columns / SUBGROUP) * splits subgroups
// Limits    SUBGROUP as in conv2d; TILE_VECTORS <= SUBGROUP; splits <= batch * small_height
// Speed     12-37 GFLOP/s on lavapipe 22.3's large layers; GPU: unmeasured
// Caller    src/ops/conv2d_grad_weight.rs
// parts: grad_weight_operands, grad_weight_store

const LANES_ON_LARGE: bool = false;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_VECTORS: u32 = 8u; // row vec4s of a tile
const_assert WORKGROUP % SUBGROUP == 0u && TILE_VECTORS <= SUBGROUP;

// Where a patch vector comes from: its tap and its vec4 of channels.
struct Tap {
    ky: u32,
    kx: u32,
    channel4: u32,
}

fn tap_of(index: u32) -> Tap {
    let number = index / params.large_channels4;
    return Tap(number / KERNEL, number % KERNEL, index % params.large_channels4);
}

// The patch vector under four neighbouring pixels of the row, zero outside of the map.
fn large_tile(tap: Tap, row: u32, ox: u32) -> mat4x4<f32> {
    // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds both
    // sides.
    let y = row % params.small_height * STRIDE + tap.ky - params.padding;
    let image_row = row / params.small_height * params.large_height + y;
    var tile: mat4x4<f32>;
    for (var i = 0u; i < 4u; i++) {
        let x = (ox + i) * STRIDE + tap.kx - params.padding;
        let real = ox + i < params.small_width;
        let inside = real && y < params.large_height && x < params.large_width;
        let pixel = select(0u, image_row * params.large_width + x, inside);
        let at = params.large_offset + pixel * params.large_stride + tap.channel4;
        tile[i] = select(vec4(0.0), large_vector(at), inside);
    }
    return tile;
}

// Four neighbouring pixels of the row; past its end any pixel does, because large_tile is zero
// there.
fn small_tile(channel4: u32, row: u32, ox: u32) -> mat4x4<f32> {
    var tile: mat4x4<f32>;
    for (var i = 0u; i < 4u; i++) {
        let pixel = row * params.small_width + min(ox + i, params.small_width - 1u);
        tile[i] = small_vector(params.small_offset + pixel * params.small_stride + channel4);
    }
    return tile;
}

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let patches = KERNEL * KERNEL * params.large_channels4;
    let rows = select(patches, params.small_channels4, LANES_ON_LARGE);
    let columns = select(params.small_channels4, patches, LANES_ON_LARGE);
    let row_tiles = (rows + TILE_VECTORS - 1u) / TILE_VECTORS;
    let column_tiles = (columns + SUBGROUP - 1u) / SUBGROUP;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % row_tiles * TILE_VECTORS;
    let column = tile / row_tiles % column_tiles * SUBGROUP + lane;
    let split = tile / row_tiles / column_tiles;

    let fetched_row = min(first + lane, rows - 1u);
    let fetched_column = min(column, columns - 1u);
    let tap = tap_of(select(fetched_row, fetched_column, LANES_ON_LARGE));
    let b4 = select(fetched_column, fetched_row, LANES_ON_LARGE);

    var sums: array<vec4<f32>, TILE_VECTORS * 4u>;
    let image_rows = params.batch * params.small_height;
    let part = (image_rows + params.splits - 1u) / params.splits;
    for (var row = split * part; row < min(split * part + part, image_rows); row++) {
        for (var ox = 0u; ox < params.small_width; ox += 4u) {
            var own = small_tile(b4, row, ox);
            var shared_rows = transpose(large_tile(tap, row, ox));
            if LANES_ON_LARGE {
                let swap = transpose(own);
                own = transpose(shared_rows);
                shared_rows = swap;
            }
            for (var r = 0u; r < TILE_VECTORS * 4u; r++) {
                sums[r] += own * subgroupShuffle(shared_rows[r % 4u], r / 4u);
            }
        }
    }
    if column >= columns || split >= params.splits {
        return;
    }
    for (var r = 0u; r < TILE_VECTORS; r++) {
        if first + r < rows {
            let s = r * 4u;
            let block = mat4x4(sums[s], sums[s + 1u], sums[s + 2u], sums[s + 3u]);
            // Column i of `block` holds row 4*(first + r) + i of the product, columns 4*column ..
            if LANES_ON_LARGE {
                store(split, column, first + r, transpose(block));
            } else {
                store(split, first + r, column, block);
            }
        }
    }
}
