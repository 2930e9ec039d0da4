// Gradient of a normalisation, x_hat = (input - mean) * inv_std, means over the group's pixels:
//   grad = value > 0 ? grad_output : slope * grad_output   MASKED: through the activation behind;
//                                                          else grad_output
//   FROM_INPUT  grad_input = weight * inv_std * (grad - mean(grad) - x_hat * mean(grad * x_hat))
//   else        grad_input = weight * inv_std * grad    the statistics do not depend on the input
//
// value is the activation's output, whose sign is its input's.
// Layout: images [groups][pixels][channels], NHWC; stats [groups][2][channels]: mean, inv_std; sums
// the same as grad_sums.wgsl makes them; weight [channels]; channels padded to 4, pad lanes zero.
// Bindings: 0 params, 1 grad_output, 2 stats, 3 input, 4 sums, 5 weight, 6 value, 7 grad_input;
// anything as 3 and 4 without FROM_INPUT, as 5 without AFFINE, as 6 without MASKED.
// Grid: one thread a column of PIXELS pixels of a group, folded at 65535. Limits: indices < 2^32.
// Caller: src/ops/batch_norm/grad.rs, GradInput and MaskedGradInput.
// Speed: bound by memory, 12 bytes an element, MASKED 16; 8-wide where lanes load one by one.
// parts: vec4

const FROM_INPUT: bool = true;
const AFFINE: bool = true;
const MASKED: bool = false;
const PIXELS: u32 = 8u; // pixels a thread
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    pixels: u32, // of a group
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    stats_offset: u32,
    stats_stride: u32,
    input_offset: u32,
    input_stride: u32,
    sums_offset: u32,
    sums_stride: u32,
    weight_offset: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    value_offset: u32,
    value_stride: u32,
    slope: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Stored>;
@group(0) @binding(2) var<storage, read> stats: array<Exact>;
@group(0) @binding(3) var<storage, read> input: array<Stored>;
@group(0) @binding(4) var<storage, read> sums: array<Exact>;
@group(0) @binding(5) var<storage, read> weight: array<Exact>;
@group(0) @binding(6) var<storage, read> value: array<Stored>;
@group(0) @binding(7) var<storage, read_write> grad_input: array<Stored>;

@compute @workgroup_size(WORKGROUP)
fn grad_input_pixels(
    @builtin(workgroup_id) wid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let blocks = (params.pixels + PIXELS - 1u) / PIXELS;
    let columns = params.channels4 / VECTORS;
    if index >= params.groups * blocks * columns {
        return;
    }
    let column = index % columns;
    let block = index / columns;
    let group = block / blocks;
    let first = block % blocks * PIXELS;

    let place = (params.stats_offset + 2u * group * params.stats_stride) / VECTORS + column;
    let mean = load_exact(stats[place]);
    var factor = load_exact(stats[place + params.stats_stride / VECTORS]); // inv_std
    var grad_mean: Numbers;
    var slope: Numbers;
    if FROM_INPUT {
        let sums_at = (params.sums_offset + 2u * group * params.sums_stride) / VECTORS + column;
        grad_mean = load_exact(sums[sums_at]);
        slope = load_exact(sums[sums_at + params.sums_stride / VECTORS]);
        for (var k = 0u; k < VECTORS; k++) {
            grad_mean[k] /= f32(params.pixels);
            slope[k] = slope[k] / f32(params.pixels) * factor[k];
        }
    }
    if AFFINE {
        let w = load_exact(weight[params.weight_offset / VECTORS + column]);
        for (var k = 0u; k < VECTORS; k++) {
            factor[k] *= w[k];
        }
    }
    // A ragged last block repeats its last pixel: a bound that differs between lanes would cost
    // more on CPU adapters.
    for (var i = 0u; i < PIXELS; i++) {
        let row = group * params.pixels + min(first + i, params.pixels - 1u);
        let grad_at = (params.grad_output_offset + row * params.grad_output_stride) / VECTORS;
        var grad = load(grad_output[grad_at + column]);
        if MASKED {
            let value_at = (params.value_offset + row * params.value_stride) / VECTORS;
            let v = load(value[value_at + column]);
            for (var k = 0u; k < VECTORS; k++) {
                grad[k] = select(params.slope * grad[k], grad[k], v[k] > vec4<f32>(0.0));
            }
        }
        if FROM_INPUT {
            let x_at = (params.input_offset + row * params.input_stride) / VECTORS;
            let x = load(input[x_at + column]);
            for (var k = 0u; k < VECTORS; k++) {
                grad[k] -= grad_mean[k] + (x[k] - mean[k]) * slope[k];
            }
        }
        for (var k = 0u; k < VECTORS; k++) {
            grad[k] *= factor[k];
        }
        let to = (params.grad_input_offset + row * params.grad_input_stride) / VECTORS;
        grad_input[to + column] = store(grad);
    }
}
