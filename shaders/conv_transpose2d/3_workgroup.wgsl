// conv_transpose2d, 3_workgroup: a workgroup tile in shared memory. The rung for GPUs.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of input[n, iy, ix, ci]
//       * weight[ky, kx, ci, co], iy*STRIDE = oy + padding - ky, ix*STRIDE = ox + padding - kx
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      groups, folded at 65535: class_count() * ceil(class_pixels() / TILE_PIXELS) *
//           ceil(out_channels4 / TILE_VECTORS); see parts/conv_transpose2d_gather.wgsl
// Limits    THREADS^2 invocations; 16 * (size of x_tile + size of w_tile) bytes of workgroup memory
// Speed     GPU: unmeasured; 4-8 GFLOP/s on lavapipe 22.3, where barriers only cost
// Caller    src/ops/conv_transpose2d.rs
// parts: conv_workgroup, conv_transpose2d_gather

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const THREADS: u32 = 16u; // on a side of the workgroup
const THREAD_PIXELS: u32 = 4u;
const THREAD_VECTORS: u32 = 1u; // vec4s of output channels a thread
const STAGE: u32 = 4u; // vec4s of the contraction in shared memory
