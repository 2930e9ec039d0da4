// conv2d_grad_weight of stride 1, rung 10: Winograd's minimal filtering. The rung for CPU adapters
// with 64-bit words.
//
//   grad_weight = A^T ( sum over tiles of (B^T large_tile B) * (G small_tile G^T) ) A     (* number by number; Lavin and Gray, 2015)
//
// The small map is cut into tiles of 3 x 3 for a kernel of 4, which slides over the 6 x 6 inputs
// around each, and of 4 x 4 for one of 3. winograd_transform.wgsl takes both to 36 points and goes
// back from the products, once for all tiles; this shader multiplies and sums:
//
//   product[point, a, b] = sum over tiles of row_map[point, tile, a] * column_map[point, tile, b]
//
// where the large map has the rows, or the small one where the result is the weight of a transposed
// convolution. It is rung 9 for one tap: a lane owns eight columns and fetches one row vector; the
// shuffle hands every row vector to all columns. Two tiles at a time.
//
// Layouts memory: row_map and column_map [point, tile, channels] and product [point, a, b] at the
// offsets of the parameters, in eights. Bindings 0 params, 1 memory
// Grid      points * ceil(rows8 / TILE_EIGHTS) * ceil(columns8 / SUBGROUP) blocks, one a subgroup:
//           ceil(blocks / (WORKGROUP / SUBGROUP)) groups, folded at 65535
// Limits SUBGROUP is the device's subgroup size, exactly; WORKGROUP is a multiple of it;
// TILE_EIGHTS <= SUBGROUP; no lane leaves early;
//           all channel counts are multiples of 8
// Speed lavapipe 22.3, all four launches beside rung 9, within steps, in turn: two images of
// 16x16x128 and 15x15x256 7.7 to 8.8 ms
//           for 13.0 to 16.7; of 32x32x256 and 31x31x512 87 for 225 to 280 ms; of 8x8x64 and 7x7x128 1.4 for 1.0, which rung 9 keeps.
//           With a kernel of 3, in one call: 34x34x128 and 32x32x128 3.2 for 8.4 ms.
//           Unmeasured on a GPU. Called by ops::winograd.

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_EIGHTS: u32 = 8u; // rows of a block, in eights
const_assert WORKGROUP % SUBGROUP == 0u && TILE_EIGHTS <= SUBGROUP;

struct Params {
    tiles: u32,
    rows8: u32,
    columns8: u32,
    points: u32,
    row_map: u32,
    column_map: u32,
    product: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> memory: array<vec4<u64>>;

// Even and odd channels under two neighbouring tiles.
struct Pair {
    even: mat2x4<f32>,
    odd: mat2x4<f32>,
}

// Both tiles' eights, `step` apart; zeros for the second if there is none.
fn pair(at: u32, step: u32, both: bool) -> Pair {
    let first = memory[at];
    let second = select(vec4(0lu), memory[at + select(0u, step, both)], both);
    return Pair(
        mat2x4(bitcast<vec4<f32>>(vec4<u32>(first)), bitcast<vec4<f32>>(vec4<u32>(second))),
        mat2x4(bitcast<vec4<f32>>(vec4<u32>(first >> vec4(32u))), bitcast<vec4<f32>>(vec4<u32>(second >> vec4(32u)))),
    );
}

fn words(even: vec4<f32>, odd: vec4<f32>) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(even)) | (vec4<u64>(bitcast<vec4<u32>>(odd)) << vec4(32u));
}

@compute @workgroup_size(WORKGROUP)
fn winograd_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let row_blocks = (params.rows8 + TILE_EIGHTS - 1u) / TILE_EIGHTS;
    let column_blocks = (params.columns8 + SUBGROUP - 1u) / SUBGROUP;
    let block = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = block % row_blocks * TILE_EIGHTS;
    let column = block / row_blocks % column_blocks * SUBGROUP + lane;
    let point = block / row_blocks / column_blocks;
    let read_point = min(point, params.points - 1u); // blocks behind the last one read what is there, and store nothing

    let rows_at = params.row_map + read_point * params.tiles * params.rows8 + min(first + lane, params.rows8 - 1u);
    let columns_at = params.column_map + read_point * params.tiles * params.columns8 + min(column, params.columns8 - 1u);
    var even_even: array<vec4<f32>, TILE_EIGHTS * 4u>; // sums of even rows, even columns
    var even_odd: array<vec4<f32>, TILE_EIGHTS * 4u>;
    var odd_even: array<vec4<f32>, TILE_EIGHTS * 4u>;
    var odd_odd: array<vec4<f32>, TILE_EIGHTS * 4u>;
    for (var tile = 0u; tile < params.tiles; tile += 2u) {
        let both = tile + 1u < params.tiles;
        let own = pair(columns_at + tile * params.columns8, params.columns8, both);
        let fetched = pair(rows_at + tile * params.rows8, params.rows8, both);
        let evens = transpose(fetched.even);
        let odds = transpose(fetched.odd);
        for (var r = 0u; r < TILE_EIGHTS * 4u; r++) {
            let e = subgroupShuffle(evens[r % 4u], r / 4u);
            let o = subgroupShuffle(odds[r % 4u], r / 4u);
            even_even[r] += own.even * e;
            even_odd[r] += own.odd * e;
            odd_even[r] += own.even * o;
            odd_odd[r] += own.odd * o;
        }
    }
    if column >= params.columns8 || point >= params.points {
        return;
    }
    let step = params.columns8;
    for (var r = 0u; r < TILE_EIGHTS * 4u; r++) {
        if first + r / 4u < params.rows8 {
            let at = params.product + (point * params.rows8 * 8u + (first + r / 4u) * 8u + r % 4u * 2u) * step + column;
            memory[at] = words(even_even[r], even_odd[r]);
            memory[at + step] = words(odd_even[r], odd_odd[r]);
        }
    }
}
