// conv2d and conv_transpose2d of stride 1, rung 10: Winograd's minimal filtering, F(3x3, 4x4) and
// F(4x4, 3x3). The rung for CPU adapters with 64-bit words.
//
//   output tile = A^T ( sum over ci of (B^T input_tile B) * (G weight G^T) ) A            (* number by number; Lavin and Gray, 2015)
//
// A tile of 3 x 3 outputs sees 6 x 6 inputs of a kernel of 4. As it stands that takes 144
// multiplications a pair of channels. At six points an axis (0, 1, -1, 2, -1/2 and infinity;
// src/ops/winograd/points.rs has the mathematics) it takes 36; so do the 4 x 4 outputs of a kernel
// of 3. winograd_transform.wgsl takes inputs and weights to the points and the products back; this
// shader multiplies, at each point the tiles by the weight:
//
//   product[point, tile, co] = sum over ci of input[point, tile, ci] * weight[point, ci, co]
//
// It is rung 9 for one tap: lanes load a tile's eight inputs each and compute eight output channels
// each, and the shuffle brings the two together. weight is [point, co, ci] if params.transposed.
//
// Layouts memory: input, weight and product in eights of channels at the offsets of the parameters.
// Bindings  0 params, 1 memory
// Grid points * ceil(tiles / TILE_PIXELS) * ceil(out_channels / (8 * SUBGROUP)) blocks, one a
// subgroup:
//           ceil(blocks / (WORKGROUP / SUBGROUP)) groups, folded at 65535
// Limits SUBGROUP is the device's subgroup size, exactly; WORKGROUP is a multiple of it; no lane
// leaves early;
//           all channel counts are multiples of 8
// Speed lavapipe 22.3, all four launches beside rung 9, within steps, in turn: 16x16x128 <->
// 15x15x256 of two images 7.5 to 9.0 ms
//           for 11.5 to 14.0 (transposed 8.9 to 10.7 for 12.6 to 14.3), of one 5.6 to 6.3 for 6.2 to 8.2 (6.2 to 7.5 for 6.0 to 7.9);
//           32x32x256 <-> 31x31x512 of two images 88 to 93 for 206 to 259 ms, of one 49 to 55 for 80 to 129; 8x8x64 <-> 7x7x128, 18 and
//           9 tiles, twice to three times as slow as rung 9, which keeps them. With a kernel of 3, in one call: 34x34x128 -> 32x32x128 4.7
//           ms for 8.6, 66x66x256 -> 64x64x256 51 for 100.
//           Unmeasured on a GPU. Called by ops::winograd.

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_PIXELS: u32 = 16u; // tiles of the map that a subgroup multiplies at once
const LOADS: u32 = (TILE_PIXELS + SUBGROUP - 1u) / SUBGROUP; // that a lane fetches for all
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

// Eight numbers, those at even places and those at odd ones: what the two halves of each word are.
struct Eight {
    even: vec4<f32>,
    odd: vec4<f32>,
}

fn eight(pairs: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(pairs)), bitcast<vec4<f32>>(vec4<u32>(pairs >> vec4(32u))));
}

fn words(even: vec4<f32>, odd: vec4<f32>) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(even)) | (vec4<u64>(bitcast<vec4<u32>>(odd)) << vec4(32u));
}

// Eight inputs by eight outputs of the weight as four matrices: their products with an input's even
// and odd channels are even and odd channels of the output.
struct Block {
    even_even: mat4x4<f32>, // output, input
    even_odd: mat4x4<f32>,
    odd_even: mat4x4<f32>,
    odd_odd: mat4x4<f32>,
}

fn weight_block(point: u32, ci8: u32, co8: u32) -> Block {
    var at = params.weight + (point * params.in_channels8 + ci8) * 8u * params.out_channels8 + co8;
    var step = params.out_channels8;
    if params.transposed != 0u {
        step = params.in_channels8;
        at = params.weight + (point * params.out_channels8 + co8) * 8u * step + ci8;
    }
    let rows = array(eight(memory[at]), eight(memory[at + step]), eight(memory[at + 2u * step]), eight(memory[at + 3u * step]),
        eight(memory[at + 4u * step]), eight(memory[at + 5u * step]), eight(memory[at + 6u * step]), eight(memory[at + 7u * step]));
    let even_even = mat4x4(rows[0].even, rows[2].even, rows[4].even, rows[6].even);
    let odd_odd = mat4x4(rows[1].odd, rows[3].odd, rows[5].odd, rows[7].odd);
    let odds_of_even = mat4x4(rows[0].odd, rows[2].odd, rows[4].odd, rows[6].odd);
    let evens_of_odd = mat4x4(rows[1].even, rows[3].even, rows[5].even, rows[7].even);
    if params.transposed != 0u {
        return Block(transpose(even_even), transpose(odds_of_even), transpose(evens_of_odd), transpose(odd_odd));
    }
    return Block(even_even, evens_of_odd, odds_of_even, odd_odd);
}

@compute @workgroup_size(WORKGROUP)
fn winograd(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let blocks = (params.tiles + TILE_PIXELS - 1u) / TILE_PIXELS;
    let columns = (params.out_channels8 + SUBGROUP - 1u) / SUBGROUP;
    let block = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = block % blocks * TILE_PIXELS;
    let co8 = block / blocks % columns * SUBGROUP + lane;
    let point = block / blocks / columns;
    let read_point = min(point, params.points - 1u); // blocks behind the last one read what is there, and store nothing

    var source: array<u32, LOADS>;
    for (var r = 0u; r < LOADS; r++) {
        source[r] = params.input + (read_point * params.tiles + min(first + r * SUBGROUP + lane, params.tiles - 1u)) * params.in_channels8;
    }
    var even: array<vec4<f32>, TILE_PIXELS>; // sums of the even channels of each tile
    var odd: array<vec4<f32>, TILE_PIXELS>;
    for (var ci8 = 0u; ci8 < params.in_channels8; ci8++) {
        var x: array<Eight, LOADS>;
        for (var r = 0u; r < LOADS; r++) {
            x[r] = eight(memory[source[r] + ci8]);
        }
        let w = weight_block(read_point, ci8, min(co8, params.out_channels8 - 1u));
        for (var p = 0u; p < TILE_PIXELS; p++) {
            let e = subgroupShuffle(x[p / SUBGROUP].even, p % SUBGROUP);
            let o = subgroupShuffle(x[p / SUBGROUP].odd, p % SUBGROUP);
            even[p] += w.even_even * e + w.even_odd * o;
            odd[p] += w.odd_even * e + w.odd_odd * o;
        }
    }
    for (var p = 0u; p < TILE_PIXELS; p++) {
        if first + p < params.tiles && co8 < params.out_channels8 && point < params.points {
            memory[params.product + (point * params.tiles + first + p) * params.out_channels8 + co8] = words(even[p], odd[p]);
        }
    }
}
