// conv2d and conv_transpose2d of stride 1, winograd: minimal filtering, F(3x3, 4x4) or F(4x4, 3x3).
//
//   output tile = A^T ( sum over ci of (B^T input_tile B) * (G weight G^T) ) A (Lavin, Gray 2015)
//   product[point, tile, co] = sum over ci of input[point, tile, ci] * weight[point, ci, co]
//
//   winograd_transform takes input and weight to 36 points, so that 36 multiplications do the work
//   of 144, and the products back. At each point this shader is 5_wide for one tap. With
//   params.transposed, weight is [point, co, ci].
// Layouts   memory: input, weight and product, in vec8s of channels at the parameters' offsets
// Bindings  0 params, 1 memory
// Grid      points * ceil(tiles / TILES_AT_ONCE) * ceil(out_channels / (8 * SUBGROUP)) subgroups
// Limits    SUBGROUP as in 4_broadcast; channel counts are multiples of 8; 64-bit integers
// Speed     lavapipe 22.3: 88-93 ms, 5_wide 206-259 (two 32x32x256 -> 31x31x512); GPU unmeasured
// Caller    src/contraction/winograd/
// parts: weight_block

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILES_AT_ONCE: u32 = 16u; // tiles of the map that a subgroup multiplies at once
const LOADS: u32 = (TILES_AT_ONCE + SUBGROUP - 1u) / SUBGROUP; // that a lane fetches for all
const_assert WORKGROUP % SUBGROUP == 0u;

struct Params {
    tiles: u32,
    in_channels8: u32,
    out_channels8: u32,
    transposed: u32,
    input: u32,
    weight: u32,
    product: u32,
    points: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> memory: array<vec4<u64>>;

fn weight_words(at: u32) -> vec4<u64> {
    return memory[at];
}

fn weight_block(point: u32, ci8: u32, co8: u32) -> Block {
    var at = params.weight + (point * params.in_channels8 + ci8) * 8u * params.out_channels8 + co8;
    var step = params.out_channels8;
    if params.transposed != 0u {
        step = params.in_channels8;
        at = params.weight + (point * params.out_channels8 + co8) * 8u * step + ci8;
    }
    return block_at(at, step, params.transposed != 0u);
}

@compute @workgroup_size(WORKGROUP)
fn winograd(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let blocks = (params.tiles + TILES_AT_ONCE - 1u) / TILES_AT_ONCE;
    let columns = (params.out_channels8 + SUBGROUP - 1u) / SUBGROUP;
    let block = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = block % blocks * TILES_AT_ONCE;
    let co8 = block / blocks % columns * SUBGROUP + lane;
    let point = block / blocks / columns;
    // Blocks behind the last one read what is there, and store nothing.
    let read_point = min(point, params.points - 1u);

    var source: array<u32, LOADS>;
    for (var r = 0u; r < LOADS; r++) {
        let tile = min(first + r * SUBGROUP + lane, params.tiles - 1u);
        source[r] = params.input + (read_point * params.tiles + tile) * params.in_channels8;
    }
    var even: array<vec4<f32>, TILES_AT_ONCE>; // sums of the even channels of each tile
    var odd: array<vec4<f32>, TILES_AT_ONCE>;
    for (var ci8 = 0u; ci8 < params.in_channels8; ci8++) {
        var x: array<Vec8, LOADS>;
        for (var r = 0u; r < LOADS; r++) {
            x[r] = vec8(memory[source[r] + ci8]);
        }
        let w = weight_block(read_point, ci8, min(co8, params.out_channels8 - 1u));
        for (var p = 0u; p < TILES_AT_ONCE; p++) {
            let e = subgroupShuffle(x[p / SUBGROUP].even, p % SUBGROUP);
            let o = subgroupShuffle(x[p / SUBGROUP].odd, p % SUBGROUP);
            even[p] += w.even_even * e + w.even_odd * o;
            odd[p] += w.odd_even * e + w.odd_odd * o;
        }
    }
    for (var p = 0u; p < TILES_AT_ONCE; p++) {
        if first + p < params.tiles && co8 < params.out_channels8 && point < params.points {
            let row = point * params.tiles + first + p;
            memory[params.product + row * params.out_channels8 + co8] = words(even[p], odd[p]);
        }
    }
}
