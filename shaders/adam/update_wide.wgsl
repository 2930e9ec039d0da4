// update.wgsl for f32, eight numbers at a time: loads and stores of 64-bit words, for devices that
// make them lane by lane.
//   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   value -= learning_rate / bias_correction1 * m / (sqrt(v) / sqrt(bias_correction2) + eps)
// The arithmetic is that of update.wgsl: a change of one is a change of all four files here.
//
// Layouts value, gradient, moment1, moment2: as in update.wgsl, read as `size` vectors of four
// words, each two neighbouring numbers. Bindings 0 params, 1 step, 2 monitor, 3 value, 4 gradient,
// 5 moment1, 6 moment2
// Grid      one thread for PER_THREAD vectors, workgroups folded at 65535. RUN as in update.wgsl.
// Limits    64-bit integers; a range is one binding, and as long as a multiple of eight numbers.
// Nothing is written once the monitor's flag is up.
// Speed lavapipe 22.3, processor time: 3.9 ns an element, update.wgsl 5.1. Caller: ops/adam.rs,
// Adam.

const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vectors a thread
const RUN: u32 = 64u; // threads side by side

struct Params {
    size: u32, // in vectors of eight numbers
    beta1: f32,
    beta2: f32,
    rest1: f32, // 1 - beta1, rounded after the subtraction
    rest2: f32, // 1 - beta2, likewise
    eps: f32,
    pad_0: u32,
    pad_1: u32,
}

struct Step {
    seed: vec2<u32>,
    step: u32,
    ring_row: u32,
    learning_rate: f32,
    bias_correction1: f32,
    bias_correction2: f32,
    pad: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> monitor: array<u32>;
@group(0) @binding(3) var<storage, read_write> value: array<vec4<u64>>;
@group(0) @binding(4) var<storage, read> gradient: array<vec4<u64>>;
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4<u64>>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

@compute @workgroup_size(WORKGROUP)
fn update_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if monitor[0] != 0u {
        return;
    }
    let first = ((group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN) * PER_THREAD + lane % RUN;
    let step_size = step.learning_rate / step.bias_correction1;
    let correction = sqrt(step.bias_correction2);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * RUN;
        if index >= params.size {
            return;
        }
        let g = eight(gradient[index]);
        var m = eight(moment1[index]);
        var v = eight(moment2[index]);
        var updated = eight(value[index]);
        for (var half = 0u; half < 2u; half++) {
            m[half] = params.beta1 * m[half] + params.rest1 * g[half];
            v[half] = params.beta2 * v[half] + params.rest2 * g[half] * g[half];
            updated[half] -= step_size * (m[half] / (sqrt(v[half]) / correction + params.eps));
        }
        moment1[index] = words(m);
        moment2[index] = words(v);
        value[index] = words(updated);
    }
}
