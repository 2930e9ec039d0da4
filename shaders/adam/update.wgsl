// One Adam step of a range of an arena, in place; formula and order of operations: parts/adam.wgsl.
//
// Layout: value, moment1, moment2 and half are one range of the parts of an arena, `size` columns
// each. gradient has as many columns; the gradients that from_maps.wgsl makes are not among them.
// Pad lanes and the gaps between states stay zero, since their gradients are.
// Bindings: 0 params, 1 step, 2 monitor, 3 value, 4 gradient, 5 moment1, 6 moment2, 7 half (unused
// without HALF).
// Grid: one thread for PER_THREAD columns as in parts/coalesced.wgsl, workgroups folded at 65535.
// Limits: a range is one binding; HALF takes vec4s.
// Caller: src/ops/adam/mod.rs, Adam.
// Speed: 28 bytes an element; lavapipe is bound by its instructions (docs/benchmarks/trials.md).
// parts: vec4, coalesced, step, adam

const HALF: bool = false;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // columns a thread

struct Params {
    size: u32, // in columns
    beta1: f32,
    beta2: f32,
    rest1: f32, // 1 - beta1, rounded after the subtraction
    rest2: f32, // 1 - beta2, likewise
    eps: f32,
    scale_word: u32, // where the monitor holds the loss scale
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> monitor: array<u32>;
@group(0) @binding(3) var<storage, read_write> value: array<Exact>;
@group(0) @binding(4) var<storage, read> gradient: array<Stored>;
@group(0) @binding(5) var<storage, read_write> moment1: array<Exact>;
@group(0) @binding(6) var<storage, read_write> moment2: array<Exact>;
@group(0) @binding(7) var<storage, read_write> half: array<Weight>;

fn monitor_word(index: u32) -> u32 {
    return monitor[index];
}

@compute @workgroup_size(WORKGROUP)
fn update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if is_stopped() {
        return;
    }
    let now = rates();
    let first = first_coalesced(group, lane);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * COALESCED;
        if index >= params.size {
            return;
        }
        update_column(index, load(gradient[index]), now);
    }
}
