// average += rate (value - average), rate = max(1 - decay, 9 / (step + 9)): the exponential moving
// average of the weights
//
// The average of a few steps forgets faster, so that it is not the initial weights for long: step 1
// keeps a tenth of them. Nothing is written once the monitor's flag is up.
// Layout: value, average are the same range of the parts of an arena, `size` vec4s each, whatever
// the states in it are. Bindings: 0 params, 1 step, 2 monitor, 3 value, 4 average.
// Grid: one thread for PER_THREAD vec4s as in parts/coalesced.wgsl, workgroups folded at 65535.
// Limits: a range is one binding.
// Caller: src/ops/ema.rs, Average. Speed: bound by memory, 12 bytes an element.
// parts: step, coalesced

const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    size: u32, // in vec4s
    rest: f32, // 1 - decay, rounded after the subtraction
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> monitor: array<u32>;
@group(0) @binding(3) var<storage, read> value: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> average: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if monitor[0] != 0u {
        return;
    }
    let rate = max(params.rest, 9.0 / (f32(step.step) + 9.0));
    let first = first_coalesced(group, lane);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * COALESCED;
        if index >= params.size {
            return;
        }
        average[index] += rate * (value[index] - average[index]);
    }
}
