// Stores 4 x 4 numbers of a weight's gradient, or of one part of it.
//
//   A patch vector is (ky, kx, vec4 of a), counted as one list.

// Column i of `block` holds channel 4*a4 + i of the patch vector, channels 4*b4 .. of the small
// map.
fn store(split: u32, patch_index: u32, b4: u32, block: mat4x4<f32>) {
    let tap = patch_index / params.large_channels4;
    let a4 = patch_index % params.large_channels4;
    var values = block;
    var at = patch_index * 4u * params.small_channels4 + b4;
    var step = params.small_channels4;
    if TRANSPOSED_OUTPUT {
        values = transpose(block);
        at = (tap * params.small_channels4 + b4) * 4u * params.large_channels4 + a4;
        step = params.large_channels4;
    }
    at += split * KERNEL * KERNEL * params.large_channels4 * 4u * params.small_channels4;
    for (var i = 0u; i < 4u; i++) {
        grad_weight[at + i * step] = Gradient(values[i]);
    }
}
