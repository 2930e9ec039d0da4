// conv2d, thin: few input channels, counted exactly. For the first layer of a network.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv_transpose2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      ceil(strips / WORKGROUP) * ceil(out_channels4 / TILE_VECTORS) groups, folded at 65535;
//           strips = batch * out_height * ceil(out_width / STRIP)
// Limits    IN_CHANNELS channels exactly; SUBGROUP as in 4_broadcast; no lane leaves early
// Speed     lavapipe 22.3: 12-14 GFLOP/s, 4_broadcast 3.5-4.9 (64x64x3 -> 32x32x16); GPU unmeasured
// Caller    src/ops/conv2d.rs
// parts: conv_operands, conv_weight_tile, conv_result, gather

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const IN_CHANNELS: u32 = 3u;
const STRIP: u32 = 4u; // pixels of a row that a thread computes
const TILE_VECTORS: u32 = 4u; // vec4s of output channels a thread
const IN_VECTORS: u32 = (IN_CHANNELS + 3u) / 4u;
const COLUMNS: u32 = (STRIP - 1u) * STRIDE + KERNEL; // input columns under a strip
const WEIGHTS: u32 = KERNEL * IN_CHANNELS * TILE_VECTORS; // weight vec4s of one row of taps
const FETCHES: u32 = (WEIGHTS + SUBGROUP - 1u) / SUBGROUP; // of them a lane fetches so many
const_assert WORKGROUP % SUBGROUP == 0u;

// weight[tap, ci, 4*column ..]
fn weight_vector(tap: u32, ci: u32, column: u32, out_channels4: u32) -> vec4<f32> {
    if TRANSPOSED_WEIGHT {
        let at = (tap * out_channels4 + column) * 4u * IN_VECTORS + ci / 4u;
        return transpose(weight_rows(at, IN_VECTORS))[ci % 4u];
    }
    return weight_row((tap * IN_VECTORS * 4u + ci) * out_channels4 + column);
}

@compute @workgroup_size(WORKGROUP)
fn conv2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let row_strips = (params.out_width + STRIP - 1u) / STRIP;
    let strips = params.batch * params.out_height * row_strips;
    let strip_groups = (strips + WORKGROUP - 1u) / WORKGROUP;
    let tile = group.y * 65535u + group.x;
    let first_co4 = tile / strip_groups * TILE_VECTORS;
    let strip = tile % strip_groups * WORKGROUP + local;
    let row = min(strip, strips - 1u) / row_strips; // of all images
    let ox = strip % row_strips * STRIP;
    let image = row / params.out_height * params.in_height; // row of the batch where it begins
    let top = row % params.out_height * STRIDE - params.padding;
    let left = ox * STRIDE - params.padding;

    var sums: array<array<vec4<f32>, STRIP>, TILE_VECTORS>;
    for (var ky = 0u; ky < KERNEL; ky++) {
        var x: array<array<f32, IN_CHANNELS>, COLUMNS>;
        for (var c = 0u; c < COLUMNS; c++) {
            let source = source_at(image, top + ky, left + c);
            let at = params.input_offset + source.pixel * params.input_stride;
            var value: array<vec4<f32>, IN_VECTORS>;
            for (var i = 0u; i < IN_VECTORS; i++) {
                value[i] = input_vector(at + i);
            }
            for (var ci = 0u; ci < IN_CHANNELS; ci++) {
                x[c][ci] = select(0.0, value[ci / 4u][ci % 4u], source.inside);
            }
        }
        var fetched: array<vec4<f32>, FETCHES>;
        for (var f = 0u; f < FETCHES; f++) {
            let i = min(f * SUBGROUP + lane, WEIGHTS - 1u); // counts kx, ci and the vec4
            let tap = ky * KERNEL + i / TILE_VECTORS / IN_CHANNELS;
            let column = min(first_co4 + i % TILE_VECTORS, out_channels4 - 1u);
            fetched[f] = weight_vector(tap, i / TILE_VECTORS % IN_CHANNELS, column, out_channels4);
        }
        var w: array<array<array<vec4<f32>, TILE_VECTORS>, IN_CHANNELS>, KERNEL>;
        for (var kx = 0u; kx < KERNEL; kx++) {
            for (var ci = 0u; ci < IN_CHANNELS; ci++) {
                for (var v = 0u; v < TILE_VECTORS; v++) {
                    let i = (kx * IN_CHANNELS + ci) * TILE_VECTORS + v;
                    w[kx][ci][v] = subgroupShuffle(fetched[i / SUBGROUP], i % SUBGROUP);
                }
            }
        }
        for (var kx = 0u; kx < KERNEL; kx++) {
            for (var ci = 0u; ci < IN_CHANNELS; ci++) {
                for (var v = 0u; v < TILE_VECTORS; v++) {
                    for (var p = 0u; p < STRIP; p++) {
                        sums[v][p] += w[kx][ci][v] * x[p * STRIDE + kx][ci];
                    }
                }
            }
        }
    }
    for (var v = 0u; v < TILE_VECTORS; v++) {
        for (var p = 0u; p < STRIP; p++) {
            if strip < strips && ox + p < params.out_width && first_co4 + v < out_channels4 {
                store(row * params.out_width + ox + p, first_co4 + v, sums[v][p]);
            }
        }
    }
}
