// output[y, x] = sum of input over the taps of y times the taps of x: padding by reflection, and
// maps of twice the size, with KIND
//   REFLECT_PAD  one tap, 0 1 2 3 -> 2 1 0 1 2 3 2 1 for pad 2: an edge pixel is the mirror
//   NEAREST      one tap, y / 2
//   BILINEAR     two taps, centres at (y + 0.5) / 2: three quarters of the pixel that y lies in,
//                one quarter of the one that it lies towards, beyond an edge the edge itself
//                (PyTorch's align_corners=False)
// Layout: both NHWC with the channels padded to 4, each with its own offset and row stride; pad
// lanes stay zero. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread for PER_THREAD vec4s, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32, height and width < 2^30, pad < height and width.
// Caller: src/ops/resample.rs, Resample. Speed: bound by memory.
// parts: resample

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

// The pixel of `size` that pixel i of the output takes first, and with bilinear the one that it
// takes a quarter of.
fn taps(i: u32, size: u32) -> vec2<u32> {
    if KIND == REFLECT_PAD {
        let mirrored = abs(i32(i) - i32(params.reflected)); // about the first pixel
        let last = i32(size) - 1;
        return vec2<u32>(u32(last - abs(last - mirrored))); // about the last one
    }
    let near = i / 2u;
    let towards = select(max(near, 1u) - 1u, min(near + 1u, size - 1u), i % 2u == 1u);
    return vec2(near, towards);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * params.channels4 {
            return;
        }
        let row = index / params.channels4;
        let column = index % params.channels4;
        let xs = taps(row % params.large_width, params.small_width);
        let line = row / params.large_width;
        let ys = taps(line % params.large_height, params.small_height);
        let image = line / params.large_height * params.small_height;
        let base = params.from_offset + column;
        let rows = (vec2(image) + ys) * params.small_width;
        var value = vec4<f32>(input[base + (rows.x + xs.x) * params.from_stride]);
        if KIND == BILINEAR {
            let right = vec4<f32>(input[base + (rows.x + xs.y) * params.from_stride]);
            let below = vec4<f32>(input[base + (rows.y + xs.x) * params.from_stride]);
            let across = vec4<f32>(input[base + (rows.y + xs.y) * params.from_stride]);
            value = 0.75 * (0.75 * value + 0.25 * right) + 0.25 * (0.75 * below + 0.25 * across);
        }
        output[params.to_offset + row * params.to_stride + column] = Activation(value);
    }
}
