// The wide rung of conv2d and conv_transpose2d: the broadcast rung over vec8s.
//
//          8*SUBGROUP output channels
//          lane 0 | lane 1 | lane 2 | ...    For loading, a lane is a pixel: it fetches eight
//   pixel 0  vec8 |  vec8  |  vec8           inputs of its own pixel. For computing, a lane is
//   pixel 1  vec8 |  vec8  |  vec8           eight output channels: the shuffle hands it every
//   ...                                      pixel's vec8 in turn.
//
//   So each weight that a lane loads serves TILE_PIXELS pixels. The gather is a part of its own.
// parts: conv_params, leaky_relu, weight_block

const KERNEL: u32 = 4u; // height and width of the kernel
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_PIXELS: u32 = 16u;
// Few sums a step: waiting for the weight is most of it.
const TOUCHES: bool = TILE_PIXELS <= 16u && !TRANSPOSED_WEIGHT;
const LOADS: u32 = (TILE_PIXELS + SUBGROUP - 1u) / SUBGROUP; // pixels that a lane fetches for all
const_assert WORKGROUP % SUBGROUP == 0u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4<u64>>;

fn stride() -> u32 {
    return params.stride;
}

fn weight_words(at: u32) -> vec4<u64> {
    return weight[at];
}

// weight[tap, 8*ci8 .., 8*column ..]
fn weight_block(tap: u32, ci8: u32, column: u32, out_channels8: u32) -> Block {
    var at = (tap * params.in_channels4 / 2u + ci8) * 8u * out_channels8 + column;
    var step = out_channels8;
    if TRANSPOSED_WEIGHT {
        step = params.in_channels4 / 2u;
        at = (tap * out_channels8 + column) * 8u * step + ci8;
    }
    return block_at(at, step, TRANSPOSED_WEIGHT);
}

// Prefetch: loads one number of each memory line of the weights of a later step. The rows are far
// apart; here all loads wait together, not one after the other. The result is always 0. It becomes
// part of an address, so that compilers keep the loads.
fn touch(tap: u32, ci8: u32, first_co8: u32, lane: u32, out_channels8: u32) -> u32 {
    let rows = params.in_channels4 * 4u;
    var touched = 0lu;
    for (var i = 0u; i < 4u; i++) {
        let line = i * SUBGROUP + lane; // two vec8s of one of the eight rows
        let row = tap * rows + ci8 * 8u + line % 8u;
        let at = row * out_channels8 + first_co8 + line / 8u * 2u;
        touched ^= weight[min(at, KERNEL * KERNEL * rows * out_channels8 - 1u)].x;
    }
    return u32(touched) & params.input_offset & 1u; // offsets are even, which no compiler knows
}

fn store(pixel: u32, co8: u32, even: vec4<f32>, odd: vec4<f32>) {
    var sum = Vec8(even, odd);
    if HAS_BIAS {
        let low = bias[2u * co8];
        let high = bias[2u * co8 + 1u];
        sum.even += vec4(low.xz, high.xz);
        sum.odd += vec4(low.yw, high.yw);
    }
    let at = (params.output_offset + pixel * params.output_stride) / 2u + co8;
    output[at] = words(sum.even, sum.odd);
}

@compute @workgroup_size(WORKGROUP)
fn conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let out_channels8 = params.out_channels / 8u;
    let pixels = class_pixels();
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let own = pixel_class(tile / pixel_tiles % class_count());
    let co8 = tile / pixel_tiles / class_count() * SUBGROUP + lane;

    var corner: array<vec3<u32>, LOADS>;
    for (var r = 0u; r < LOADS; r++) {
        corner[r] = corner_of(own, min(first + r * SUBGROUP + lane, pixels - 1u));
    }
    var even: array<vec4<f32>, TILE_PIXELS>; // sums of the even channels of each pixel
    var odd: array<vec4<f32>, TILE_PIXELS>;
    var touched = 0u;
    for (var t = 0u; t < own.taps; t++) {
        var at: array<u32, LOADS>;
        var inside: array<bool, LOADS>;
        var any_inside = false;
        for (var r = 0u; r < LOADS; r++) {
            let source = source_of(own, corner[r], t);
            at[r] = (params.input_offset + source.pixel * params.input_stride) / 2u;
            inside[r] = source.inside;
            any_inside |= source.inside;
        }
        if !subgroupAny(any_inside) {
            continue; // small maps: most taps of a 1x1 or 2x2 map lie outside for every pixel
        }
        let tap = tap_of(own, t);
        for (var ci8 = 0u; ci8 < params.in_channels4 / 2u; ci8++) {
            var x_even: array<vec4<f32>, LOADS>;
            var x_odd: array<vec4<f32>, LOADS>;
            for (var r = 0u; r < LOADS; r++) {
                let x = vec8(input[at[r] + ci8]);
                x_even[r] = select(vec4(0.0), leaky_relu(x.even, params.input_slope), inside[r]);
                x_odd[r] = select(vec4(0.0), leaky_relu(x.odd, params.input_slope), inside[r]);
            }
            if TOUCHES {
                touched |= touch(tap, ci8 + 1u, co8 - lane, lane, out_channels8);
            }
            let w = weight_block(tap, ci8, min(co8, out_channels8 - 1u), out_channels8);
            for (var p = 0u; p < TILE_PIXELS; p++) {
                let e = subgroupShuffle(x_even[p / SUBGROUP], p % SUBGROUP);
                let o = subgroupShuffle(x_odd[p / SUBGROUP], p % SUBGROUP);
                even[p] += w.even_even * e + w.even_odd * o;
                odd[p] += w.odd_even * e + w.odd_odd * o;
            }
        }
    }
    for (var p = 0u; p < TILE_PIXELS; p++) {
        let place = place_of(own, first + p);
        if place.exists && co8 < out_channels8 {
            store(place.pixel + touched, co8, even[p], odd[p]);
        }
    }
}
