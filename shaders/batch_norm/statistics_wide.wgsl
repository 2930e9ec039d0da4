// statistics.wgsl for f32, eight channels at a time: loads and stores of 64-bit words, for devices
// that make them lane by lane.
//
//   SINGLE   output[group] = mean, 1 / sqrt(variance + eps)             one chunk holds the whole group; biased variance
//   else     output[chunk][group] = mean - origin, spread               spread = sum of (input - mean)^2 over the chunk
//
// The arithmetic is that of statistics.wgsl: a change of one is a change of both.
// Layout: input [groups][pixels][channels], NHWC; output [chunks][groups][2][channels]; channels a
// multiple of eight, offsets and strides even. Bindings: 0 params, 1 input, 2 output. Grid: one
// thread a (chunk, group, eight channels), workgroups folded at 65535. Limits: 64-bit integers;
// every index < 2^32, chunks * chunk_pixels >= pixels, no chunk empty.
// Speed: lavapipe 22.3, the least of 40 launches in turn, three rounds: 2 groups of 31x31x512 in
// 0.61 to 0.64 ms, statistics.wgsl in 1.55 to 1.57.
// Caller: ops/batch_norm.rs, Statistics.

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
@group(0) @binding(1) var<storage, read> input: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

@compute @workgroup_size(WORKGROUP)
fn statistics_wide(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let channels8 = params.channels / 8u;
    if index >= params.chunks * params.groups * channels8 {
        return;
    }
    let column = index % channels8;
    let part = index / channels8;
    let stride = params.input_stride / 2u;
    let group_first = params.input_offset / 2u + part % params.groups * params.pixels * stride + column;
    let origin = eight(input[group_first]);
    let start = part / params.groups * params.chunk_pixels;
    let count = min(params.chunk_pixels, params.pixels - start);

    var place = group_first + start * stride;
    var mean: Eight;
    var spread: Eight;
    for (var i = 0u; i < count; i++) {
        let x = eight(input[place]);
        let share = 1.0 / f32(i + 1u);
        for (var half = 0u; half < 2u; half++) {
            let distance = x[half] - origin[half];
            let delta = distance - mean[half];
            mean[half] += delta * share;
            spread[half] += delta * (distance - mean[half]);
        }
        place += stride;
    }
    if SINGLE {
        for (var half = 0u; half < 2u; half++) {
            spread[half] = 1.0 / sqrt(spread[half] / f32(count) + params.eps);
            mean[half] += origin[half];
        }
    }
    let first = (params.output_offset + 2u * part * params.output_stride) / 2u + column;
    output[first] = words(mean);
    output[first + params.output_stride / 2u] = words(spread);
}
