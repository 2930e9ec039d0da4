// conv2d_grad_weight, rung 7: few channels on the small map, counted exactly. For the
// discriminator's last layer.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//
// A lane owns a vec4 of the large map's channels and one row of taps, ky, and walks over the pixels
// of the small map, STRIP neighbours at a time: it fetches the columns of the large map under the
// strip once for all taps that meet them. Of the small map, which all lanes need, each fetches a
// pixel, and the shuffle hands it to all. Pad channels of the small map are multiplied by nothing.
//
// For conv2d: large = input, small = grad_output. For conv_transpose2d: large = grad_output, small
// = input, and TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a].
// LARGE_SLOPE and SMALL_SLOPE read the maps through a leaky ReLU, x > 0 ? x : SLOPE * x, that is
// stored nowhere; 1 is none.
//
// Layouts large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// grad_weight: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, hence out.
// Bindings 0 params, 1 large, 2 small, 3 grad_weight (or the workspace
// [splits][KERNEL][KERNEL][a][b] that reduce.wgsl sums) Grid KERNEL * ceil(large_channels4 /
// WORKGROUP) * splits groups, folded at 65535
// Limits SMALL_CHANNELS is the small map's channel count, exactly, and at most 4; SUBGROUP is the
// device's subgroup size, exactly;
//           WORKGROUP is a multiple of it; STRIP <= SUBGROUP; no lane leaves early
// Speed lavapipe 22.3, medians of two rounds beside rung 2 in one run: 2.4-2.7 GFLOP/s and 0.9-1.3
// on two of 7x7x128 and 6x6x1,
//           3.4-4.7 and 1.6-2.5 on two of 15x15x256 and 14x14x1. Unmeasured on a GPU. Called by ops::conv2d_grad_weight.

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const SMALL_CHANNELS: u32 = 1u;
const STRIP: u32 = 6u; // pixels of a row of the small map at a time
const COLUMNS: u32 = (STRIP - 1u) * STRIDE + KERNEL; // columns of the large map under a strip
const_assert WORKGROUP % SUBGROUP == 0u && STRIP <= SUBGROUP && SMALL_CHANNELS <= 4u;

struct Params {
    batch: u32,
    large_height: u32,
    large_width: u32,
    large_channels4: u32,
    small_height: u32,
    small_width: u32,
    small_channels4: u32,
    padding: u32,
    large_offset: u32,
    large_stride: u32,
    small_offset: u32,
    small_stride: u32,
    splits: u32, // parts of the sum over pixels, each with its own result
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> large: array<Activation>;
@group(0) @binding(2) var<storage, read> small: array<Activation>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<Gradient>;

// Four numbers of either map as they enter the sum. The slope is for the bits of negative numbers:
// among them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn large_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(large[at]);
    return select(x, LARGE_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

fn small_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(small[at]);
    return select(x, SMALL_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

// Row `row` of all small images, from column ox on, meets row y of its large image.
fn add_strip(y: u32, row: u32, ox: u32, a4: u32, lane: u32, sums: ptr<function, array<vec4<f32>, KERNEL * SMALL_CHANNELS>>) {
    let image_row = row / params.small_height * params.large_height + y;
    let left = ox * STRIDE - params.padding;
    var x: array<vec4<f32>, COLUMNS>;
    for (var c = 0u; c < COLUMNS; c++) {
        let inside = y < params.large_height && left + c < params.large_width;
        let pixel = select(0u, image_row * params.large_width + left + c, inside);
        x[c] = select(vec4(0.0), large_vector(params.large_offset + pixel * params.large_stride + a4), inside);
    }
    // A lane fetches one pixel of the small map for all; past the row's end it is zero.
    let pixel = row * params.small_width + min(ox + lane, params.small_width - 1u);
    let g = select(vec4(0.0), small_vector(params.small_offset + pixel * params.small_stride), ox + lane < params.small_width);
    for (var p = 0u; p < STRIP; p++) {
        for (var b = 0u; b < SMALL_CHANNELS; b++) {
            let value = subgroupShuffle(g[b], p);
            for (var kx = 0u; kx < KERNEL; kx++) {
                (*sums)[b * KERNEL + kx] += value * x[p * STRIDE + kx];
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let vector_groups = (params.large_channels4 + WORKGROUP - 1u) / WORKGROUP;
    let tile = group.y * 65535u + group.x;
    let ky = tile % KERNEL;
    let column = tile / KERNEL % vector_groups * WORKGROUP + local;
    let a4 = min(column, params.large_channels4 - 1u);
    let split = tile / KERNEL / vector_groups;

    var sums: array<vec4<f32>, KERNEL * SMALL_CHANNELS>;
    let image_rows = params.batch * params.small_height;
    let part = (image_rows + params.splits - 1u) / params.splits;
    for (var row = split * part; row < min(split * part + part, image_rows); row++) {
        // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds
        // both sides.
        let y = row % params.small_height * STRIDE + ky - params.padding;
        for (var ox = 0u; ox < params.small_width; ox += STRIP) {
            add_strip(y, row, ox, a4, lane, &sums);
        }
    }
    if column >= params.large_channels4 || split >= params.splits {
        return;
    }
    for (var kx = 0u; kx < KERNEL; kx++) {
        var values: mat4x4<f32>; // column b: grad_weight[ky, kx, 4*a4 .., b]
        for (var b = 0u; b < SMALL_CHANNELS; b++) {
            values[b] = sums[b * KERNEL + kx];
        }
        let tap = (split * KERNEL + ky) * KERNEL + kx;
        if TRANSPOSED_OUTPUT {
            for (var b = 0u; b < 4u; b++) {
                grad_weight[(tap * 4u + b) * params.large_channels4 + a4] = Gradient(values[b]);
            }
        } else {
            let rows = transpose(values);
            for (var i = 0u; i < 4u; i++) {
                grad_weight[(tap * params.large_channels4 + a4) * 4u + i] = Gradient(rows[i]);
            }
        }
    }
}
