// grad_sums.wgsl for f32, eight channels at a time: loads and stores of 64-bit words, for devices
// that make them lane by lane.
//
//   grad = value > 0 ? grad_output : slope * grad_output                 MASKED: through the activation behind; else grad_output
//   output[chunk][group] = sum of grad, sum of grad * (input - mean) * inv_std
//
// The arithmetic is that of grad_sums.wgsl: a change of one is a change of both.
// Layout: grad_output, value and input [groups][pixels][channels], NHWC; stats
// [groups][2][channels]; output [chunks][groups][2][channels]; channels a multiple of eight,
// offsets and strides even.
// Bindings: 0 params, 1 grad_output, 2 input, 3 stats, 4 value (without MASKED: anything), 5
// output.
// Grid: one thread a (chunk, group, eight channels), workgroups folded at 65535.
// Limits: 64-bit integers; every index < 2^32, no chunk empty.
// Speed: lavapipe 22.3, the least of 40 launches in turn, three rounds: MASKED, 2 groups of
// 31x31x512 in 1.74 to 1.79 ms, grad_sums.wgsl in 6.08 to 6.20.
// Caller: ops/batch_norm/grad.rs, GradSums and MaskedGradSums.

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
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> input: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read> stats: array<vec4<u64>>;
@group(0) @binding(4) var<storage, read> value: array<vec4<u64>>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

@compute @workgroup_size(WORKGROUP)
fn grad_sums_wide(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let channels8 = params.channels4 / 2u;
    if index >= params.chunks * params.groups * channels8 {
        return;
    }
    let column = index % channels8;
    let part = index / channels8;
    let group = part % params.groups;
    let start = part / params.groups * params.chunk_pixels;
    let end = min(start + params.chunk_pixels, params.pixels);

    let place = (params.stats_offset + 2u * group * params.stats_stride) / 2u + column;
    let mean = eight(stats[place]);
    let inv_std = eight(stats[place + params.stats_stride / 2u]);
    var sum: Eight;
    var products: Eight;
    for (var pixel = start; pixel < end; pixel++) {
        let row = group * params.pixels + pixel;
        var grad = eight(grad_output[(params.grad_output_offset + row * params.grad_output_stride) / 2u + column]);
        let x = eight(input[(params.input_offset + row * params.input_stride) / 2u + column]);
        if MASKED {
            let v = eight(value[(params.value_offset + row * params.value_stride) / 2u + column]);
            for (var half = 0u; half < 2u; half++) {
                grad[half] = select(params.slope * grad[half], grad[half], v[half] > vec4<f32>(0.0));
            }
        }
        for (var half = 0u; half < 2u; half++) {
            sum[half] += grad[half];
            products[half] += grad[half] * (x[half] - mean[half]);
        }
    }
    for (var half = 0u; half < 2u; half++) {
        products[half] *= inv_std[half];
    }
    let first = (params.output_offset + 2u * part * params.output_stride) / 2u + column;
    output[first] = words(sum);
    output[first + params.output_stride / 2u] = words(products);
}
