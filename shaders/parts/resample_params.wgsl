// Parameters of resampling, from one map to another: src/ops/resample.rs.

struct Params {
    rows: u32, // of the map that is written
    channels4: u32,
    small_height: u32,
    small_width: u32,
    large_height: u32,
    large_width: u32,
    from_offset: u32, // of the map that is read; offsets and strides count vec4s
    from_stride: u32,
    to_offset: u32,
    to_stride: u32,
    reflected: u32, // pixels of the pad
    pad_0: u32,
}
