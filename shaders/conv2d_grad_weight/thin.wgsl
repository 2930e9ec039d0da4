// conv2d_grad_weight, thin: few channels on the small map, counted exactly. For D's last layer.
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
//   A lane owns a vec4 of a and a row of taps. It walks over the small map STRIP pixels at a time,
//   of which each lane fetches one; the shuffle hands it to all.
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      KERNEL * ceil(large_channels4 / WORKGROUP) * splits groups, folded at 65535
// Limits    SMALL_CHANNELS channels exactly, at most 4; STRIP <= SUBGROUP, as in conv2d
// Speed     lavapipe 22.3: 2.4-2.7 GFLOP/s, 2_register 0.9-1.3 (two 7x7x128); GPU unmeasured
// Caller    src/ops/conv2d_grad_weight.rs
// parts: grad_weight_operands

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const SMALL_CHANNELS: u32 = 1u;
const STRIP: u32 = 6u; // pixels of a row of the small map at a time
const COLUMNS: u32 = (STRIP - 1u) * STRIDE + KERNEL; // columns of the large map under a strip
const_assert WORKGROUP % SUBGROUP == 0u && STRIP <= SUBGROUP && SMALL_CHANNELS <= 4u;

// Row `row` of all small images, from column ox on, meets row y of its large image.
fn add_strip(
    y: u32,
    row: u32,
    ox: u32,
    a4: u32,
    lane: u32,
    sums: ptr<function, array<vec4<f32>, KERNEL * SMALL_CHANNELS>>,
) {
    let image_row = row / params.small_height * params.large_height + y;
    let left = ox * STRIDE - params.padding;
    var x: array<vec4<f32>, COLUMNS>;
    for (var c = 0u; c < COLUMNS; c++) {
        let inside = y < params.large_height && left + c < params.large_width;
        let pixel = select(0u, image_row * params.large_width + left + c, inside);
        let at = params.large_offset + pixel * params.large_stride + a4;
        x[c] = select(vec4(0.0), large_vector(at), inside);
    }
    // A lane fetches one pixel of the small map for all; past the row's end it is zero.
    let pixel = row * params.small_width + min(ox + lane, params.small_width - 1u);
    let fetched = small_vector(params.small_offset + pixel * params.small_stride);
    let g = select(vec4(0.0), fetched, ox + lane < params.small_width);
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
