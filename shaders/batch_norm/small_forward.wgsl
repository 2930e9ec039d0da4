// Statistics, normalisation and activation of a small map in one launch:
//   stats[group] = mean, inv_std = 1 / sqrt(variance + eps)          biased variance
//   output = leaky_relu(weight * (input - mean) * inv_std + bias)    AFFINE; else weight 1, bias 0
//   running = (1 - momentum) * running + momentum * new              RUNNING: groups in order
// A thread walks twice over the pixels of its channels; the first walk has the bits of
// statistics.wgsl.
// Layout: as in normalize.wgsl and running_update.wgsl.
// Bindings: 0 params, 1 input, 2 weight, 3 bias, 4 stats, 5 output, 6 running_mean, 7 running_var,
// 8 monitor (its flag stops the update); anything as 2, 3 without AFFINE, 6, 7 without RUNNING.
// Grid: one thread a (group, vec4 of channels), with RUNNING one a vec4 of channels, which takes
// the groups in turn; folded at 65535. Limits: every index < 2^32, pixels > 0.
// Caller: src/ops/batch_norm/fused.rs, FusedNorm.
// Speed: bound by latency; saves up to four launches, loses where pixels are many and channels few.
// parts: running

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

fn update_running(column: u32, new_mean: vec4<f32>, inv_std: vec4<f32>) {
    if monitor[0] != 0u {
        return;
    }
    let old = Running(running_mean[column], running_var[column]);
    let updated = moved(old, new_mean, inv_std);
    running_mean[column] = updated.mean;
    running_var[column] = updated.variance;
}

fn value(row: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
}

fn group_forward(group: u32, column: u32) {
    let first = group * params.pixels;
    let origin = value(first, column);
    var mean = vec4<f32>(0.0);
    var m2 = vec4<f32>(0.0);
    for (var i = 0u; i < params.pixels; i++) {
        let distance = value(first + i, column) - origin;
        let delta = distance - mean;
        mean += delta * (1.0 / f32(i + 1u));
        m2 += delta * (distance - mean);
    }
    mean += origin;
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    var factor = 1.0 / sqrt(m2 / f32(params.pixels) + params.eps);
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
        let y = leaky_relu((value(first + i, column) - mean) * factor + offset);
        let to = params.output_offset + (first + i) * params.output_stride + column;
        output[to] = Activation(y);
    }
}

@compute @workgroup_size(WORKGROUP)
fn small_forward(
    @builtin(workgroup_id) wid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
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
