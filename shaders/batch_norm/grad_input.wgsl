// Gradient of a normalisation, with x_hat = (input - mean) * inv_std and means over the pixels of
// the group:
//
//   grad = value > 0 ? grad_output : slope * grad_output    MASKED: through the activation behind; else grad_output
//   FROM_INPUT  grad_input = weight * inv_std * (grad - mean(grad) - x_hat * mean(grad * x_hat))
//   else        grad_input = weight * inv_std * grad                     statistics that do not depend on the input
//
// value is the activation's output, whose sign is its input's.
// Layout: images [groups][pixels][channels], NHWC; stats [groups][2][channels]: mean, inv_std; sums
// [groups][2][channels] as grad_sums.wgsl makes them; weight [channels]. Channels padded to 4; pad
// lanes stay zero since those of every operand are. Bindings: 0 params, 1 grad_output, 2 stats, 3
// input, 4 sums, 5 weight, 6 value, 7 grad_input. Without FROM_INPUT the caller binds anything as
// input and sums, without AFFINE as weight, without MASKED as value.
// Grid: one thread a vec4 of channels of PIXELS pixels of one group (it loads their constants
// once), workgroups folded at 65535. Limits: every index < 2^32. Bound by memory: 12 bytes an
// element, MASKED 16. Caller: ops/batch_norm/grad.rs, GradInput and MaskedGradInput.
// A change of the arithmetic is one of grad_input_wide.wgsl too.

alias Activation = vec4<f32>; // how activations are stored
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
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> input: array<Activation>;
@group(0) @binding(4) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> value: array<Activation>;
@group(0) @binding(7) var<storage, read_write> grad_input: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn grad_input_pixels(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let blocks = (params.pixels + PIXELS - 1u) / PIXELS;
    if index >= params.groups * blocks * params.channels4 {
        return;
    }
    let column = index % params.channels4;
    let block = index / params.channels4;
    let group = block / blocks;
    let first = block % blocks * PIXELS;

    let place = params.stats_offset + 2u * group * params.stats_stride + column;
    let mean = stats[place];
    let inv_std = stats[place + params.stats_stride];
    var factor = inv_std;
    if AFFINE {
        factor *= weight[params.weight_offset + column];
    }
    var grad_mean = vec4<f32>(0.0);
    var slope = vec4<f32>(0.0);
    if FROM_INPUT {
        let sums_place = params.sums_offset + 2u * group * params.sums_stride + column;
        grad_mean = sums[sums_place] / f32(params.pixels);
        slope = sums[sums_place + params.sums_stride] / f32(params.pixels) * inv_std;
    }
    // A ragged last block repeats its last pixel: a bound that differs between lanes would cost
    // more on CPU adapters.
    for (var i = 0u; i < PIXELS; i++) {
        let row = group * params.pixels + min(first + i, params.pixels - 1u);
        var grad = vec4<f32>(grad_output[params.grad_output_offset + row * params.grad_output_stride + column]);
        if MASKED {
            let v = vec4<f32>(value[params.value_offset + row * params.value_stride + column]);
            grad = select(params.slope * grad, grad, v > vec4<f32>(0.0));
        }
        if FROM_INPUT {
            let x = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
            grad -= grad_mean + (x - mean) * slope;
        }
        grad_input[params.grad_input_offset + row * params.grad_input_stride + column] = Activation(factor * grad);
    }
}
