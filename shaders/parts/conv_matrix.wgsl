// The matrix kernel of conv2d and conv_transpose2d.
//
//   A matrix product for each class of pixels: rows are output pixels, columns output channels, the
//   contraction is (tap, ci) counted as one list. It is walked STAGE numbers at a time: all threads
//   fetch them into shared memory as f16, then each subgroup multiplies its own ROW_MATRICES x
//   COLUMN_MATRICES matrices of MATRIX x MATRIX. The sums leave through shared memory, where every
//   thread sees them. The gather is a part of its own.
//   The shader enables f16 and wgpu_cooperative_matrix.
// parts: conv_operands, conv_result

alias Left = coop_mat8x8<f16, A>; // pixels x contraction
alias Right = coop_mat8x8<f16, B>; // contraction x channels
alias Sums = coop_mat8x8<f32, C>; // pixels x channels
const MATRIX: u32 = 8u; // rows and columns of these
const SUBGROUP: u32 = 8u; // lanes of a subgroup
const SUBGROUPS: u32 = 2u; // subgroups of a workgroup along each side of its tile
const ROW_MATRICES: u32 = 2u; // matrices of a subgroup along the pixels
const COLUMN_MATRICES: u32 = 2u; // and along the output channels
const STAGE: u32 = 32u; // numbers of the contraction in shared memory
const SUBGROUP_PIXELS: u32 = ROW_MATRICES * MATRIX;
const SUBGROUP_CHANNELS: u32 = COLUMN_MATRICES * MATRIX;
const TILE_PIXELS: u32 = SUBGROUPS * SUBGROUP_PIXELS;
const TILE_CHANNELS: u32 = SUBGROUPS * SUBGROUP_CHANNELS;
const THREADS: u32 = SUBGROUP * SUBGROUPS * SUBGROUPS;
const GAP: u32 = 8u; // numbers behind a row of shared memory: rows begin in different banks
const X_VECTORS: u32 = STAGE / 4u; // vec4s of a row of x_tile
const X_ROW: u32 = STAGE + GAP;
const W_ROWS: u32 = select(STAGE, TILE_CHANNELS, TRANSPOSED_WEIGHT);
const W_VECTORS: u32 = select(TILE_CHANNELS, STAGE, TRANSPOSED_WEIGHT) / 4u;
const W_ROW: u32 = 4u * W_VECTORS + GAP;
const FETCHES: u32 = TILE_PIXELS * X_VECTORS / THREADS; // input vec4s that a thread fetches a stage
const PIXELS_A_FETCH: u32 = THREADS / X_VECTORS;
const MATRICES: u32 = ROW_MATRICES * COLUMN_MATRICES; // of a subgroup
const_assert STAGE % MATRIX == 0u && THREADS % X_VECTORS == 0u;
const_assert TILE_PIXELS % PIXELS_A_FETCH == 0u;

var<workgroup> x_tile: array<f16, TILE_PIXELS * X_ROW>; // [pixel][contraction]
// As the weight lies: [contraction][channel], or [channel][contraction].
var<workgroup> w_tile: array<f16, W_ROWS * W_ROW>;
// [subgroup][pixel][channel]
var<workgroup> results: array<f32, SUBGROUPS * SUBGROUPS * MATRIX * MATRIX>;

fn weights(k: u32, channel: u32) -> Right {
    if TRANSPOSED_WEIGHT {
        return coopLoad<Right>(&w_tile[channel * W_ROW + k], W_ROW);
    }
    return coopLoadT<Right>(&w_tile[k * W_ROW + channel], W_ROW);
}

// One stage of the product for the subgroup whose part of the tile begins at `pixel` and `channel`.
fn multiply(pixel: u32, channel: u32, sums: ptr<function, array<Sums, MATRICES>>) {
    for (var k = 0u; k < STAGE; k += MATRIX) {
        var x: array<Left, ROW_MATRICES>;
        for (var p = 0u; p < ROW_MATRICES; p++) {
            x[p] = coopLoadT<Left>(&x_tile[(pixel + p * MATRIX) * X_ROW + k], X_ROW);
        }
        for (var c = 0u; c < COLUMN_MATRICES; c++) {
            let w = weights(k, channel + c * MATRIX);
            for (var p = 0u; p < ROW_MATRICES; p++) {
                let s = p * COLUMN_MATRICES + c;
                (*sums)[s] = coopMultiplyAdd(x[p], w, (*sums)[s]);
            }
        }
    }
}

// Fetches the input of the stage that begins at vec4 `start` of the contraction: vec4 number `k`
// of it, and one pixel.
fn fetch_input(own: PixelClass, corner: vec3<u32>, start: u32, k: u32, pixel: u32) {
    let k4 = start + k;
    let source = source_of(own, corner, k4 / params.in_channels4);
    let inside = k4 < own.taps * params.in_channels4 && source.inside;
    let input_pixel = select(0u, source.pixel, inside);
    let at = params.input_offset + input_pixel * params.input_stride + k4 % params.in_channels4;
    let value = select(vec4(0.0h), vec4<f16>(input_vector(at)), inside);
    for (var j = 0u; j < 4u; j++) {
        x_tile[pixel * X_ROW + k * 4u + j] = value[j];
    }
}

// Fetches the weights of the stage that begins at vec4 `start` of the contraction. Past its end x
// is zero and any weight does.
fn fetch_weights(own: PixelClass, local: u32, start: u32, first_co4: u32) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let depth = own.taps * params.in_channels4;
    for (var i = local; i < W_ROWS * W_VECTORS; i += THREADS) {
        let row = i / W_VECTORS;
        let vector = i % W_VECTORS;
        let k4 = min(start + select(row / 4u, vector, TRANSPOSED_WEIGHT), depth - 1u);
        let tap = tap_of(own, k4 / params.in_channels4);
        let ci4 = k4 % params.in_channels4;
        let co4 = min(first_co4 + vector, out_channels4 - 1u);
        var source = ((tap * params.in_channels4 + ci4) * 4u + row % 4u) * out_channels4 + co4;
        if TRANSPOSED_WEIGHT {
            let channel = min(first_co4 * 4u + row, out_channels4 * 4u - 1u);
            source = (tap * out_channels4 * 4u + channel) * params.in_channels4 + ci4;
        }
        let w = vec4<f16>(weight[source]);
        for (var j = 0u; j < 4u; j++) {
            w_tile[row * W_ROW + vector * 4u + j] = w[j];
        }
    }
}

// Stores vec4 number `i` of matrix `s` of a subgroup, whose results lie at `results_at` and whose
// part of the tile begins at output pixel `pixel` of the class and vec4 `co4`.
fn store_vector(own: PixelClass, results_at: u32, pixel: u32, co4: u32, s: u32, i: u32) {
    let row = s / COLUMN_MATRICES * MATRIX + i / (MATRIX / 4u);
    let column4 = co4 + s % COLUMN_MATRICES * MATRIX / 4u + i % (MATRIX / 4u);
    let place = place_of(own, pixel + row);
    if place.exists && column4 < (params.out_channels + 3u) / 4u {
        let at = results_at + i * 4u;
        let value = vec4(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
        store(place.pixel, column4, value);
    }
}

@compute @workgroup_size(THREADS)
fn conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let pixels = class_pixels();
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = group.y * 65535u + group.x;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let own = pixel_class(tile / pixel_tiles % class_count());
    let first_co4 = tile / pixel_tiles / class_count() * TILE_CHANNELS / 4u;

    let fetched_pixel = local / X_VECTORS;
    var corner: array<vec3<u32>, FETCHES>;
    for (var f = 0u; f < FETCHES; f++) {
        corner[f] = corner_of(own, min(first + fetched_pixel + f * PIXELS_A_FETCH, pixels - 1u));
    }
    var sums: array<Sums, MATRICES>;
    let own_pixel = subgroup / SUBGROUPS * SUBGROUP_PIXELS;
    let own_channel = subgroup % SUBGROUPS * SUBGROUP_CHANNELS;
    for (var start = 0u; start < own.taps * params.in_channels4; start += X_VECTORS) {
        for (var f = 0u; f < FETCHES; f++) {
            let pixel = fetched_pixel + f * PIXELS_A_FETCH;
            fetch_input(own, corner[f], start, local % X_VECTORS, pixel);
        }
        fetch_weights(own, local, start, first_co4);
        workgroupBarrier();
        multiply(own_pixel, own_channel, &sums);
        workgroupBarrier();
    }
    let results_at = subgroup * MATRIX * MATRIX;
    for (var s = 0u; s < MATRICES; s++) {
        coopStoreT(sums[s], &results[results_at], MATRIX);
        workgroupBarrier();
        for (var i = lane; i < MATRIX * MATRIX / 4u; i += SUBGROUP) {
            store_vector(own, results_at, first + own_pixel, first_co4 + own_channel / 4u, s, i);
        }
        workgroupBarrier();
    }
}
