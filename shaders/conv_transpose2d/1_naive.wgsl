// conv_transpose2d, 1_naive: the formula, one thread an output number.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of input[n, iy, ix, ci]
//       * weight[ky, kx, ci, co], iy*STRIDE = oy + padding - ky, ix*STRIDE = ox + padding - kx
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      ceil(output numbers, those of pad lanes too / WORKGROUP) groups, folded at 65535
// Limits    fewer than 2^32 numbers in every operand
// Speed     0.4-0.8 GFLOP/s on lavapipe 22.3: every multiplication pays for two loads
// Caller    src/ops/conv_transpose2d.rs

alias ActivationScalar = f32; // how activations are stored
alias WeightScalar = f32; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const WORKGROUP: u32 = 64u;

struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_channels4: u32,
    out_height: u32,
    out_width: u32,
    out_channels: u32,
    padding: u32,
    input_offset: u32,
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    splits: u32, // 1: only split_k splits the contraction
    stride: u32, // read by the wide rung; the constant STRIDE here
    input_slope: f32, // read by the wide rung; the constant INPUT_SLOPE here
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<ActivationScalar>;
@group(0) @binding(2) var<storage, read> weight: array<WeightScalar>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<ActivationScalar>;

// An input number as it enters the sum. Only the bit patterns of negative numbers are scaled. A NaN
// is not one of them, so it passes unchanged. Compilers may lose a NaN that is compared or
// multiplied by 0.
fn input_number(at: u32) -> f32 {
    let x = f32(input[at]);
    return select(x, INPUT_SLOPE * x, bitcast<u32>(x) - 0x80000000u <= 0x7f800000u);
}

@compute @workgroup_size(WORKGROUP)
fn conv_transpose2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let out_channels = (params.out_channels + 3u) / 4u * 4u;
    let index = (group.y * 65535u + group.x) * WORKGROUP + local;
    let co = index % out_channels;
    let pixel = index / out_channels;
    if pixel >= params.batch * params.out_height * params.out_width {
        return;
    }
    let ox = pixel % params.out_width;
    let oy = pixel / params.out_width % params.out_height;
    let n = pixel / params.out_width / params.out_height;

    var sum = 0.0;
    if HAS_BIAS {
        sum = bias[co];
    }
    let in_channels = params.in_channels4 * 4u;
    for (var ky = (oy + params.padding) % STRIDE; ky < KERNEL; ky += STRIDE) {
        for (var kx = (ox + params.padding) % STRIDE; kx < KERNEL; kx += STRIDE) {
            // Compared before the division: a wrapped negative is still too large, its quotient may
            // not be.
            let y = oy + params.padding - ky;
            let x = ox + params.padding - kx;
            if y < params.in_height * STRIDE && x < params.in_width * STRIDE {
                let source = (n * params.in_height + y / STRIDE) * params.in_width + x / STRIDE;
                let tap = ky * KERNEL + kx;
                for (var ci = 0u; ci < in_channels; ci++) {
                    var at = (tap * in_channels + ci) * out_channels + co;
                    if TRANSPOSED_WEIGHT {
                        at = (tap * out_channels + co) * in_channels + ci;
                    }
                    let pixel_at = (params.input_offset + source * params.input_stride) * 4u;
                    sum += input_number(pixel_at + ci) * f32(weight[at]);
                }
            }
        }
    }
    let value = select(0.0, sum, co < params.out_channels);
    let pixel_at = (params.output_offset + pixel * params.output_stride) * 4u;
    output[pixel_at + co] = ActivationScalar(value);
}
