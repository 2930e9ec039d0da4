// Sums that the gradients of a normalisation need, over chunks of the pixels of a group:
//
//   grad = value > 0 ? grad_output : slope * grad_output                 MASKED: through the activation behind; else grad_output
//   output[chunk][group] = sum of grad, sum of grad * (input - mean) * inv_std
//
// With one chunk that is the result, else reduce.wgsl or grad_merge.wgsl adds the chunks. value is
// the activation's output. Layout: grad_output, value and input [groups][pixels][channels], NHWC;
// stats [groups][2][channels]; output [chunks][groups][2][channels]; channels padded to 4; pad
// lanes stay zero since grad_output's are.
// Bindings: 0 params, 1 grad_output, 2 input, 3 stats, 4 value (without MASKED: anything), 5
// output.
// Grid: one thread a (chunk, group, vec4 of channels), workgroups folded at 65535. Limits: every
// index < 2^32, no chunk empty. Bound by memory: 8 bytes an element, MASKED 12. Caller:
// ops/batch_norm/grad.rs, GradSums and MaskedGradSums.
// A change of the arithmetic is one of grad_sums_wide.wgsl too.

alias Activation = vec4<f32>; // how activations are stored
const MASKED: bool = false;
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    pixels: u32, // of a group
    chunks: u32,
    chunk_pixels: u32,
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    input_offset: u32,
    input_stride: u32,
    stats_offset: u32,
    stats_stride: u32,
    output_offset: u32,
    output_stride: u32,
    value_offset: u32,
    value_stride: u32,
    slope: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read> input: array<Activation>;
@group(0) @binding(3) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> value: array<Activation>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn grad_sums(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if index >= params.chunks * params.groups * params.channels4 {
        return;
    }
    let column = index % params.channels4;
    let part = index / params.channels4;
    let group = part % params.groups;
    let start = part / params.groups * params.chunk_pixels;
    let end = min(start + params.chunk_pixels, params.pixels);

    let place = params.stats_offset + 2u * group * params.stats_stride + column;
    let mean = stats[place];
    var sum = vec4<f32>(0.0);
    var products = vec4<f32>(0.0);
    for (var pixel = start; pixel < end; pixel++) {
        let row = group * params.pixels + pixel;
        var grad = vec4<f32>(grad_output[params.grad_output_offset + row * params.grad_output_stride + column]);
        if MASKED {
            let v = vec4<f32>(value[params.value_offset + row * params.value_stride + column]);
            grad = select(params.slope * grad, grad, v > vec4<f32>(0.0));
        }
        sum += grad;
        products += grad * (vec4<f32>(input[params.input_offset + row * params.input_stride + column]) - mean);
    }
    let first = params.output_offset + 2u * part * params.output_stride + column;
    output[first] = sum;
    output[first + params.output_stride] = products * stats[place + params.stats_stride];
}
