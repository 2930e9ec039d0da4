// Statistics, normalisation and activation of a small map in one launch:
//
//   stats[group] = mean, inv_std = 1 / sqrt(variance + eps)              biased variance
//   output = leaky_relu(weight * (input - mean) * inv_std + bias)        AFFINE; else weight 1 and bias 0
//   leaky_relu(y) = y > 0 ? y : slope * y: slope 1 leaves y as it is, slope 0 is ReLU.
//   running = (1 - momentum) * running + momentum * new                  RUNNING; in place, for each group in order
//
// A thread walks twice over the pixels of its channels. The first walk is that of statistics.wgsl,
// with the same bits as result. Layout: input and output [groups][pixels][channels], NHWC; stats
// [groups][2][channels]; weight and bias [channels]. Channels padded to 4; pad lanes stay zero.
// Bindings: 0 params, 1 input, 2 weight, 3 bias, 4 stats, 5 output, 6 running_mean, 7 running_var,
// 8 monitor (its flag stops the update). Without AFFINE the caller binds anything readable as
// weight and bias, without RUNNING anything as 6 and 7.
// Grid: one thread a (group, vec4 of channels), with RUNNING one a vec4 of channels, which takes
// the groups in turn; workgroups folded at 65535. Limits: every index < 2^32, pixels > 0.
// Bound by latency. Saves up to four launches, some 30 us each on a CPU adapter, and loses to the
// three of statistics.wgsl and normalize.wgsl where pixels are many and channels few, since it has
// no more threads than vec4s of channels.
// Caller: ops/batch_norm/fused.rs, Norm.

alias Activation = vec4<f32>; // how activations are stored
const AFFINE: bool = true;
const RUNNING: bool = false;
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
    momentum: f32,
    unbias: f32, // count / (count - 1)
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output: array<Activation>;
@group(0) @binding(6) var<storage, read_write> running_mean: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> running_var: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> monitor: array<u32>;

fn leaky_relu(y: vec4<f32>) -> vec4<f32> {
    return select(params.slope * y, y, y > vec4<f32>(0.0));
}

fn finite(value: vec4<f32>) -> vec4<bool> {
    let exponent = vec4<u32>(0x7f800000u);
    return (bitcast<vec4<u32>>(value) & exponent) != exponent;
}

// As in running_update.wgsl.
fn update_running(column: u32, new_mean: vec4<f32>, inv_std: vec4<f32>) {
    let biased = 1.0 / (inv_std * inv_std) - params.eps;
    let new_variance = select(biased, vec4<f32>(0.0), biased < vec4<f32>(0.0)) * params.unbias;
    let good = finite(new_mean) & finite(new_variance) & (inv_std > vec4<f32>(0.0)) & vec4<bool>(monitor[0] == 0u);
    let mean = running_mean[column];
    let variance = running_var[column];
    running_mean[column] = select(mean, mix(mean, new_mean, params.momentum), good);
    running_var[column] = select(variance, mix(variance, new_variance, params.momentum), good);
}

fn group_forward(group: u32, column: u32) {
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
    if RUNNING {
        update_running(column, mean, factor);
    }

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

@compute @workgroup_size(WORKGROUP)
fn small_forward(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if RUNNING {
        if index < channels4 {
            for (var group = 0u; group < params.groups; group++) {
                group_forward(group, index);
            }
        }
    } else if index < params.groups * channels4 {
        group_forward(index / channels4, index % channels4);
    }
}
