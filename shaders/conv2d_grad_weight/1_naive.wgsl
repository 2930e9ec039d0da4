// conv2d_grad_weight, 1_naive: the formula, one thread a weight.
//
//   grad_weight[ky, kx, a, b] = sum over n, oy, ox of
//       large[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, a] * small[n, oy, ox, b]
// Maps      conv2d: large = input, small = grad_output; conv_transpose2d: the other way round, and
//           TRANSPOSED_OUTPUT writes grad_weight[ky, kx, b, a]. LARGE_SLOPE and SMALL_SLOPE read
//           a map through a leaky ReLU that is stored nowhere; 1 is none.
// Layouts   large, small: [batch, height, width, channels], offsets and pixel strides in vec4s;
//           grad_weight: dense, or [splits] of them, which reduce adds. Pad lanes are zero.
// Bindings  0 params, 1 large, 2 small, 3 grad_weight
// Grid      ceil(splits * KERNEL^2 * a * b / WORKGROUP) groups (a, b: physical channel counts)
// Limits    fewer than 2^32 numbers in every operand
// Speed     0.3-0.4 GFLOP/s on lavapipe 22.3: every multiplication pays for two loads
// Caller    src/ops/conv2d_grad_weight.rs

alias ActivationScalar = f32; // how activations are stored
alias GradientScalar = f32; // how gradients of parameters are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one
const WORKGROUP: u32 = 64u;

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
    stride: u32, // read by the wide rung; the constant STRIDE here
    large_slope: f32, // read by the wide rung; the constant LARGE_SLOPE here
    small_slope: f32, // read by the wide rung; the constant SMALL_SLOPE here
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> large: array<ActivationScalar>;
@group(0) @binding(2) var<storage, read> small: array<ActivationScalar>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<GradientScalar>;

// Numbers of the two maps as they enter the sum. Only the bit patterns of negative numbers are
// scaled. A NaN is not one of them, so it passes unchanged. Compilers may lose a NaN that is
// compared or multiplied by 0.
fn large_number(at: u32) -> f32 {
    let x = f32(large[at]);
    return select(x, LARGE_SLOPE * x, bitcast<u32>(x) - 0x80000000u <= 0x7f800000u);
}

fn small_number(at: u32) -> f32 {
    let x = f32(small[at]);
    return select(x, SMALL_SLOPE * x, bitcast<u32>(x) - 0x80000000u <= 0x7f800000u);
}

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let a_channels = params.large_channels4 * 4u;
    let b_channels = params.small_channels4 * 4u;
    let size = KERNEL * KERNEL * a_channels * b_channels;
    let index = (group.y * 65535u + group.x) * WORKGROUP + local;
    let split = index / size;
    if split >= params.splits {
        return;
    }
    let b = index % b_channels;
    let a = index / b_channels % a_channels;
    let tap = index % size / b_channels / a_channels;
    let ky = tap / KERNEL;
    let kx = tap % KERNEL;

    let pixels = params.batch * params.small_height * params.small_width;
    let part = (pixels + params.splits - 1u) / params.splits;
    var sum = 0.0;
    for (var pixel = split * part; pixel < min(split * part + part, pixels); pixel++) {
        // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds
        // both sides.
        let y = pixel / params.small_width % params.small_height * STRIDE + ky - params.padding;
        let x = pixel % params.small_width * STRIDE + kx - params.padding;
        if y < params.large_height && x < params.large_width {
            let n = pixel / params.small_width / params.small_height;
            let source = (n * params.large_height + y) * params.large_width + x;
            sum += large_number((params.large_offset + source * params.large_stride) * 4u + a)
                * small_number((params.small_offset + pixel * params.small_stride) * 4u + b);
        }
    }
    var at = (tap * a_channels + a) * b_channels + b;
    if TRANSPOSED_OUTPUT {
        at = (tap * b_channels + b) * a_channels + a;
    }
    grad_weight[split * size + at] = GradientScalar(sum);
}
