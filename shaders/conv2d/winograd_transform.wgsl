// winograd_transform: input, weight and output of winograd go through it, each with its own matrix.
//
//   output[image, tile, j, l] = bias + sum over i, k of
//       matrix[j][i] * matrix[l][k] * leaky_relu(input[image, tile, i, k])
//
//   A thread makes one tile of eight channels, row by row, over k first, so that the code has one
//   load. What lies outside of the map that a tile is cut from is 0; what would lie outside of the
//   map that it is put in is left out.
// Layouts   input, output: vec8s of channels, where the parameters say; bias: dense
// Bindings  0 params, 1 input, 2 output, 3 bias (any buffer if has_bias is 0: it is not read)
// Grid      ceil(items / WORKGROUP), folded at 65535; item: eight channels of one tile of one image
// Limits    matrices up to SIZE x SIZE; 64-bit integers
// Speed     part of winograd's
// Caller    src/contraction/winograd/
// parts: vec8_words, leaky_relu

const WORKGROUP: u32 = 8u;
const SIZE: u32 = 6u;

// Places of the values of tiles, in vec8s, and positions along both axes of the map.
struct TileLayout {
    offset: u32, // where the first tile's first value would lie with no padding
    image: u32, // from one image to the next
    tile_y: u32, // from one tile to the next
    tile_x: u32,
    y: u32, // from one value of a tile to the next
    x: u32,
    height: u32,
    width: u32,
    spacing: u32, // positions from one tile to the next
    padding: u32, // positions of the first tile that lie in front of the map
    count: u32, // values of a tile along an axis
    pad: u32,
}

struct Params {
    input: TileLayout,
    output: TileLayout,
    matrix: array<vec4<f32>, 2u * SIZE>, // by columns: four numbers, then two
    vectors8: u32, // that lie side by side
    columns: u32, // of tiles
    rows: u32,
    items: u32,
    input_slope: f32,
    has_bias: u32,
    pad: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;

// Even and odd numbers of eight, as they enter the sum.
fn load(pairs: vec4<u64>) -> mat2x4<f32> {
    let x = vec8(pairs);
    return mat2x4(leaky_relu(x.even, params.input_slope), leaky_relu(x.odd, params.input_slope));
}

// Six values side by side. Named and not an array, and without loops over them: a loop around much
// code is not unrolled everywhere, and then an array lives in memory, where a load and a store for
// each lane cost more than the sum.
struct Row {
    a: mat2x4<f32>,
    b: mat2x4<f32>,
    c: mat2x4<f32>,
    d: mat2x4<f32>,
    e: mat2x4<f32>,
    f: mat2x4<f32>,
}

// sum + factor * row
fn plus(sum: Row, factor: f32, row: Row) -> Row {
    return Row(
        sum.a + factor * row.a,
        sum.b + factor * row.b,
        sum.c + factor * row.c,
        sum.d + factor * row.d,
        sum.e + factor * row.e,
        sum.f + factor * row.f,
    );
}

fn place(tiles: TileLayout, image: u32, tile_y: u32, tile_x: u32) -> u32 {
    return tiles.offset + image * tiles.image + tile_y * tiles.tile_y + tile_x * tiles.tile_x;
}

// Where the values of a tile go.
struct Target {
    first: u32,
    y: u32, // its first position
    x: u32,
    bias: mat2x4<f32>,
}

fn put(tile: Target, j: u32, l: u32, value: mat2x4<f32>) {
    let to = params.output;
    if l < to.count && tile.x + l < to.width {
        let sum = value + tile.bias;
        output[tile.first + j * to.y + l * to.x] = words(sum[0], sum[1]);
    }
}

fn put_row(tile: Target, j: u32, row: Row) {
    if j < params.output.count && tile.y + j < params.output.height {
        put(tile, j, 0u, row.a);
        put(tile, j, 1u, row.b);
        put(tile, j, 2u, row.c);
        put(tile, j, 3u, row.d);
        put(tile, j, 4u, row.e);
        put(tile, j, 5u, row.f);
    }
}

@compute @workgroup_size(WORKGROUP)
fn winograd_transform(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let item = (group.y * 65535u + group.x) * WORKGROUP + thread;
    if item >= params.items {
        return;
    }
    let vector8 = item % params.vectors8;
    let tile_x = item / params.vectors8 % params.columns;
    let tile_y = item / params.vectors8 / params.columns % params.rows;
    let image = item / params.vectors8 / params.columns / params.rows;

    let tiles = params.input;
    // Unsigned arithmetic wraps: a position in front of the map is a huge one, so one comparison
    // bounds both sides.
    let first = place(tiles, image, tile_y, tile_x) + vector8 - tiles.padding * (tiles.y + tiles.x);
    var sums: array<Row, SIZE>;
    for (var i = 0u; i < tiles.count; i++) {
        let y = tile_y * tiles.spacing + i - tiles.padding;
        var row: Row;
        for (var k = 0u; k < tiles.count; k++) {
            let x = tile_x * tiles.spacing + k - tiles.padding;
            let inside = y < tiles.height && x < tiles.width;
            let at = select(0u, first + i * tiles.y + k * tiles.x, inside);
            let value = load(select(vec4(0lu), input[at], inside));
            let column = params.matrix[2u * k];
            let rest = params.matrix[2u * k + 1u];
            row.a += column.x * value;
            row.b += column.y * value;
            row.c += column.z * value;
            row.d += column.w * value;
            row.e += rest.x * value;
            row.f += rest.y * value;
        }
        let column = params.matrix[2u * i];
        let rest = params.matrix[2u * i + 1u];
        sums[0] = plus(sums[0], column.x, row);
        sums[1] = plus(sums[1], column.y, row);
        sums[2] = plus(sums[2], column.z, row);
        sums[3] = plus(sums[3], column.w, row);
        sums[4] = plus(sums[4], rest.x, row);
        sums[5] = plus(sums[5], rest.y, row);
    }
    var tile: Target;
    tile.first = place(params.output, image, tile_y, tile_x) + vector8;
    tile.y = tile_y * params.output.spacing;
    tile.x = tile_x * params.output.spacing;
    if params.has_bias != 0u {
        let low = bias[2u * vector8];
        let high = bias[2u * vector8 + 1u];
        tile.bias = mat2x4(vec4(low.xz, high.xz), vec4(low.yw, high.yw));
    }
    put_row(tile, 0u, sums[0]);
    put_row(tile, 1u, sums[1]);
    put_row(tile, 2u, sums[2]);
    put_row(tile, 3u, sums[3]);
    put_row(tile, 4u, sums[4]);
    put_row(tile, 5u, sums[5]);
}
