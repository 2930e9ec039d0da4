// What a step does to a network's loss scale, after its update:
//   gradients overflowed  scale / 2, the count of good steps starts again, one skipped step more;
//                         at scale 1 the monitor's flag goes up: then it is no overflow, the
//                         gradients themselves are not finite
//   else                  one good step more; after GROWTH of them scale * 2
//
// Nothing moves once the flag is up.
// Layout: monitor from `word` on: scale (f32), good steps, whether this step's gradients
// overflowed, skipped steps (src/tape/step_state.rs). Bindings: 0 params, 1 step, 2 monitor.
// Grid: one thread. Limits: none. Caller: src/ops/loss_scale.rs, settle. Speed: one launch.
// parts: step

const GROWTH: u32 = 1000u; // good steps from one doubling to the next
const LARGEST: f32 = 16777216.0; // where doubling ends

struct Params {
    word: u32,
    flag: u32, // what the flag becomes
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> monitor: array<u32>;

@compute @workgroup_size(1)
fn settle() {
    if monitor[0] != 0u {
        return;
    }
    let scale = bitcast<f32>(monitor[params.word]);
    if monitor[params.word + 2u] == 0u {
        let good = monitor[params.word + 1u] + 1u;
        monitor[params.word + 1u] = good % GROWTH;
        if good == GROWTH && scale < LARGEST {
            monitor[params.word] = bitcast<u32>(2.0 * scale);
        }
        return;
    }
    if scale > 1.0 {
        monitor[params.word] = bitcast<u32>(0.5 * scale);
    } else {
        monitor[0] = params.flag;
        monitor[1] = step.step;
    }
    monitor[params.word + 1u] = 0u;
    monitor[params.word + 2u] = 0u;
    monitor[params.word + 3u] += 1u;
}
