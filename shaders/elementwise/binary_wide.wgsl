// binary.wgsl for f32 and two sides of one shape, eight numbers at a time: loads and stores of
// 64-bit words, for devices that make them lane by lane.
//
//   output = scale * (left + right)   or   output = scale * left * right
//
// The arithmetic is that of binary.wgsl: a change of one is a change of both.
// Layout: all three [rows, channels], NHWC, channels a multiple of eight, offsets and strides even.
// Bindings: 0 params, 1 left, 2 right, 3 output. Grid: one thread for PER_THREAD eights, workgroups
// folded at 65535.
// RUN is as in adam/update.wgsl. Limits: 64-bit integers; rows * channels4 < 2^32.
// Speed: lavapipe 22.3, the least of 40 launches in turn, three rounds: 128x128x128 in 2.09 to 2.16
// ms, binary.wgsl in 4.28 to 4.51. Caller: ops/elementwise.rs, Binary.

const PRODUCT: bool = false; // multiply instead of add
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // eights a thread
const RUN: u32 = 64u; // threads side by side

struct Params {
    rows: u32,
    channels: u32,
    left_offset: u32, // offsets and strides count vec4s
    left_stride: u32,
    right_offset: u32,
    right_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
    pixels: u32, // of a group
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> right: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

@compute @workgroup_size(WORKGROUP)
fn binary_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = ((group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN) * PER_THREAD + lane % RUN;
    let channels8 = params.channels / 8u;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * RUN;
        if index >= params.rows * channels8 {
            return;
        }
        let row = index / channels8;
        let column = index % channels8;
        var result = eight(left[(params.left_offset + row * params.left_stride) / 2u + column]);
        let b = eight(right[(params.right_offset + row * params.right_stride) / 2u + column]);
        for (var half = 0u; half < 2u; half++) {
            result[half] = params.scale * select(result[half] + b[half], result[half] * b[half], PRODUCT);
        }
        output[(params.output_offset + row * params.output_stride) / 2u + column] = words(result);
    }
}
