// grad_input = scale * grad_output * d loss(x, t) / d x, with KIND
//   BCE_WITH_LOGITS  sigmoid(x) - t      MSE       2 (x - t)                          t = constant
//   MEAN             constant            HINGE     constant where 1 + constant * x > 0, else 0
//   L1               sign(x - t), 0 at a tie       MSE_PAIR  2 (x - t)                t = desired
//
// A NaN stays one; no finite x gives one. The formulas are in parts/loss.wgsl.
// Layout: input, desired, grad_input [rows, channels], NHWC with the channels padded to 4, each
// with its own offset and row stride; grad_output: a scalar, densely stored. Pad lanes of
// grad_input are masked to zero.
// Bindings: 0 params, 1 input, 2 desired (anything unless a pair), 3 grad_output, 4 grad_input.
// Grid: one thread for PER_THREAD vec4s, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32.
// Caller: src/ops/loss.rs, LossBackward. Speed: bound by memory.
// parts: loss

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    desired_offset: u32,
    desired_stride: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    constant: f32,
    scale: f32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> desired: array<Activation>;
@group(0) @binding(3) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> grad_input: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    let channels4 = (params.channels + 3u) / 4u;
    let factor = params.scale * grad_output[0].x;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * channels4 {
            return;
        }
        let row = index / channels4;
        let column = index % channels4;
        let x = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
        var t = vec4<f32>(0.0);
        if IS_PAIR {
            t = vec4<f32>(desired[params.desired_offset + row * params.desired_stride + column]);
        }
        let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
        let real = channel < vec4<u32>(params.channels);
        let to = params.grad_input_offset + row * params.grad_input_stride + column;
        grad_input[to] = Activation(select(vec4<f32>(0.0), factor * derivative(x, t), real));
    }
}
