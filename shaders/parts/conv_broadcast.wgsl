// The broadcast rung of conv2d and conv_transpose2d.
//
//          4*SUBGROUP*LANE_VECTORS output channels
//          lane 0 | lane 1 | lane 2 | ...    For loading, a lane is a pixel: it fetches one vec4 of
//   pixel 0  vec4 |  vec4  |  vec4           its own pixel. For computing, a lane is a vec4 of
//   pixel 1  vec4 |  vec4  |  vec4           output channels: the shuffle hands it every pixel's
//   ...                                      vec4 in turn.
//
//   So each weight that a lane loads serves TILE_PIXELS pixels. The gather is a part of its own.
// parts: conv_operands, conv_weight_tile, conv_result

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_PIXELS: u32 = 16u;
const LANE_VECTORS: u32 = 1u; // vec4s of output channels a lane
const LOADS: u32 = (TILE_PIXELS + SUBGROUP - 1u) / SUBGROUP; // pixels that a lane fetches for all
const_assert WORKGROUP % SUBGROUP == 0u;

@compute @workgroup_size(WORKGROUP)
fn conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let pixels = class_pixels();
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let own = pixel_class(tile / pixel_tiles % class_count());
    let co4 = tile / pixel_tiles / class_count() * (SUBGROUP * LANE_VECTORS) + lane;

    var corner: array<vec3<u32>, LOADS>;
    for (var r = 0u; r < LOADS; r++) {
        corner[r] = corner_of(own, min(first + r * SUBGROUP + lane, pixels - 1u));
    }
    var sums: array<vec4<f32>, TILE_PIXELS * LANE_VECTORS>;
    for (var t = 0u; t < own.taps; t++) {
        var at: array<u32, LOADS>;
        var inside: array<bool, LOADS>;
        var any_inside = false;
        for (var r = 0u; r < LOADS; r++) {
            let source = source_of(own, corner[r], t);
            at[r] = params.input_offset + source.pixel * params.input_stride;
            inside[r] = source.inside;
            any_inside |= source.inside;
        }
        if !subgroupAny(any_inside) {
            continue; // small maps: most taps of a 1x1 or 2x2 map lie outside for every pixel
        }
        let tap = tap_of(own, t);
        for (var ci4 = 0u; ci4 < params.in_channels4; ci4++) {
            var x: array<vec4<f32>, LOADS>;
            for (var r = 0u; r < LOADS; r++) {
                x[r] = select(vec4(0.0), input_vector(at[r] + ci4), inside[r]);
            }
            for (var v = 0u; v < LANE_VECTORS; v++) {
                let column = min(co4 + v * SUBGROUP, out_channels4 - 1u);
                let w = weight_tile(tap, ci4, column, out_channels4);
                for (var p = 0u; p < TILE_PIXELS; p++) {
                    sums[v * TILE_PIXELS + p] += w * subgroupShuffle(x[p / SUBGROUP], p % SUBGROUP);
                }
            }
        }
    }
    for (var p = 0u; p < TILE_PIXELS; p++) {
        let place = place_of(own, first + p);
        for (var v = 0u; v < LANE_VECTORS; v++) {
            if place.exists && co4 + v * SUBGROUP < out_channels4 {
                store(place.pixel, co4 + v * SUBGROUP, sums[v * TILE_PIXELS + p]);
            }
        }
    }
}
