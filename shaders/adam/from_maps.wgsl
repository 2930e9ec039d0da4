// One Adam step (arXiv 1412.6980) of a convolution's weight, whose gradient is computed, consumed
// and forgotten:
//   g = grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*stride + ky - padding, ox*stride + kx - padding, a] * small[n, oy, ox, b]
//   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   value -= learning_rate / bias_correction1 * m / (sqrt(v) / sqrt(bias_correction2) + eps)
// The maps are those of conv2d_grad_weight; transposed output and slopes are as there, HALF and the
// rest as in update.wgsl. With CHECK nothing moves, and a gradient that is not finite sets the
// overflow word of the monitor.
//
// RUN neighbouring threads share four rows of RUN * TILE_COLUMNS neighbouring vec4s of columns,
// each thread every RUN-th vec4, at one tap. Rows are the channels a and columns b, the other way
// round if the output is transposed: row_map is large or small, column_map the other one. Only
// pixels whose tap lies on the large map are visited. All that layers differ in but the kernel's
// size are parameters, so that one pipeline serves them: this much code compiles slowly.
//
// Layouts row_map, column_map: [batch, height, width, channels4], offsets and pixel strides in
// vec4s; value, moment1, moment2, half:
//           dense [KERNEL, KERNEL, rows, columns]. Pad lanes stay zero, since the maps' are.
// Bindings 0 params, 1 step, 2 monitor, 3 row_map, 4 column_map, 5 value, 6 moment1, 7 moment2, 8
// half (unused if !HALF) Grid KERNEL^2 * rows4 * ceil(columns4 / (RUN * TILE_COLUMNS)) tiles of RUN
// threads, WORKGROUP threads a group, folded at 65535 Limits a small map of few pixels: each is
// loaded for four rows only. Sums are f32 and are not rounded to what gradients are stored in.
// Speed lavapipe 22.3: 2.6 ns an element on one pixel, where Adam over an arena takes 2.3 and the
// gradient's store is spared; slower
//           than both launches together from 16 pixels on. Unmeasured on a GPU.
// Nothing is written once the monitor's flag is up, nor if the gradients overflowed.
// Caller: ops/adam/from_maps.rs, FromMaps.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const HALF: bool = false;
const CHECK: bool = false; // look for an overflow, move nothing
const WORKGROUP: u32 = 64u;
const RUN: u32 = 8u; // threads side by side
const TILE_COLUMNS: u32 = 4u; // vec4s of columns a thread

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
@group(0) @binding(2) var<storage, read_write> monitor: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> row_map: array<Activation>;
@group(0) @binding(4) var<storage, read> column_map: array<Activation>;
@group(0) @binding(5) var<storage, read_write> value: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moment1: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> moment2: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> half: array<Weight>;

// Four numbers of either map as they enter the sum.
fn activated(x: vec4<f32>, slope: f32) -> vec4<f32> {
    return select(x, slope * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

// 1 - beta^n as in update.wgsl.
fn bias_correction(beta: f32, rest: f32, n: u32) -> f32 {
    var c = 0.0;
    for (var bit = 32u; bit > 0u; bit--) {
        c *= 2.0 - c;
        if ((n >> (bit - 1u)) & 1u) == 1u {
            c = rest + beta * c;
        }
    }
    return c;
}

// The first small pixel of a line whose tap is on the large map, and the one behind the last.
fn inside(tap: u32, small_size: u32, large_size: u32) -> vec2<u32> {
    let first = (max(params.padding, tap) - tap + params.stride - 1u) / params.stride;
    let end = (max(large_size + params.padding, tap) - tap + params.stride - 1u) / params.stride;
    return vec2(first, max(first, min(end, small_size)));
}

// Four rows of a thread's columns.
var<private> gradient: array<vec4<f32>, 4u * TILE_COLUMNS>;

fn sum_pixels(tap: u32, row4: u32, first_column4: u32) {
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
        let row = activated(vec4<f32>(row_map[params.row_offset + row_pixel * params.row_stride + row4]), params.row_slope);
        let columns_at = params.column_offset + column_pixel * params.column_stride;
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let column4 = min(first_column4 + c * RUN, params.columns4 - 1u);
            let column = activated(vec4<f32>(column_map[columns_at + column4]), params.column_slope);
            for (var r = 0u; r < 4u; r++) {
                gradient[r * TILE_COLUMNS + c] += row[r] * column;
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
        found |= any((bitcast<vec4<u32>>(gradient[i]) & exponent) == exponent);
    }
    return found;
}

// As in update.wgsl.
fn update(index: u32, g: vec4<f32>, step_size: f32, correction: f32) {
    let m = params.beta1 * moment1[index] + params.rest1 * g;
    let v = params.beta2 * moment2[index] + params.rest2 * g * g;
    moment1[index] = m;
    moment2[index] = v;
    let updated = value[index] - step_size * (m / (sqrt(v) / correction + params.eps));
    value[index] = updated;
    if HALF {
        half[index] = Weight(updated);
    }
}

@compute @workgroup_size(WORKGROUP)
fn from_maps(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var scale = 1.0;
    var corrections = vec2(step.bias_correction1, step.bias_correction2);
    if !CHECK && atomicLoad(&monitor[0]) != 0u {
        return;
    }
    if !CHECK && HALF {
        if atomicLoad(&monitor[params.scale_word + 2u]) != 0u {
            return;
        }
        scale = bitcast<f32>(atomicLoad(&monitor[params.scale_word]));
        let skipped = atomicLoad(&monitor[params.scale_word + 3u]);
        if skipped != 0u {
            let updates = max(step.step, skipped + 1u) - skipped;
            corrections.x = bias_correction(params.beta1, params.rest1, updates);
            corrections.y = bias_correction(params.beta2, params.rest2, updates);
        }
    }
    let column_tiles = (params.columns4 + RUN * TILE_COLUMNS - 1u) / (RUN * TILE_COLUMNS);
    let tile = ((group.y * 65535u + group.x) * WORKGROUP + lane) / RUN;
    let first_column4 = tile % column_tiles * RUN * TILE_COLUMNS + lane % RUN;
    let row4 = tile / column_tiles % params.rows4;
    let tap = tile / column_tiles / params.rows4;
    if tap >= KERNEL * KERNEL {
        return;
    }
    sum_pixels(tap, row4, first_column4);
    if CHECK {
        if overflows() {
            atomicStore(&monitor[params.scale_word + 2u], 1u);
        }
        return;
    }
    let step_size = step.learning_rate / corrections.x;
    let correction = sqrt(corrections.y);
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < TILE_COLUMNS; c++) {
            let column4 = first_column4 + c * RUN;
            if column4 < params.columns4 {
                let index = ((tap * params.rows4 + row4) * 4u + r) * params.columns4 + column4;
                var g = gradient[r * TILE_COLUMNS + c];
                if HALF {
                    g /= scale;
                }
                update(index, g, step_size, correction);
            }
        }
    }
}
