// output[group] = scale * sum of input over the pixels of the group, channel by channel or with
// TOTAL over the channels too; PRODUCT: of input * other, which is never stored
//
// A thread sums a chunk of pixels one after the other. Where a group has several chunks, a second
// launch with one chunk a group adds what the first one wrote; the order is fixed. A NaN stays one.
// Layout: input, other [groups][pixels][channels], NHWC with the channels padded to 4, each with
// its own offset and row stride; output [groups][chunks][channels], or with TOTAL one value in the
// first lane. Pad lanes stay zero.
// Bindings: 0 params, 1 input, 2 other (anything without PRODUCT), 3 output.
// Grid: one thread for each chunk of a group and vec4 of channels, with TOTAL for each chunk;
// workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/reduction.rs, Sum. Speed: bound by memory, reads each operand once.

alias Activation = vec4<f32>; // how activations are stored
alias Other = vec4<f32>; // how the second factor is stored
const PRODUCT: bool = false;
const TOTAL: bool = false;
const WORKGROUP: u32 = 64u;

struct Params {
    groups: u32,
    pixels: u32, // of a group
    chunks: u32,
    chunk_pixels: u32, // of every chunk but the last
    channels4: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    other_offset: u32,
    other_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> other: array<Other>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn sum(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let columns = select(params.channels4, 1u, TOTAL); // that the threads of a chunk share
    if index >= params.chunks * params.groups * columns {
        return;
    }
    let part = index / columns;
    let first_pixel = part % params.chunks * params.chunk_pixels;
    let row = part / params.chunks * params.pixels + first_pixel;
    let count = min(params.chunk_pixels, params.pixels - first_pixel);
    let first = index % columns;
    let end = select(first + 1u, params.channels4, TOTAL);

    var sum = vec4<f32>(0.0);
    for (var i = row; i < row + count; i++) {
        for (var column = first; column < end; column++) {
            var term = vec4<f32>(input[params.input_offset + i * params.input_stride + column]);
            if PRODUCT {
                term *= vec4<f32>(other[params.other_offset + i * params.other_stride + column]);
            }
            sum += term;
        }
    }
    if TOTAL {
        sum = vec4<f32>((sum.x + sum.y) + (sum.z + sum.w), 0.0, 0.0, 0.0);
    }
    output[params.output_offset + part * params.output_stride + first] = params.scale * sum;
}
