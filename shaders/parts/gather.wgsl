// What the gathers of conv2d and conv_transpose2d share.
//
//   A gather says which input pixels an output pixel sums over: parts conv2d_gather and
//   conv_transpose2d_gather.

// Where an output pixel begins to gather is its corner, a vec3: x, y = the input position under its
// first tap, which may lie outside of the image; z = the row of the batch where its image begins.

// The input pixel under a tap, if there is one.
struct InputPixel {
    inside: bool,
    pixel: u32, // of the batch; 0 outside
}

// The output pixel of a place in its class, if there is one.
struct OutputPixel {
    exists: bool,
    pixel: u32, // of the batch
}

fn source_at(image: u32, y: u32, x: u32) -> InputPixel {
    // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds both
    // sides.
    let inside = y < params.in_height && x < params.in_width;
    return InputPixel(inside, select(0u, (image + y) * params.in_width + x, inside));
}
