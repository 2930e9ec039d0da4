// One Adam step (arXiv 1412.6980) in place, with PyTorch's order of operations:
//   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   value -= learning_rate / bias_correction1 * m / (sqrt(v) / sqrt(bias_correction2) + eps)
// With HALF g is gradient / loss scale, half = value, rounded, is what contractions read, and
// skipped steps do not count in the bias corrections.
//
// from_maps.wgsl, update_wide.wgsl and from_maps_wide.wgsl have the same arithmetic: a change of
// one is a change of all.
//
// Layouts value, moment1, moment2, half: the same range of the parts of an arena, `size` vec4s
// each, whatever the states in it are;
//           gradient: as many where gradients lie side by side, without those that from_maps.wgsl makes. Pad lanes and the gaps between
//           states stay zero, since their gradients are.
// Bindings 0 params, 1 step, 2 monitor, 3 value, 4 gradient, 5 moment1, 6 moment2, 7 half (unused
// if !HALF)
// Grid one thread for PER_THREAD vec4s, workgroups folded at 65535. Limits: a range is one binding,
// RUN divides WORKGROUP. Order RUN neighbouring threads walk side by side through a stretch of
// memory of their own: on a GPU the workgroup, on a CPU
//           adapter, which takes one subgroup after the other, the subgroup.
// Nothing is written once the monitor's flag is up, the state stays at the last good step, nor if
// the gradients overflowed (word scale_word + 2 of the monitor; the layout is in ops/step.rs).
// Moves 28 bytes an element, also with HALF; lavapipe is bound by its instructions for that. On
// 22.3 a RUN of 8 takes 10.5 ms of processor time for 2.1 M elements, one of 64 takes 14.5. Caller:
// ops/adam.rs, Adam.

alias Weight = vec4<f32>; // how weights are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const HALF: bool = false;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread
const RUN: u32 = 64u; // threads side by side

struct Params {
    size: u32, // in vec4s
    beta1: f32,
    beta2: f32,
    rest1: f32, // 1 - beta1, rounded after the subtraction
    rest2: f32, // 1 - beta2, likewise
    eps: f32,
    scale_word: u32, // where the monitor holds the loss scale
    pad_0: u32,
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
@group(0) @binding(3) var<storage, read_write> value: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gradient: array<Gradient>;
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> half: array<Weight>;

// 1 - beta^n without a difference of near numbers, bit by bit of n: c of k updates makes c * (2 -
// c) of 2k and rest + beta * c of k + 1.
fn bias_correction(beta: f32, rest: f32, n: u32) -> f32 {
    var c = 0.0;
    for (var bit = 32u; bit > 0u; bit--) {
        c *= 2.0 - c;
        if ((n >> (bit - 1u)) & 1u) == 1u {
            c = rest + beta * c;
        }
    }
    return c;
}

@compute @workgroup_size(WORKGROUP)
fn update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if monitor[0] != 0u {
        return;
    }
    var scale = 1.0;
    var corrections = vec2(step.bias_correction1, step.bias_correction2);
    if HALF {
        if monitor[params.scale_word + 2u] != 0u {
            return;
        }
        scale = bitcast<f32>(monitor[params.scale_word]);
        let skipped = monitor[params.scale_word + 3u];
        if skipped != 0u {
            let updates = max(step.step, skipped + 1u) - skipped;
            corrections.x = bias_correction(params.beta1, params.rest1, updates);
            corrections.y = bias_correction(params.beta2, params.rest2, updates);
        }
    }
    let first = ((group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN) * PER_THREAD + lane % RUN;
    let step_size = step.learning_rate / corrections.x;
    let correction = sqrt(corrections.y);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * RUN;
        if index >= params.size {
            return;
        }
        var g = vec4<f32>(gradient[index]);
        if HALF {
            g /= scale;
        }
        let m = params.beta1 * moment1[index] + params.rest1 * g;
        let v = params.beta2 * moment2[index] + params.rest2 * g * g;
        moment1[index] = m;
        moment2[index] = v;
        let updated = value[index] - step_size * (m / (sqrt(v) / correction + params.eps));
        value[index] = updated;
        if HALF {
            half[index] = Weight(updated);
        }
    }
}
