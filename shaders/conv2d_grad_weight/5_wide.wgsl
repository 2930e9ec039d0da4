// conv2d_grad_weight, 5_wide: 4_broadcast with loads of eight numbers as four 64-bit words.
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*stride + ky - padding, ox*stride + kx - padding, a] * small[n, oy, ox, b]
//   Two pixels of a row at a time: as fast as four, half the code. With TRANSPOSED_OUTPUT the rows
//   are the vec8s of b, the columns the patch vectors.
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      ceil(rows / TILE_VEC8S) * ceil(columns / SUBGROUP) * splits subgroups
// Limits    those of 4_broadcast; channel counts are multiples of 8, offsets and strides even
// Speed     1.38-1.57 times 4_broadcast on lavapipe 22.3; GPU: unmeasured
// Caller    src/ops/conv2d_grad_weight.rs
// parts: grad_weight_params, leaky_relu, vec8_words

const KERNEL: u32 = 4u; // height and width of the kernel
const TRANSPOSED_OUTPUT: bool = false;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_VEC8S: u32 = 8u; // rows of a tile, in vec8s
const TOUCHED_PIXELS: u32 = 64u; // up to which storing the result is much of the work
const_assert WORKGROUP % SUBGROUP == 0u && TILE_VEC8S <= SUBGROUP;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> large: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> small: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<vec4<u64>>;

// Where a patch vector comes from: its tap and its eight channels.
struct Tap {
    ky: u32,
    kx: u32,
    channel8: u32,
}

fn tap_of(index: u32) -> Tap {
    let number = index / (params.large_channels4 / 2u);
    return Tap(number / KERNEL, number % KERNEL, index % (params.large_channels4 / 2u));
}

// Even and odd channels under two neighbouring pixels of a row.
struct Tile {
    even: mat2x4<f32>,
    odd: mat2x4<f32>,
}

// The patch vector under two neighbouring pixels of the row, zero outside of the map.
fn large_tile(tap: Tap, row: u32, ox: u32) -> Tile {
    // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds both
    // sides.
    let y = row % params.small_height * params.stride + tap.ky - params.padding;
    let image_row = row / params.small_height * params.large_height + y;
    var tile: Tile;
    for (var i = 0u; i < 2u; i++) {
        let x = (ox + i) * params.stride + tap.kx - params.padding;
        let real = ox + i < params.small_width;
        let inside = real && y < params.large_height && x < params.large_width;
        let pixel = select(0u, image_row * params.large_width + x, inside);
        let at = (params.large_offset + pixel * params.large_stride) / 2u + tap.channel8;
        let values = vec8(large[at]);
        tile.even[i] = select(vec4(0.0), leaky_relu(values.even, params.large_slope), inside);
        tile.odd[i] = select(vec4(0.0), leaky_relu(values.odd, params.large_slope), inside);
    }
    return tile;
}

// Two neighbouring pixels of the row; past its end any pixel does, because large_tile is zero
// there.
fn small_tile(channel8: u32, row: u32, ox: u32) -> Tile {
    var tile: Tile;
    for (var i = 0u; i < 2u; i++) {
        let pixel = row * params.small_width + min(ox + i, params.small_width - 1u);
        let at = (params.small_offset + pixel * params.small_stride) / 2u + channel8;
        let values = vec8(small[at]);
        tile.even[i] = leaky_relu(values.even, params.small_slope);
        tile.odd[i] = leaky_relu(values.odd, params.small_slope);
    }
    return tile;
}

// Where row 8*row8 + i and column 8*column8 of the product lie, in vec8s; rows follow each other
// after `step`.
fn place(row8: u32, column8: u32, step: u32) -> u32 {
    if TRANSPOSED_OUTPUT {
        let channels8 = params.large_channels4 / 2u;
        let row = column8 / channels8 * params.small_channels4 * 4u + row8 * 8u;
        return row * step + column8 % channels8;
    }
    return row8 * 8u * step + column8;
}

// Prefetch of the lines that the tile will be stored in. Other groups may write there meanwhile;
// the values are not used. The result is always 0. It becomes part of an address, so that compilers
// keep the loads.
fn touch(first: u32, rows: u32, first_column: u32, columns: u32, step: u32, lane: u32) -> u32 {
    var touched = 0lu;
    for (var r = 0u; r < TILE_VEC8S; r++) {
        for (var i = 0u; i < 4u; i++) {
            let line = i * SUBGROUP + lane; // two vec8s of one of the eight rows
            let column = min(first_column + line / 8u * 2u, columns - 1u);
            let at = place(min(first + r, rows - 1u), column, step) + line % 8u * step;
            touched ^= grad_weight[at].x;
        }
    }
    return u32(touched) & params.large_offset & 1u; // offsets are even, which no compiler knows
}

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let patches = KERNEL * KERNEL * params.large_channels4 / 2u;
    let rows = select(patches, params.small_channels4 / 2u, TRANSPOSED_OUTPUT);
    let columns = select(params.small_channels4 / 2u, patches, TRANSPOSED_OUTPUT);
    let row_tiles = (rows + TILE_VEC8S - 1u) / TILE_VEC8S;
    let column_tiles = (columns + SUBGROUP - 1u) / SUBGROUP;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % row_tiles * TILE_VEC8S;
    let column = tile / row_tiles % column_tiles * SUBGROUP + lane;
    let split = tile / row_tiles / column_tiles;

    let fetched_row = min(first + lane, rows - 1u);
    let fetched_column = min(column, columns - 1u);
    let tap = tap_of(select(fetched_row, fetched_column, TRANSPOSED_OUTPUT));
    let b8 = select(fetched_column, fetched_row, TRANSPOSED_OUTPUT);

    var even_even: array<vec4<f32>, TILE_VEC8S * 4u>; // sums of even rows, even columns
    var even_odd: array<vec4<f32>, TILE_VEC8S * 4u>;
    var odd_even: array<vec4<f32>, TILE_VEC8S * 4u>;
    var odd_odd: array<vec4<f32>, TILE_VEC8S * 4u>;
    let image_rows = params.batch * params.small_height;
    let step = select(params.small_channels4, params.large_channels4, TRANSPOSED_OUTPUT) / 2u;
    var part_at = split * patches * 4u * params.small_channels4;
    if image_rows * params.small_width <= TOUCHED_PIXELS && params.splits == 1u {
        part_at += touch(first, rows, column - lane, columns, step, lane);
    }
    let part = (image_rows + params.splits - 1u) / params.splits;
    for (var row = split * part; row < min(split * part + part, image_rows); row++) {
        for (var ox = 0u; ox < params.small_width; ox += 2u) {
            var own = small_tile(b8, row, ox);
            var shared_rows = large_tile(tap, row, ox);
            if TRANSPOSED_OUTPUT {
                let swap = own;
                own = shared_rows;
                shared_rows = swap;
            }
            let evens = transpose(shared_rows.even);
            let odds = transpose(shared_rows.odd);
            for (var r = 0u; r < TILE_VEC8S * 4u; r++) {
                let e = subgroupShuffle(evens[r % 4u], r / 4u);
                let o = subgroupShuffle(odds[r % 4u], r / 4u);
                even_even[r] += own.even * e;
                even_odd[r] += own.odd * e;
                odd_even[r] += own.even * o;
                odd_odd[r] += own.odd * o;
            }
        }
    }
    if column >= columns || split >= params.splits {
        return;
    }
    for (var r = 0u; r < TILE_VEC8S * 4u; r++) {
        if first + r / 4u < rows {
            let at = part_at + place(first + r / 4u, column, step) + r % 4u * 2u * step;
            grad_weight[at] = words(even_even[r], even_odd[r]);
            grad_weight[at + step] = words(odd_even[r], odd_odd[r]);
        }
    }
}
