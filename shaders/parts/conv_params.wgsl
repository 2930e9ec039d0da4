// The parameters of conv2d and conv_transpose2d.
//
//   In Rust: ConvParams in src/ops/conv2d.rs.

struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_channels4: u32, // vec4s of input channels
    out_height: u32,
    out_width: u32,
    out_channels: u32,
    padding: u32,
    input_offset: u32, // offsets, and strides from pixel to pixel, count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    splits: u32, // parts of the contraction: 1 but for split_k
    stride: u32, // read by the wide rung; the constant STRIDE in the others
    input_slope: f32, // read by the wide rung; the constant INPUT_SLOPE in the others
    pad: u32,
}
