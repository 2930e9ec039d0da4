// One Adam step of a convolution's weight, whose gradient is computed, consumed and forgotten:
//   g = grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*stride + ky - padding, ox*stride + kx - padding, a] * small[n, oy, ox, b]
// Maps, transposed output and slopes are as in conv2d_grad_weight, the step as in parts/adam.wgsl.
// With CHECK nothing moves, and a gradient that is not finite sets the monitor's overflow word.
// COALESCED neighbouring threads share four rows of COALESCED * TILE_COLUMNS columns at one tap.
// Rows are the channels a and columns b, the other way round if the output is transposed.
// Layout: row_map, column_map [batch, height, width, channels4], offsets and pixel strides in
// vec4s; value, moment1, moment2, half dense [KERNEL, KERNEL, rows, columns], pad lanes zero.
// Bindings: 0 params, 1 step, 2 monitor, 3 row_map, 4 column_map, 5 value, 6 moment1, 7 moment2,
// 8 half (unused without HALF).
// Grid: COALESCED threads for each tap, row4 and ceil(columns / (COALESCED * TILE_COLUMNS)),
// folded at 65535.
// Limits: small maps; each loaded value serves only four rows. Sums stay f32, with HALF too.
// Caller: src/ops/adam/from_maps.rs. Speed: wins below 16 pixels (docs/benchmarks/trials.md).
// parts: vec4, step, adam, leaky_relu

alias Activation = vec4<f32>; // how activations are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const HALF: bool = false;
const CHECK: bool = false; // look for an overflow, move nothing
const WORKGROUP: u32 = 64u;
const COALESCED: u32 = 8u; // threads side by side
const TILE_COLUMNS: u32 = 4u; // columns a thread

// All that layers differ in but the kernel's size are parameters, so that one pipeline serves them:
// this much code compiles slowly.
struct Params {
    batch: u32,
    large_height: u32,
    large_width: u32,
    small_height: u32,
    small_width: u32,
    stride: u32,
    padding: u32,
    transposed_output: u32, // 1: the small map has the rows; 0: the large one
    rows4: u32,
    columns4: u32,
    row_offset: u32,
    row_stride: u32,
    column_offset: u32,
    column_stride: u32,
    row_slope: f32, // of the leaky ReLU in front of the map that has the rows; 1 is none
    column_slope: f32, // and of the other one
    beta1: f32,
    beta2: f32,
    rest1: f32, // 1 - beta1, rounded after the subtraction
    rest2: f32, // 1 - beta2, likewise
    eps: f32,
    scale_word: u32, // where the monitor holds the loss scale
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> monitor: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> row_map: array<Activation>;
@group(0) @binding(4) var<storage, read> column_map: array<Activation>;
@group(0) @binding(5) var<storage, read_write> value: array<Exact>;
@group(0) @binding(6) var<storage, read_write> moment1: array<Exact>;
@group(0) @binding(7) var<storage, read_write> moment2: array<Exact>;
@group(0) @binding(8) var<storage, read_write> half: array<Weight>;

fn monitor_word(index: u32) -> u32 {
    return atomicLoad(&monitor[index]);
}

// The first small pixel of a line whose tap is on the large map, and the one behind the last.
fn inside(tap: u32, small_size: u32, large_size: u32) -> vec2<u32> {
    let first = (max(params.padding, tap) - tap + params.stride - 1u) / params.stride;
    let end = (max(large_size + params.padding, tap) - tap + params.stride - 1u) / params.stride;
    return vec2(first, max(first, min(end, small_size)));
}

// One column of the map that has the columns.
fn column_numbers(at: u32) -> Numbers {
    let low = leaky_relu(vec4<f32>(column_map[at]), params.column_slope);
    let high = leaky_relu(vec4<f32>(column_map[at + VECTORS - 1u]), params.column_slope);
    return numbers_of(low, high);
}

// Four rows of a thread's columns.
var<private> gradient: array<Numbers, 4u * TILE_COLUMNS>;

fn sum_pixels(tap: u32, row4: u32, first_column: u32, columns: u32) {
    let ys = inside(tap / KERNEL, params.small_height, params.large_height);
    let xs = inside(tap % KERNEL, params.small_width, params.large_width);
    let transposed = params.transposed_output != 0u;
    var n = 0u;
    var oy = ys.x;
    var ox = xs.x;
    // One loop instead of three: a CPU adapter pays for each.
    for (var left = params.batch * (ys.y - ys.x) * (xs.y - xs.x); left > 0u; left--) {
        let y = n * params.large_height + oy * params.stride + tap / KERNEL - params.padding;
        let x = ox * params.stride + tap % KERNEL - params.padding;
        let large_pixel = y * params.large_width + x;
        let small_pixel = (n * params.small_height + oy) * params.small_width + ox;
        let row_pixel = select(large_pixel, small_pixel, transposed);
        let column_pixel = select(small_pixel, large_pixel, transposed);
        let row_at = params.row_offset + row_pixel * params.row_stride + row4;
        let row = leaky_relu(vec4<f32>(row_map[row_at]), params.row_slope);
        let columns_at = params.column_offset + column_pixel * params.column_stride;
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let column = min(first_column + c * COALESCED, columns - 1u);
            let numbers = column_numbers(columns_at + VECTORS * column);
            for (var r = 0u; r < 4u; r++) {
                for (var k = 0u; k < VECTORS; k++) {
                    gradient[r * TILE_COLUMNS + c][k] += row[r] * numbers[k];
                }
            }
        }
        ox += 1u;
        let line_ends = ox == xs.y;
        ox = select(ox, xs.x, line_ends);
        oy += u32(line_ends);
        let image_ends = oy == ys.y;
        oy = select(oy, ys.x, image_ends);
        n += u32(image_ends);
    }
}

fn overflows() -> bool {
    let exponent = vec4<u32>(0x7f800000u); // all ones in a NaN and in an infinity
    var found = false;
    for (var i = 0u; i < 4u * TILE_COLUMNS; i++) {
        for (var k = 0u; k < VECTORS; k++) {
            found |= any((bitcast<vec4<u32>>(gradient[i][k]) & exponent) == exponent);
        }
    }
    return found;
}

@compute @workgroup_size(WORKGROUP)
fn from_maps(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    if !CHECK {
        if is_stopped() {
            return;
        }
    }
    let columns = params.columns4 / VECTORS;
    let column_tiles = (columns + COALESCED * TILE_COLUMNS - 1u) / (COALESCED * TILE_COLUMNS);
    let tile = ((group.y * 65535u + group.x) * WORKGROUP + lane) / COALESCED;
    let first_column = tile % column_tiles * COALESCED * TILE_COLUMNS + lane % COALESCED;
    let row4 = tile / column_tiles % params.rows4;
    let tap = tile / column_tiles / params.rows4;
    if tap >= KERNEL * KERNEL {
        return;
    }
    sum_pixels(tap, row4, first_column, columns);
    if CHECK {
        if overflows() {
            atomicStore(&monitor[params.scale_word + 2u], 1u);
        }
        return;
    }
    let now = rates();
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let column = first_column + c * COALESCED;
            if column < columns {
                let index = ((tap * params.rows4 + row4) * 4u + r) * columns + column;
                update_column(index, gradient[r * TILE_COLUMNS + c], now);
            }
        }
    }
}
