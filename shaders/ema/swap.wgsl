// value, average = average, value: what is averaged is used, and put back in the same way
//
// With HALF half = value, rounded, afterwards.
// Layout: value, average, half are the same range of the parts of an arena, `size` vec4s each.
// Bindings: 0 params, 1 value, 2 average, 3 half (unused without HALF).
// Grid: one thread for PER_THREAD vec4s as in parts/coalesced.wgsl, workgroups folded at 65535.
// Limits: a range is one binding.
// Caller: src/ops/ema.rs, Swap. Speed: bound by memory, 16 bytes an element.
// parts: coalesced

alias Weight = vec4<f32>; // how weights are stored
const HALF: bool = false;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    size: u32, // in vec4s
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> value: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> average: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> half: array<Weight>;

@compute @workgroup_size(WORKGROUP)
fn swap(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = first_coalesced(group, lane);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * COALESCED;
        if index >= params.size {
            return;
        }
        let used = average[index];
        average[index] = value[index];
        value[index] = used;
        if HALF {
            half[index] = Weight(used);
        }
    }
}
