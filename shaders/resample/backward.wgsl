// grad_input[y, x] = sum of grad_output over the pixels that read input[y, x], each times its taps:
// the adjoint of forward.wgsl
//
//   Per axis these pixels lie among a few candidates. KIND 0: the pixel's own place and its mirror images in both pads; an edge pixel is
//   its own mirror and counts once. KINDs 1 and 2: the two pixels inside it, and with bilinear one on either side, where an edge pixel
//   takes over the quarter that lies beyond the edge. A gather in a fixed order: no atomics, the same bits in every run.
//
// Layout: both NHWC with the channels padded to 4; pad lanes stay zero. Each operand has its own
// offset and row stride. Bindings: 0 params, 1 grad_output, 2 grad_input. Grid: one thread a vec4
// of grad_input, workgroups folded at 65535. Limits: rows * channels4 < 2^32, height and width <
// 2^30, pad < height and width. Bound by memory: each value of grad_output is read up to twice an
// axis with bilinear, else about once. Caller: ops/resample.rs, ResampleBackward.

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const CANDIDATES: u32 = select(4u, 3u, KIND == 0u);

struct Params {
    rows: u32, // of grad_input
    channels4: u32,
    small_height: u32, // of grad_input
    small_width: u32,
    large_height: u32, // of grad_output
    large_width: u32,
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    pad: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<Activation>;

// Place of a pixel that may read pixel i, in a large map that is `large` long; `large` itself where
// there is none.
fn candidate(k: u32, i: u32, small: u32, large: u32) -> u32 {
    // Unsigned arithmetic wraps: a place before the first is a huge one.
    if KIND != 0u {
        return min(2u * i + k - 1u, large);
    }
    let own = i + params.pad;
    let before = select(large, params.pad - i, i > 0u);
    let behind = select(large, 2u * (small - 1u) + params.pad - i, i + 1u < small);
    return min(select(select(behind, before, k == 1u), own, k == 0u), large);
}

// How much of pixel i such a pixel reads.
fn weight(k: u32, i: u32, small: u32) -> f32 {
    let inner = k == 1u || k == 2u;
    if KIND == 0u {
        return 1.0;
    }
    if KIND == 1u {
        return select(0.0, 1.0, inner);
    }
    let edge = (k == 1u && i == 0u) || (k == 2u && i + 1u == small);
    return select(0.25, select(0.75, 1.0, edge), inner);
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
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
    for (var ky = 0u; ky < CANDIDATES; ky++) {
        let oy = candidate(ky, y, params.small_height, params.large_height);
        if oy >= params.large_height {
            continue;
        }
        for (var kx = 0u; kx < CANDIDATES; kx++) {
            let ox = candidate(kx, x, params.small_width, params.large_width);
            if ox >= params.large_width {
                continue;
            }
            let source = params.grad_output_offset + ((image + oy) * params.large_width + ox) * params.grad_output_stride + column;
            sum += weight(ky, y, params.small_height) * weight(kx, x, params.small_width) * vec4<f32>(grad_output[source]);
        }
    }
    grad_input[params.grad_input_offset + row * params.grad_input_stride + column] = Activation(sum);
}
