// Kinds of resampling, from a map to one of more pixels: src/ops/resample.rs.
// parts: resample_params

const REFLECT_PAD: u32 = 0u;
const NEAREST: u32 = 1u;
const BILINEAR: u32 = 2u;
const_assert KIND == REFLECT_PAD || KIND == NEAREST || KIND == BILINEAR;
