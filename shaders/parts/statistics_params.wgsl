// Parameters of the statistics of a normalisation: src/ops/batch_norm/statistics.rs.

struct Params {
    channels: u32,
    groups: u32,
    pixels: u32, // of a group
    chunks: u32,
    chunk_pixels: u32, // of every chunk but the last
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    eps: f32,
    pad_0: u32,
    pad_1: u32,
}
