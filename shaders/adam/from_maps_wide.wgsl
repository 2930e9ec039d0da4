// from_maps.wgsl for f32, eight numbers of the state at a time: loads and stores of 64-bit words,
// for devices that make them lane by lane.
//   g = grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*stride + ky - padding, ox*stride + kx - padding, a] * small[n, oy, ox, b]
//   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   value -= learning_rate / bias_correction1 * m / (sqrt(v) / sqrt(bias_correction2) + eps)
// The arithmetic is that of update.wgsl: a change of one is a change of all four files here.
//
// RUN neighbouring threads share four rows of RUN * TILE_COLUMNS neighbouring eights of columns,
// each thread every RUN-th, at one tap. Rows, columns, pixels and parameters are those of
// from_maps.wgsl.
//
// Layouts row_map, column_map: [batch, height, width, channels4], offsets and pixel strides in
// vec4s; value, moment1, moment2: dense
//           [KERNEL, KERNEL, rows, columns], read as vectors of four words, each two neighbouring numbers. Pad lanes stay zero.
// Bindings  0 params, 1 step, 2 monitor, 3 row_map, 4 column_map, 5 value, 6 moment1, 7 moment2
// Grid KERNEL^2 * rows4 * ceil(columns8 / (RUN * TILE_COLUMNS)) tiles of RUN threads, WORKGROUP
// threads a group, folded at 65535 Limits 64-bit integers; columns in eights; a small map of few
// pixels.
// Speed lavapipe 22.3, all updates of a step at 128x128, ngf 32: 28.8 to 32.0 ms with the two wide
// files, 37.3 to 40.5 without, in
//           turn. A tile walks whole rows of 256 numbers: in memory order.
// Nothing is written once the monitor's flag is up. Caller: ops/adam/from_maps.rs, FromMaps.

const KERNEL: u32 = 4u; // height and width of the kernel
const WORKGROUP: u32 = 64u;
const RUN: u32 = 8u; // threads side by side
const TILE_COLUMNS: u32 = 4u; // eights of columns a thread

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
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

struct Step {
    seed: vec2<u32>,
    step: u32,
    ring_row: u32,
    learning_rate: f32,
    bias_correction1: f32,
    bias_correction2: f32,
    pad: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> monitor: array<u32>;
@group(0) @binding(3) var<storage, read> row_map: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> column_map: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> value: array<vec4<u64>>;
@group(0) @binding(6) var<storage, read_write> moment1: array<vec4<u64>>;
@group(0) @binding(7) var<storage, read_write> moment2: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

// Four numbers of either map as they enter the sum.
fn activated(x: vec4<f32>, slope: f32) -> vec4<f32> {
    return select(x, slope * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

// The first small pixel of a line whose tap is on the large map, and the one behind the last.
fn inside(tap: u32, small_size: u32, large_size: u32) -> vec2<u32> {
    let first = (max(params.padding, tap) - tap + params.stride - 1u) / params.stride;
    let end = (max(large_size + params.padding, tap) - tap + params.stride - 1u) / params.stride;
    return vec2(first, max(first, min(end, small_size)));
}

// Two neighbouring vec4s of the map that has the columns.
fn column(at: u32) -> Eight {
    let low = activated(column_map[at], params.column_slope);
    let high = activated(column_map[at + 1u], params.column_slope);
    return Eight(vec4(low.xz, high.xz), vec4(low.yw, high.yw));
}

// Four rows of a thread's columns.
var<private> gradient: array<Eight, 4u * TILE_COLUMNS>;

fn sum_pixels(tap: u32, row4: u32, first_column8: u32, columns8: u32) {
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
        let row = activated(row_map[params.row_offset + row_pixel * params.row_stride + row4], params.row_slope);
        let columns_at = params.column_offset + column_pixel * params.column_stride;
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let numbers = column(columns_at + 2u * min(first_column8 + c * RUN, columns8 - 1u));
            for (var r = 0u; r < 4u; r++) {
                gradient[r * TILE_COLUMNS + c][0] += row[r] * numbers[0];
                gradient[r * TILE_COLUMNS + c][1] += row[r] * numbers[1];
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

// As in update_wide.wgsl.
fn update(index: u32, g: Eight, step_size: f32, correction: f32) {
    var m = eight(moment1[index]);
    var v = eight(moment2[index]);
    var updated = eight(value[index]);
    for (var half = 0u; half < 2u; half++) {
        m[half] = params.beta1 * m[half] + params.rest1 * g[half];
        v[half] = params.beta2 * v[half] + params.rest2 * g[half] * g[half];
        updated[half] -= step_size * (m[half] / (sqrt(v[half]) / correction + params.eps));
    }
    moment1[index] = words(m);
    moment2[index] = words(v);
    value[index] = words(updated);
}

@compute @workgroup_size(WORKGROUP)
fn from_maps_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if monitor[0] != 0u {
        return;
    }
    let columns8 = params.columns4 / 2u;
    let column_tiles = (columns8 + RUN * TILE_COLUMNS - 1u) / (RUN * TILE_COLUMNS);
    let tile = ((group.y * 65535u + group.x) * WORKGROUP + lane) / RUN;
    let first_column8 = tile % column_tiles * RUN * TILE_COLUMNS + lane % RUN;
    let row4 = tile / column_tiles % params.rows4;
    let tap = tile / column_tiles / params.rows4;
    if tap >= KERNEL * KERNEL {
        return;
    }
    sum_pixels(tap, row4, first_column8, columns8);
    let step_size = step.learning_rate / step.bias_correction1;
    let correction = sqrt(step.bias_correction2);
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let column8 = first_column8 + c * RUN;
            if column8 < columns8 {
                let index = ((tap * params.rows4 + row4) * 4u + r) * columns8 + column8;
                update(index, gradient[r * TILE_COLUMNS + c], step_size, correction);
            }
        }
    }
}
