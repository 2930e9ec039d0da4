// One step of stochastic gradient descent in place, in PyTorch's form (no dampening, so that the
// first velocity is the gradient; without MOMENTUM the velocity is g):
//   velocity = momentum velocity + g          value -= learning_rate velocity
// With HALF g is gradient / loss scale, and half = value, rounded, is what contractions read.
//
// Nothing is written once the monitor's flag is up, the state stays at the last good step, nor if
// the gradients overflowed (word scale_word + 2 of the monitor, src/tape/step_state.rs).
// Layout: value, velocity, half are the same range of the parts of an arena, `size` vec4s each;
// gradient has as many where gradients lie side by side. Pad lanes and gaps stay zero.
// Bindings: 0 params, 1 step, 2 monitor, 3 value, 4 gradient, 5 velocity (unused without MOMENTUM),
// 6 half (unused without HALF).
// Grid: one thread for PER_THREAD vec4s as in parts/coalesced.wgsl, folded at 65535.
// Limits: a range is one binding. Caller: src/ops/sgd.rs, Sgd.
// Speed: bound by memory, 12 bytes an element, 20 with MOMENTUM; Adam has 28.
// parts: step, coalesced

alias Weight = vec4<f32>; // how weights are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const HALF: bool = false;
const MOMENTUM: bool = false;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    size: u32, // in vec4s
    momentum: f32,
    scale_word: u32, // where the monitor holds the loss scale
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> monitor: array<u32>;
@group(0) @binding(3) var<storage, read_write> value: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gradient: array<Gradient>;
@group(0) @binding(5) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> half: array<Weight>;

@compute @workgroup_size(WORKGROUP)
fn update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if monitor[0] != 0u {
        return;
    }
    var scale = 1.0;
    if HALF {
        if monitor[params.scale_word + 2u] != 0u {
            return;
        }
        scale = bitcast<f32>(monitor[params.scale_word]);
    }
    let first = first_coalesced(group, lane);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * COALESCED;
        if index >= params.size {
            return;
        }
        var v = vec4<f32>(gradient[index]);
        if HALF {
            v /= scale;
        }
        if MOMENTUM {
            v += params.momentum * velocity[index];
            velocity[index] = v;
        }
        let updated = value[index] - step.learning_rate * v;
        value[index] = updated;
        if HALF {
            half[index] = Weight(updated);
        }
    }
}
