// The split_k kernel of conv2d and conv_transpose2d.
//
//   A deep layer has a handful of pixels and megabytes of weights: tiles of pixels are too few to
//   fill a device, and every weight is used TILE_PIXELS times. So the input channels are split into
//   `splits` equal ranges, neighbouring threads read neighbouring weights, and conv2d/reduce.wgsl
//   adds the parts in order. The gather is a part of its own.
// parts: conv_operands, conv_weight_tile

const WORKGROUP: u32 = 64u;
const TILE_PIXELS: u32 = 8u;

@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn conv(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let pixels = class_pixels();
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let index = (group.y * 65535u + group.x) * WORKGROUP + local;
    let co4 = index % out_channels4;
    let first = index / out_channels4 % pixel_tiles * TILE_PIXELS;
    let own = pixel_class(index / out_channels4 / pixel_tiles % class_count());
    let split = index / out_channels4 / pixel_tiles / class_count();
    if split >= params.splits {
        return;
    }
    let part = (params.in_channels4 + params.splits - 1u) / params.splits;
    let first_ci4 = split * part;
    let end_ci4 = min(first_ci4 + part, params.in_channels4);

    var corner: array<vec3<u32>, TILE_PIXELS>;
    for (var p = 0u; p < TILE_PIXELS; p++) {
        corner[p] = corner_of(own, min(first + p, pixels - 1u));
    }
    var sums: array<vec4<f32>, TILE_PIXELS>;
    for (var t = 0u; t < own.taps; t++) {
        var at: array<u32, TILE_PIXELS>;
        var inside: array<bool, TILE_PIXELS>;
        var any_inside = false;
        for (var p = 0u; p < TILE_PIXELS; p++) {
            let source = source_of(own, corner[p], t);
            at[p] = params.input_offset + source.pixel * params.input_stride;
            inside[p] = source.inside;
            any_inside |= source.inside;
        }
        if !any_inside {
            continue; // most taps of a 1x1 or 2x2 map lie outside for every pixel
        }
        for (var ci4 = first_ci4; ci4 < end_ci4; ci4++) {
            let w = weight_tile(tap_of(own, t), ci4, co4, out_channels4);
            for (var p = 0u; p < TILE_PIXELS; p++) {
                sums[p] += w * select(vec4(0.0), input_vector(at[p] + ci4), inside[p]);
            }
        }
    }
    let out_pixels = params.batch * params.out_height * params.out_width;
    for (var p = 0u; p < TILE_PIXELS; p++) {
        let place = place_of(own, first + p);
        if place.exists {
            partial[(split * out_pixels + place.pixel) * out_channels4 + co4] = sums[p];
        }
    }
}
