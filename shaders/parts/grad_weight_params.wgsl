// The parameters of conv2d_grad_weight.
//
//   In Rust: GradWeightParams in src/ops/conv2d_grad_weight.rs.

struct Params {
    batch: u32,
    large_height: u32,
    large_width: u32,
    large_channels4: u32, // vec4s of channels
    small_height: u32,
    small_width: u32,
    small_channels4: u32,
    padding: u32,
    large_offset: u32, // offsets, and strides from pixel to pixel, count vec4s
    large_stride: u32,
    small_offset: u32,
    small_stride: u32,
    splits: u32, // parts of the sum over pixels, each with its own result
    stride: u32, // read by the wide rung; the constant STRIDE in the others
    large_slope: f32, // read by the wide rung; the constant LARGE_SLOPE in the others
    small_slope: f32, // read by the wide rung; the constant SMALL_SLOPE in the others
}
