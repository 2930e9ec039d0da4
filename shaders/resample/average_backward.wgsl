// grad_input[y, x] = sum of grad_output over the pixels that are means with input[y, x] in them,
// each divided by the number of pixels in its mean: the adjoint of average.wgsl. A pixel at an even
// place is in one mean along that axis, a pixel at an odd place in two, or in one at the edge.
// A gather in a fixed order: no atomics, the same bits in every run.
// Layout: both NHWC with the channels padded to 4, each with its own offset and row stride; pad
// lanes stay zero. Bindings: 0 params, 1 grad_output, 2 grad_input.
// Grid: one thread a vec4 of grad_input, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32, height and width < 2^30.
// Caller: src/ops/resample.rs, AveragePoolBackward. Speed: bound by memory.
// parts: pooled

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn average_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    if index >= params.rows * params.channels4 {
        return;
    }
    let row = index / params.channels4;
    let column = index % params.channels4;
    let x = row % params.large_width;
    let line = row / params.large_width;
    let y = line % params.large_height;
    let image = line / params.large_height * params.small_height;
    let last_y = min((y + 1u) / 2u, params.small_height - 1u);
    let last_x = min((x + 1u) / 2u, params.small_width - 1u);
    var sum = vec4<f32>(0.0);
    for (var oy = y / 2u; oy <= last_y; oy++) {
        for (var ox = x / 2u; ox <= last_x; ox++) {
            let count = count_pooled(oy, params.large_height)
                * count_pooled(ox, params.large_width);
            let pixel = (image + oy) * params.small_width + ox;
            let at = params.from_offset + pixel * params.from_stride + column;
            sum += vec4<f32>(grad_output[at]) / f32(count);
        }
    }
    grad_input[params.to_offset + row * params.to_stride + column] = Activation(sum);
}
