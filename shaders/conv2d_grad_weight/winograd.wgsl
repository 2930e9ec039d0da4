// conv2d_grad_weight of stride 1, winograd: minimal filtering.
//   grad_weight = A^T ( sum over tiles of (B^T large_tile B) * (G small_tile G^T) ) A
//   product[point, a, b] = sum over tiles of row_map[point, tile, a] * column_map[point, tile, b]
//
//   The small map is cut into tiles. winograd_transform takes both maps to 36 points and the sums
//   back; this shader is 5_wide for one tap at each point, two tiles at a time. The small map has
//   the rows where the result is the weight of a transposed convolution.
// Layouts   memory: row_map, column_map [point, tile, channels] and product [point, a, b] at the
//           parameters' offsets, in vec8s
// Bindings  0 params, 1 memory
// Grid      points * ceil(rows8 / TILE_VEC8S) * ceil(columns8 / SUBGROUP) subgroups
// Limits    TILE_VEC8S <= SUBGROUP, as in conv2d; channel counts are multiples of 8
// Speed     lavapipe 22.3: 87 ms, 5_wide 225-280 (two 32x32x256, 31x31x512); GPU unmeasured
// Caller    src/contraction/winograd/
// parts: vec8_words

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_VEC8S: u32 = 8u; // rows of a block, in vec8s
const_assert WORKGROUP % SUBGROUP == 0u && TILE_VEC8S <= SUBGROUP;

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

// Both tiles' vec8s, `step` apart; zeros for the second if there is none.
fn pair(at: u32, step: u32, both: bool) -> Pair {
    let first = vec8(memory[at]);
    let second = vec8(select(vec4(0lu), memory[at + select(0u, step, both)], both));
    return Pair(mat2x4(first.even, second.even), mat2x4(first.odd, second.odd));
}

@compute @workgroup_size(WORKGROUP)
fn winograd_grad_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let row_blocks = (params.rows8 + TILE_VEC8S - 1u) / TILE_VEC8S;
    let column_blocks = (params.columns8 + SUBGROUP - 1u) / SUBGROUP;
    let block = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = block % row_blocks * TILE_VEC8S;
    let column = block / row_blocks % column_blocks * SUBGROUP + lane;
    let point = block / row_blocks / column_blocks;
    // Blocks behind the last one read what is there, and store nothing.
    let read_point = min(point, params.points - 1u);

    let first_tile = read_point * params.tiles;
    let fetched_row = min(first + lane, params.rows8 - 1u);
    let fetched_column = min(column, params.columns8 - 1u);
    let rows_at = params.row_map + first_tile * params.rows8 + fetched_row;
    let columns_at = params.column_map + first_tile * params.columns8 + fetched_column;
    var even_even: array<vec4<f32>, TILE_VEC8S * 4u>; // sums of even rows, even columns
    var even_odd: array<vec4<f32>, TILE_VEC8S * 4u>;
    var odd_even: array<vec4<f32>, TILE_VEC8S * 4u>;
    var odd_odd: array<vec4<f32>, TILE_VEC8S * 4u>;
    for (var tile = 0u; tile < params.tiles; tile += 2u) {
        let both = tile + 1u < params.tiles;
        let own = pair(columns_at + tile * params.columns8, params.columns8, both);
        let fetched = pair(rows_at + tile * params.rows8, params.rows8, both);
        let evens = transpose(fetched.even);
        let odds = transpose(fetched.odd);
        for (var r = 0u; r < TILE_VEC8S * 4u; r++) {
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
    for (var r = 0u; r < TILE_VEC8S * 4u; r++) {
        if first + r / 4u < params.rows8 {
            let row = (point * params.rows8 + first + r / 4u) * 8u + r % 4u * 2u;
            let at = params.product + row * step + column;
            memory[at] = words(even_even[r], even_odd[r]);
            memory[at + step] = words(odd_even[r], odd_odd[r]);
        }
    }
}
