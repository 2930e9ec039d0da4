// Mean and spread of each channel over chunks of the pixels of a group (all images: batch norm; one
// image: instance norm).
//
//   SINGLE   output[group] = mean, 1 / sqrt(variance + eps)             one chunk holds the whole group; biased variance
//   else     output[chunk][group] = mean - origin, spread               spread = sum of (input - mean)^2 over the chunk
//
// The origin is the group's first pixel: distances from it keep the digits of a small variance
// beside a large mean. Over them runs Welford's update (1962), which an outlier as origin does not
// hurt. merge.wgsl joins the chunks.
// Layout: input [groups][pixels][channels], NHWC; output [chunks][groups][2][channels]; channels
// padded to 4, pad lanes zero. Bindings: 0 params, 1 input, 2 output. Grid: one thread a (chunk,
// group, vec4 of channels), workgroups folded at 65535. Limits: every index < 2^32, chunks *
// chunk_pixels >= pixels, no chunk empty. Bound by memory: 4 bytes an element. Caller:
// ops/batch_norm.rs, Statistics.
// A change of the arithmetic is one of statistics_wide.wgsl too.

alias Activation = vec4<f32>; // how activations are stored
const SINGLE: bool = true;
const WORKGROUP: u32 = 64u;

struct Params {
    channels: u32,
    groups: u32,
    pixels: u32, // of a group
    chunks: u32,
    chunk_pixels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    eps: f32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn statistics(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.chunks * params.groups * channels4 {
        return;
    }
    let column = index % channels4;
    let part = index / channels4;
    let group_first = params.input_offset + part % params.groups * params.pixels * params.input_stride + column;
    let origin = vec4<f32>(input[group_first]);
    let start = part / params.groups * params.chunk_pixels;
    let count = min(params.chunk_pixels, params.pixels - start);

    var place = group_first + start * params.input_stride;
    var mean = vec4<f32>(0.0);
    var spread = vec4<f32>(0.0);
    for (var i = 0u; i < count; i++) {
        let distance = vec4<f32>(input[place]) - origin;
        let delta = distance - mean;
        mean += delta * (1.0 / f32(i + 1u));
        spread += delta * (distance - mean);
        place += params.input_stride;
    }
    if SINGLE {
        let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
        let inv_std = 1.0 / sqrt(spread / f32(count) + params.eps);
        spread = select(vec4<f32>(0.0), inv_std, channel < vec4<u32>(params.channels));
        mean += origin;
    }
    let first = params.output_offset + 2u * part * params.output_stride + column;
    output[first] = mean;
    output[first + params.output_stride] = spread;
}
