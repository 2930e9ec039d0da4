// monitor[word + 2] = 1   if any number of the gradients is a NaN or an infinity
//
// A scaled gradient that overflows 16 bits makes others infinite or NaN on its way: it shows in the
// parameters' gradients.
// Layout: gradient: `size` times eight f16 of an arena, whatever the states in it are, taken as
// words of two so that no driver touches a NaN; monitor: words.
// Bindings: 0 params, 1 gradient, 2 monitor.
// Grid: one thread for PER_THREAD times eight numbers, workgroups folded at 65535. All threads
// store the same word, so their order does not matter. Limits: a range is one binding.
// Caller: src/ops/loss_scale.rs, check. Speed: bound by memory, 2 bytes an element.

const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // times eight numbers a thread

struct Params {
    size: u32, // in groups of eight numbers
    word: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> monitor: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn check(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    // Exponents, all ones in a NaN and in an infinity, of the first and second number of a word.
    let low = vec4<u32>(0x7c00u);
    let high = low << vec4<u32>(16u);
    var found = false;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index < params.size {
            found |= any((gradient[index] & low) == low) || any((gradient[index] & high) == high);
        }
    }
    if found {
        atomicStore(&monitor[params.word + 2u], 1u);
    }
}
