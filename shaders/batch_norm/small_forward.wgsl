// Statistics, normalisation and activation of a small map in one launch:
//
//   stats[group] = mean, inv_std = 1 / sqrt(variance + eps)              biased variance
//   output = leaky_relu(weight * (input - mean) * inv_std + bias)        AFFINE; else weight 1 and bias 0
//   leaky_relu(y) = y > 0 ? y : slope * y: slope 1 leaves y as it is, slope 0 is ReLU.
//
// A thread walks twice over the pixels of its channels. The first walk is that of statistics.wgsl, with the same bits as result.
// Layout: input and output [groups][pixels][channels], NHWC; stats [groups][2][channels]; weight and bias [channels]. Channels padded
// to 4; pad lanes stay zero.
// Bindings: 0 params, 1 input, 2 weight, 3 bias, 4 stats, 5 output. Without AFFINE the caller binds the input as weight and bias.
// Grid: one thread a (group, vec4 of channels), workgroups folded at 65535. Limits: every index < 2^32, pixels > 0.
// Bound by latency. Saves two launches, some 30 us each on a CPU adapter, and loses to the three of statistics.wgsl and normalize.wgsl
// where pixels are many and channels few, since it has no more threads than vec4s of channels. Caller: ops/batch_norm/fused.rs, Norm.

alias Activation = vec4<f32>; // how activations are stored
const AFFINE: bool = true;
const WORKGROUP: u32 = 64u;

struct Params {
    channels: u32,
    groups: u32,
    pixels: u32, // of a group
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    weight_offset: u32,
    bias_offset: u32,
    stats_offset: u32,
    stats_stride: u32,
    output_offset: u32,
    output_stride: u32,
    eps: f32,
    slope: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output: array<Activation>;

fn leaky_relu(y: vec4<f32>) -> vec4<f32> {
    return select(params.slope * y, y, y > vec4<f32>(0.0));
}

@compute @workgroup_size(WORKGROUP)
fn small_forward(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.groups * channels4 {
        return;
    }
    let column = index % channels4;
    let group = index / channels4;
    let first = group * params.pixels;

    let origin = vec4<f32>(input[params.input_offset + first * params.input_stride + column]);
    var mean = vec4<f32>(0.0);
    var spread = vec4<f32>(0.0);
    for (var i = 0u; i < params.pixels; i++) {
        let distance = vec4<f32>(input[params.input_offset + (first + i) * params.input_stride + column]) - origin;
        let delta = distance - mean;
        mean += delta * (1.0 / f32(i + 1u));
        spread += delta * (distance - mean);
    }
    mean += origin;
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    var factor = 1.0 / sqrt(spread / f32(params.pixels) + params.eps);
    factor = select(vec4<f32>(0.0), factor, channel < vec4<u32>(params.channels));
    let place = params.stats_offset + 2u * group * params.stats_stride + column;
    stats[place] = mean;
    stats[place + params.stats_stride] = factor;

    var offset = vec4<f32>(0.0);
    if AFFINE {
        factor *= weight[params.weight_offset + column];
        offset = bias[params.bias_offset + column];
    }
    for (var i = 0u; i < params.pixels; i++) {
        let x = vec4<f32>(input[params.input_offset + (first + i) * params.input_stride + column]);
        let y = leaky_relu((x - mean) * factor + offset);
        output[params.output_offset + (first + i) * params.output_stride + column] = Activation(y);
    }
}
