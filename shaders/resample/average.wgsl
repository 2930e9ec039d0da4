// output[y, x] = mean of input over the 3x3 pixels around [2 y, 2 x] that are there: a map of half
// the height and width, rounded up. What lies beyond an edge is neither summed nor counted
// (PyTorch's AvgPool2d of kernel 3, stride 2, padding 1, count_include_pad=False).
// Layout: both NHWC with the channels padded to 4, each with its own offset and row stride; pad
// lanes stay zero. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread a vec4 of the output, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32, height and width < 2^30.
// Caller: src/ops/resample.rs, AveragePool. Speed: bound by memory, reads input 2.25 times.
// parts: pooled

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn average(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    if index >= params.rows * params.channels4 {
        return;
    }
    let row = index / params.channels4;
    let column = index % params.channels4;
    let x = row % params.small_width;
    let line = row / params.small_width;
    let y = line % params.small_height;
    let image = line / params.small_height * params.large_height;
    var sum = vec4<f32>(0.0);
    for (var iy = first_pooled(y); iy <= last_pooled(y, params.large_height); iy++) {
        for (var ix = first_pooled(x); ix <= last_pooled(x, params.large_width); ix++) {
            let pixel = (image + iy) * params.large_width + ix;
            sum += vec4<f32>(input[params.from_offset + pixel * params.from_stride + column]);
        }
    }
    let count = count_pooled(y, params.large_height) * count_pooled(x, params.large_width);
    output[params.to_offset + row * params.to_stride + column] = Activation(sum / f32(count));
}
