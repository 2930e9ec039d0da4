// Sums that the gradients of a normalisation need, over chunks of the pixels of a group:
//
//   output[chunk][group] = sum of grad_output, sum of grad_output * (input - mean) * inv_std
//
// With one chunk that is the result, else reduce.wgsl adds the chunks.
// Layout: grad_output and input [groups][pixels][channels], NHWC; stats [groups][2][channels]; output [chunks][groups][2][channels];
// channels padded to 4; pad lanes stay zero since grad_output's are.
// Bindings: 0 params, 1 grad_output, 2 input, 3 stats, 4 output.
// Grid: one thread a (chunk, group, vec4 of channels), workgroups folded at 65535. Limits: every index < 2^32, no chunk empty.
// Bound by memory: 8 bytes an element. Caller: ops/batch_norm.rs, GradSums.

alias Activation = vec4<f32>; // how activations are stored
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
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read> input: array<Activation>;
@group(0) @binding(3) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4<f32>>;

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
        let grad = vec4<f32>(grad_output[params.grad_output_offset + row * params.grad_output_stride + column]);
        sum += grad;
        products += grad * (vec4<f32>(input[params.input_offset + row * params.input_stride + column]) - mean);
    }
    let first = params.output_offset + 2u * part * params.output_stride + column;
    output[first] = sum;
    output[first + params.output_stride] = products * stats[place + params.stats_stride];
}
