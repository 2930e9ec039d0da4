// conv2d_grad_weight, rung 9: rung 3 with loads of eight numbers as four 64-bit words. The rung for
// CPU adapters that have these.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*stride + ky - padding, ox*stride + kx - padding, a] * small[n, oy, ox, b]
//
// A matrix product: the rows are patch vectors, (ky, kx, eight of a) counted as one list, the
// columns are the eights of b, the contraction runs over pixels, two of a row at a time: as fast as
// four, half the code. A lane owns eight columns and fetches one row vector; the shuffle hands
// every row vector to all columns. The two halves of a word are an even and an odd channel, and are
// kept apart until they are stored.
//
// For conv2d: large = input, small = grad_output. For conv_transpose2d: large = grad_output, small
// = input, and TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]: then the rows are the eights of
// b, the columns the patch vectors.
// large_slope and small_slope read the maps through a leaky ReLU, x > 0 ? x : slope * x, that is
// stored nowhere; 1 is none. They and the stride are parameters, so that one pipeline serves every
// layer: this much code compiles slowly.
//
// Layouts large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// grad_weight: dense. Bindings 0 params, 1 large, 2 small, 3 grad_weight (or the workspace
// [splits][KERNEL][KERNEL][a][b] that reduce.wgsl sums) Grid ceil(rows / TILE_EIGHTS) *
// ceil(columns / SUBGROUP) * splits tiles, one a subgroup, where rows, columns are
//           KERNEL^2 * large_channels / 8, small_channels / 8 (TRANSPOSED_OUTPUT: the other way round);
//           ceil(tiles / (WORKGROUP / SUBGROUP)) groups, folded at 65535
// Limits SUBGROUP is the device's subgroup size, exactly; WORKGROUP is a multiple of it;
// TILE_EIGHTS <= SUBGROUP; splits <= rows
//           of all small images (batch * small_height); no lane leaves early;
//           all channel counts are multiples of 8, offsets and pixel strides even
// Speed lavapipe 22.3, beside the best of rung 3 in one call: 1.38 and 1.46 times as fast on
// 15x15x256, 1.57 on 32x32x128, 1.40 on
//           16x16x128.
//           lavapipe loads lane by lane, word by word: more than half of rung 3's sampled time on the layers of a step.
//           With its lines touched first, within steps, in turn: 4x4x512 from 8x8x256 3.3 to 3.6 ms for 4.0, 4x4x256 1.8 to 2.1 for 2.4.
//           Unmeasured on a GPU. Called by ops::conv2d_grad_weight.

const KERNEL: u32 = 4u; // height and width of the kernel
const TRANSPOSED_OUTPUT: bool = false;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_EIGHTS: u32 = 8u; // rows of a tile, in eights
const TOUCHED_PIXELS: u32 = 64u; // up to which storing the result is much of the work
const_assert WORKGROUP % SUBGROUP == 0u && TILE_EIGHTS <= SUBGROUP;

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
    stride: u32,
    large_slope: f32, // of the leaky ReLU in front of the large map; 1 is none
    small_slope: f32, // and of the small one
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> large: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> small: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<vec4<u64>>;

// Eight numbers, those at even places and those at odd ones: what the two halves of each word are.
struct Eight {
    even: vec4<f32>,
    odd: vec4<f32>,
}

fn eight(pairs: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(pairs)), bitcast<vec4<f32>>(vec4<u32>(pairs >> vec4(32u))));
}

fn words(even: vec4<f32>, odd: vec4<f32>) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(even)) | (vec4<u64>(bitcast<vec4<u32>>(odd)) << vec4(32u));
}

// Four numbers of either map as they enter the sum. The slope is for the bits of negative numbers:
// among them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn activated(x: vec4<f32>, slope: f32) -> vec4<f32> {
    return select(x, slope * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

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
        let inside = ox + i < params.small_width && y < params.large_height && x < params.large_width;
        let source = (params.large_offset + select(0u, image_row * params.large_width + x, inside) * params.large_stride) / 2u;
        let values = eight(large[source + tap.channel8]);
        tile.even[i] = select(vec4(0.0), activated(values.even, params.large_slope), inside);
        tile.odd[i] = select(vec4(0.0), activated(values.odd, params.large_slope), inside);
    }
    return tile;
}

// Two neighbouring pixels of the row; past its end any pixel does, because large_tile is zero
// there.
fn small_tile(channel8: u32, row: u32, ox: u32) -> Tile {
    var tile: Tile;
    for (var i = 0u; i < 2u; i++) {
        let pixel = row * params.small_width + min(ox + i, params.small_width - 1u);
        let values = eight(small[(params.small_offset + pixel * params.small_stride) / 2u + channel8]);
        tile.even[i] = activated(values.even, params.small_slope);
        tile.odd[i] = activated(values.odd, params.small_slope);
    }
    return tile;
}

// Where row 8*row8 + i and column 8*column8 of the product lie, in eights; rows follow each other
// after `step`.
fn place(row8: u32, column8: u32, step: u32) -> u32 {
    if TRANSPOSED_OUTPUT {
        let channels8 = params.large_channels4 / 2u;
        return (column8 / channels8 * params.small_channels4 * 4u + row8 * 8u) * step + column8 % channels8;
    }
    return row8 * 8u * step + column8;
}

// Loads a number of each line of memory that the tile will be stored in, all rows' first lines
// first: rows are far apart, and stores wait for one line after the other. Whatever other groups
// write there meanwhile: the result is 0. As part of an address it keeps compilers from dropping
// the loads.
fn touch(first: u32, rows: u32, first_column: u32, columns: u32, step: u32, lane: u32) -> u32 {
    var touched = 0lu;
    for (var r = 0u; r < TILE_EIGHTS; r++) {
        for (var i = 0u; i < 4u; i++) {
            let line = i * SUBGROUP + lane; // two eights of one of the eight rows
            let column = min(first_column + line / 8u * 2u, columns - 1u);
            touched ^= grad_weight[place(min(first + r, rows - 1u), column, step) + line % 8u * step].x;
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
    let row_tiles = (rows + TILE_EIGHTS - 1u) / TILE_EIGHTS;
    let column_tiles = (columns + SUBGROUP - 1u) / SUBGROUP;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % row_tiles * TILE_EIGHTS;
    let column = tile / row_tiles % column_tiles * SUBGROUP + lane;
    let split = tile / row_tiles / column_tiles;

    let fetched_row = min(first + lane, rows - 1u);
    let fetched_column = min(column, columns - 1u);
    let tap = tap_of(select(fetched_row, fetched_column, TRANSPOSED_OUTPUT));
    let b8 = select(fetched_column, fetched_row, TRANSPOSED_OUTPUT);

    var even_even: array<vec4<f32>, TILE_EIGHTS * 4u>; // sums of even rows, even columns
    var even_odd: array<vec4<f32>, TILE_EIGHTS * 4u>;
    var odd_even: array<vec4<f32>, TILE_EIGHTS * 4u>;
    var odd_odd: array<vec4<f32>, TILE_EIGHTS * 4u>;
    let image_rows = params.batch * params.small_height;
    let step = select(params.small_channels4, params.large_channels4, TRANSPOSED_OUTPUT) / 2u;
    var part_at = split * KERNEL * KERNEL * params.large_channels4 * 4u * params.small_channels4 / 2u;
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
            for (var r = 0u; r < TILE_EIGHTS * 4u; r++) {
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
    for (var r = 0u; r < TILE_EIGHTS * 4u; r++) {
        if first + r / 4u < rows {
            let at = part_at + place(first + r / 4u, column, step) + r % 4u * 2u * step;
            grad_weight[at] = words(even_even[r], even_odd[r]);
            grad_weight[at + step] = words(odd_even[r], odd_odd[r]);
        }
    }
}
