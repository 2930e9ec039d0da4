// output = (scale, 0, 0, 0): where the gradient of a scaled loss starts
//
// Layout: monitor: words, of which word `word` holds the network's loss scale as an f32
// (src/tape/step_state.rs); output: a scalar. Bindings: 0 params, 1 monitor, 2 output.
// Grid: one thread. Limits: none. Caller: src/ops/loss_scale.rs, LossScale. Speed: one launch.

struct Params {
    word: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> monitor: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(1)
fn read_scale() {
    output[0] = vec4<f32>(bitcast<f32>(monitor[params.word]), 0.0, 0.0, 0.0);
}
