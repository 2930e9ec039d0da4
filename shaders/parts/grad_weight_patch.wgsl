// The patch vector under a pixel of the small map.
//
//   A patch vector is (ky, kx, vec4 of a), counted as one list.

// Zero outside of the large map.
fn patch_vector(index: u32, pixel: u32) -> vec4<f32> {
    let tap = index / params.large_channels4;
    let row = pixel / params.small_width;
    // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds both
    // sides.
    let y = row % params.small_height * STRIDE + tap / KERNEL - params.padding;
    let x = pixel % params.small_width * STRIDE + tap % KERNEL - params.padding;
    let inside = y < params.large_height && x < params.large_width;
    let image_row = row / params.small_height * params.large_height + y;
    let source = select(0u, image_row * params.large_width + x, inside);
    let at = params.large_offset + source * params.large_stride + index % params.large_channels4;
    return select(vec4(0.0), large_vector(at), inside);
}
