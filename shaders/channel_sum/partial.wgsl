// partial[part][c] = sum of input[row, c] over the rows of the part: the bias gradient, or its
// first half
//
// A workgroup sums `columns` vec4 columns; its lanes lie as [lanes][columns]. Lane (l, k) of part p
// adds the rows p * lanes + l, then + parts * lanes, ..., so that neighbouring threads read
// neighbouring memory for any number of channels. Then the lanes are added upwards.
// Layout: input [rows, channels4], NHWC with an offset and a row stride; partial [parts][channels4]
// vec4s. One part is the result itself; more are f32, and conv2d_grad_weight/reduce adds them.
// Bindings: 0 params, 1 input, 2 partial.
// Grid: parts * ceil(channels4 / columns) workgroups, folded at 65535.
// Limits: rows * stride < 2^32, columns divides WORKGROUP.
// Caller: src/ops/channel_sum.rs, ChannelSum. Speed: bound by memory, reads the input once.

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels4: u32,
    input_offset: u32, // in vec4s
    input_stride: u32,
    columns: u32,
    parts: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> partial: array<Gradient>;

var<workgroup> sums: array<vec4<f32>, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn channel_sum_partial(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = id.y * 65535u + id.x;
    let blocks = (params.channels4 + params.columns - 1u) / params.columns;
    let part = group / blocks;
    let column = group % blocks * params.columns + local % params.columns;
    let lanes = WORKGROUP / params.columns;
    let inside = part < params.parts && column < params.channels4;
    var sum = vec4<f32>(0.0);
    if inside {
        let first = part * lanes + local / params.columns;
        for (var row = first; row < params.rows; row += params.parts * lanes) {
            sum += vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
        }
    }
    sums[local] = sum;
    workgroupBarrier();
    if inside && local < params.columns {
        for (var other = local + params.columns; other < WORKGROUP; other += params.columns) {
            sum += sums[other];
        }
        partial[part * params.channels4 + column] = Gradient(sum);
    }
}
