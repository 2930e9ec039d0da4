// output[b, y, x, c] = input[b, y + top, x + left, c] where that lies inside the input; elsewhere
// 0, or with REFLECT the input reflected about its first and last row and column, again and again
//
// Layout: both NHWC with the channels padded to 4, the same batch and channels. Whole vec4s move,
// so zero pad lanes stay zero. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread a vec4 of the output, workgroups folded at 65535. Limits: positions < 2^31.
// Caller: src/ops/window.rs, Window. Speed: bound by memory, one load and one store a thread.

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;
const REFLECT: bool = false; // what lies outside

struct Params {
    vectors: u32, // of the output
    channels4: u32,
    out_height: u32,
    out_width: u32,
    in_height: i32,
    in_width: i32,
    top: i32,
    left: i32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

// A position folded into 0 .. side, to and fro between both ends; the edge itself is not repeated.
fn reflect_into(position: i32, side: i32) -> i32 {
    let last = side - 1;
    let phase = abs(position) % max(2 * last, 1);
    return min(phase, 2 * last - phase);
}

@compute @workgroup_size(WORKGROUP)
fn window_copy(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    if index >= params.vectors {
        return;
    }
    let row = index / params.channels4;
    let column = index % params.channels4;
    let image = row / (params.out_width * params.out_height);
    var y = i32(row / params.out_width % params.out_height) + params.top;
    var x = i32(row % params.out_width) + params.left;
    if REFLECT {
        y = reflect_into(y, params.in_height);
        x = reflect_into(x, params.in_width);
    }
    var value = Activation();
    if y >= 0 && y < params.in_height && x >= 0 && x < params.in_width {
        let from_row = (i32(image) * params.in_height + y) * params.in_width + x;
        value = input[params.input_offset + u32(from_row) * params.input_stride + column];
    }
    output[params.output_offset + row * params.output_stride + column] = value;
}
