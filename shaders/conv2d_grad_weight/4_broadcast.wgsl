// conv2d_grad_weight, rung 3: lanes share what they load. The rung for CPU adapters with subgroups.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//
// A matrix product: the rows are patch vectors, (ky, kx, vec4 of a) counted as one list, the
// columns are the vec4s of b, the contraction runs over pixels, four of a row at a time. A lane
// owns a column and fetches one row vector; the shuffle hands every row vector to all columns.
// LANES_ON_LARGE swaps the roles: lanes own patch vectors (where the result ends in their
// channels).
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
// [splits][KERNEL][KERNEL][a][b] that reduce.wgsl sums) Grid ceil(rows / TILE_VECTORS) *
// ceil(columns / SUBGROUP) * splits tiles, one a subgroup, where rows, columns are
//           KERNEL^2 * large_channels4, small_channels4 (LANES_ON_LARGE: the other way round);
//           ceil(tiles / (WORKGROUP / SUBGROUP)) groups, folded at 65535
// Limits SUBGROUP is the device's subgroup size, exactly; WORKGROUP is a multiple of it;
// TILE_VECTORS <= SUBGROUP; splits <= rows
//           of all small images (batch * small_height); no lane leaves early
// Speed lavapipe 22.3, GFLOP/s as process CPU time over two cores, on a loaded machine (it swings
// by 2): 12-37 on the large
//           layers, 1-5 on maps of 1-4 pixels, where storing the result costs most. Limited by loads, which a CPU adapter makes lane
//           by lane: four pixels pay 8 of them for 64 * TILE_VECTORS multiply-adds a lane. Unmeasured on a GPU.
//           Called by ops::conv2d_grad_weight.

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one
const LANES_ON_LARGE: bool = false;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_VECTORS: u32 = 8u; // row vec4s of a tile
const_assert WORKGROUP % SUBGROUP == 0u && TILE_VECTORS <= SUBGROUP;

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
        let inside = ox + i < params.small_width && y < params.large_height && x < params.large_width;
        let source = params.large_offset + select(0u, image_row * params.large_width + x, inside) * params.large_stride;
        tile[i] = select(vec4(0.0), large_vector(source + tap.channel4), inside);
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

// Column i of `block` holds row 4*row4 + i of the product, columns 4*column4 ...
fn store(split: u32, row4: u32, column4: u32, block: mat4x4<f32>) {
    let patches = KERNEL * KERNEL * params.large_channels4;
    var patch_index = row4;
    var b4 = column4;
    if LANES_ON_LARGE {
        patch_index = column4;
        b4 = row4;
    }
    var values = block;
    if LANES_ON_LARGE != TRANSPOSED_OUTPUT {
        values = transpose(block);
    }
    let tap = patch_index / params.large_channels4;
    let a4 = patch_index % params.large_channels4;
    var at = patch_index * 4u * params.small_channels4 + b4;
    var step = params.small_channels4;
    if TRANSPOSED_OUTPUT {
        at = (tap * params.small_channels4 + b4) * 4u * params.large_channels4 + a4;
        step = params.large_channels4;
    }
    at += split * patches * 4u * params.small_channels4;
    for (var i = 0u; i < 4u; i++) {
        grad_weight[at + i * step] = Gradient(values[i]);
    }
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
            store(split, first + r, column, mat4x4(sums[r * 4u], sums[r * 4u + 1u], sums[r * 4u + 2u], sums[r * 4u + 3u]));
        }
    }
}
