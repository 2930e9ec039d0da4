// grad_input[y, x] = sum of grad_output over the pixels that read input[y, x], each times its taps:
// the adjoint of forward.wgsl, with KIND
//   REFLECT_PAD  the pixel's own place and its mirror images in both pads; an edge pixel is its own
//                mirror and counts once
//   NEAREST      the two pixels inside it, an axis
//   BILINEAR     these and one on either side; an edge pixel takes over the quarter beyond the edge
// A gather in a fixed order: no atomics, the same bits in every run.
// Layout: both NHWC with the channels padded to 4, each with its own offset and row stride; pad
// lanes stay zero. Bindings: 0 params, 1 grad_output, 2 grad_input.
// Grid: one thread a vec4 of grad_input, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32, height and width < 2^30, pad < height and width.
// Caller: src/ops/resample.rs, ResampleBackward.
// Speed: bound by memory, reads grad_output twice an axis with BILINEAR, else about once.
// parts: resample

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const CANDIDATES: u32 = select(4u, 3u, KIND == REFLECT_PAD);

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<Activation>;

// Place of a pixel that may read pixel i, in a large map that is `large` long; `large` itself where
// there is none.
fn candidate(k: u32, i: u32, small: u32, large: u32) -> u32 {
    // Unsigned arithmetic wraps: a place before the first is a huge one.
    if KIND != REFLECT_PAD {
        return min(2u * i + k - 1u, large);
    }
    let own = i + params.reflected;
    let before = select(large, params.reflected - i, i > 0u);
    let behind = select(large, 2u * (small - 1u) + params.reflected - i, i + 1u < small);
    return min(select(select(behind, before, k == 1u), own, k == 0u), large);
}

// How much of pixel i such a pixel reads.
fn weight(k: u32, i: u32, small: u32) -> f32 {
    let inner = k == 1u || k == 2u;
    switch KIND {
        case REFLECT_PAD: {
            return 1.0;
        }
        case NEAREST: {
            return select(0.0, 1.0, inner);
        }
        case BILINEAR, default: {
            let edge = (k == 1u && i == 0u) || (k == 2u && i + 1u == small);
            return select(0.25, select(0.75, 1.0, edge), inner);
        }
    }
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
            let pixel = (image + oy) * params.large_width + ox;
            let at = params.from_offset + pixel * params.from_stride + column;
            let grad = vec4<f32>(grad_output[at]);
            sum += weight(ky, y, params.small_height) * weight(kx, x, params.small_width) * grad;
        }
    }
    grad_input[params.to_offset + row * params.to_stride + column] = Activation(sum);
}
