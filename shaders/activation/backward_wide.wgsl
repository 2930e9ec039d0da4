// backward.wgsl for f32, eight numbers at a time: loads and stores of 64-bit words, for devices
// that make them lane by lane.
//
//   grad_input = grad_output * activation'(input)
//
// The arithmetic and KIND are those of backward.wgsl: a change of one is a change of both.
// Layout: all three [rows, channels], NHWC, channels a multiple of eight, offsets and strides even.
// Bindings: 0 params, 1 grad_output, 2 value, 3 grad_input. Grid: one thread for PER_THREAD eights,
// workgroups folded at 65535. RUN is as in adam/update.wgsl. Limits: 64-bit integers; rows *
// channels4 < 2^32.
// Speed: lavapipe 22.3, the least of 40 launches in turn, three rounds: 128x128x128 in 2.13 to 2.21
// ms, backward.wgsl in 3.17 to 3.19. Caller: ops/activation.rs, ActivateBackward.

const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // eights a thread
const RUN: u32 = 64u; // threads side by side

struct Params {
    rows: u32,
    channels4: u32,
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    value_offset: u32,
    value_stride: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    slope: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> value: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

fn derivative(v: vec4<f32>) -> vec4<f32> {
    if KIND == 0u {
        return select(vec4<f32>(params.slope), vec4<f32>(1.0), v > vec4<f32>(0.0));
    }
    if KIND == 1u {
        return 1.0 - v * v;
    }
    return v * (1.0 - v);
}

@compute @workgroup_size(WORKGROUP)
fn backward_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = ((group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN) * PER_THREAD + lane % RUN;
    let channels8 = params.channels4 / 2u;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * RUN;
        if index >= params.rows * channels8 {
            return;
        }
        let row = index / channels8;
        let column = index % channels8;
        let v = eight(value[(params.value_offset + row * params.value_stride) / 2u + column]);
        var grad = eight(grad_output[(params.grad_output_offset + row * params.grad_output_stride) / 2u + column]);
        for (var half = 0u; half < 2u; half++) {
            grad[half] *= derivative(v[half]);
        }
        grad_input[(params.grad_input_offset + row * params.grad_input_stride) / 2u + column] = words(grad);
    }
}
