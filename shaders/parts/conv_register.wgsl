// The register rung of conv2d and conv_transpose2d.
//
//   A thread computes TILE_PIXELS neighbouring pixels of a class x TILE_VECTORS vec4s of output
//   channels, four input channels at a time: every weight that it loads serves TILE_PIXELS pixels,
//   every input vec4 serves TILE_VECTORS vec4s. The gather is a part of its own.
// parts: conv_operands, conv_weight_tile, conv_result

const WORKGROUP: u32 = 64u;
const TILE_PIXELS: u32 = 8u;
const TILE_VECTORS: u32 = 1u; // vec4s of output channels a thread

@compute @workgroup_size(WORKGROUP)
fn conv(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let pixels = class_pixels();
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = (group.y * 65535u + group.x) * WORKGROUP + local;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let own = pixel_class(tile / pixel_tiles % class_count());
    let co4 = tile / pixel_tiles / class_count() * TILE_VECTORS;
    if co4 >= out_channels4 {
        return;
    }

    var corner: array<vec3<u32>, TILE_PIXELS>;
    for (var p = 0u; p < TILE_PIXELS; p++) {
        corner[p] = corner_of(own, min(first + p, pixels - 1u));
    }
    var sums: array<vec4<f32>, TILE_PIXELS * TILE_VECTORS>;
    for (var t = 0u; t < own.taps; t++) {
        var at: array<u32, TILE_PIXELS>;
        var inside: array<bool, TILE_PIXELS>;
        for (var p = 0u; p < TILE_PIXELS; p++) {
            let source = source_of(own, corner[p], t);
            at[p] = params.input_offset + source.pixel * params.input_stride;
            inside[p] = source.inside;
        }
        for (var ci4 = 0u; ci4 < params.in_channels4; ci4++) {
            var x: array<vec4<f32>, TILE_PIXELS>;
            for (var p = 0u; p < TILE_PIXELS; p++) {
                x[p] = select(vec4(0.0), input_vector(at[p] + ci4), inside[p]);
            }
            for (var v = 0u; v < TILE_VECTORS; v++) {
                let column = min(co4 + v, out_channels4 - 1u);
                let w = weight_tile(tap_of(own, t), ci4, column, out_channels4);
                for (var p = 0u; p < TILE_PIXELS; p++) {
                    sums[v * TILE_PIXELS + p] += w * x[p];
                }
            }
        }
    }
    for (var p = 0u; p < TILE_PIXELS; p++) {
        let place = place_of(own, first + p);
        for (var v = 0u; v < TILE_VECTORS; v++) {
            if place.exists && co4 + v < out_channels4 {
                store(place.pixel, co4 + v, sums[v * TILE_PIXELS + p]);
            }
        }
    }
}
