// The workgroup rung of conv2d and conv_transpose2d.
//
//   THREADS x THREADS threads compute THREADS*THREAD_PIXELS pixels of a class x
//   THREADS*THREAD_VECTORS vec4s of output channels. The contraction, (tap, vec4 of ci) counted as
//   one list, is walked STAGE vec4s at a time: all threads fetch them into shared memory, then each
//   multiplies its own register tile. Neighbouring threads read and write neighbouring channels.
//   The gather is a part of its own.
// parts: conv_operands, conv_weight_tile, conv_result

const THREADS: u32 = 16u; // on a side of the workgroup
const THREAD_PIXELS: u32 = 4u;
const THREAD_VECTORS: u32 = 1u; // vec4s of output channels a thread
const STAGE: u32 = 4u; // vec4s of the contraction in shared memory
const TILE_PIXELS: u32 = THREADS * THREAD_PIXELS;
const TILE_VECTORS: u32 = THREADS * THREAD_VECTORS;
const FETCHES: u32 = STAGE * THREAD_PIXELS / THREADS; // input vec4s that a thread fetches a stage
const PIXELS_A_FETCH: u32 = THREADS * THREADS / STAGE;
const_assert STAGE * THREAD_PIXELS % THREADS == 0u && STAGE * THREAD_VECTORS <= THREADS;

var<workgroup> x_tile: array<vec4<f32>, STAGE * TILE_PIXELS>; // [STAGE][pixel]
// [STAGE][ci % 4][vec4 of output channels]
var<workgroup> w_tile: array<vec4<f32>, STAGE * 4u * TILE_VECTORS>;

fn weights_of(at: u32) -> mat4x4<f32> {
    return mat4x4(
        w_tile[at],
        w_tile[at + TILE_VECTORS],
        w_tile[at + 2u * TILE_VECTORS],
        w_tile[at + 3u * TILE_VECTORS],
    );
}

// One stage of the product: this thread's pixels are ty, ty + THREADS, ..., its vec4s of channels
// tx, tx + THREADS, ...
fn multiply(
    tx: u32,
    ty: u32,
    sums: ptr<function, array<vec4<f32>, THREAD_PIXELS * THREAD_VECTORS>>,
) {
    for (var k = 0u; k < STAGE; k++) {
        var x: array<vec4<f32>, THREAD_PIXELS>;
        for (var p = 0u; p < THREAD_PIXELS; p++) {
            x[p] = x_tile[k * TILE_PIXELS + ty + p * THREADS];
        }
        for (var v = 0u; v < THREAD_VECTORS; v++) {
            let w = weights_of(k * 4u * TILE_VECTORS + tx + v * THREADS);
            for (var p = 0u; p < THREAD_PIXELS; p++) {
                (*sums)[v * THREAD_PIXELS + p] += w * x[p];
            }
        }
    }
}

// Fetches the weights of the stage that begins at `start`. Past the end of the contraction x is
// zero and any weight does.
fn fetch_weights(own: PixelClass, local: u32, start: u32, depth: u32, first_co4: u32) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let row = min(start + local / TILE_VECTORS, depth - 1u);
    let column = min(first_co4 + local % TILE_VECTORS, out_channels4 - 1u);
    let tap = tap_of(own, row / params.in_channels4);
    let w = weight_tile(tap, row % params.in_channels4, column, out_channels4);
    for (var i = 0u; i < 4u; i++) {
        w_tile[(local / TILE_VECTORS * 4u + i) * TILE_VECTORS + local % TILE_VECTORS] = w[i];
    }
}

@compute @workgroup_size(THREADS * THREADS)
fn conv(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let fetched_k = local % STAGE;
    let fetched_pixel = local / STAGE;
    let tx = local % THREADS;
    let ty = local / THREADS;
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let pixels = class_pixels();
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = group.y * 65535u + group.x;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let own = pixel_class(tile / pixel_tiles % class_count());
    let first_co4 = tile / pixel_tiles / class_count() * TILE_VECTORS;

    var corner: array<vec3<u32>, FETCHES>;
    for (var f = 0u; f < FETCHES; f++) {
        corner[f] = corner_of(own, min(first + fetched_pixel + f * PIXELS_A_FETCH, pixels - 1u));
    }
    var sums: array<vec4<f32>, THREAD_PIXELS * THREAD_VECTORS>;
    let depth = own.taps * params.in_channels4;
    for (var start = 0u; start < depth; start += STAGE) {
        let k4 = start + fetched_k;
        for (var f = 0u; f < FETCHES; f++) {
            let source = source_of(own, corner[f], k4 / params.in_channels4);
            let inside = k4 < depth && source.inside;
            let pixel = select(0u, source.pixel, inside);
            let at = params.input_offset + pixel * params.input_stride + k4 % params.in_channels4;
            let value = select(vec4(0.0), input_vector(at), inside);
            x_tile[fetched_k * TILE_PIXELS + fetched_pixel + f * PIXELS_A_FETCH] = value;
        }
        if local < STAGE * TILE_VECTORS {
            fetch_weights(own, local, start, depth, first_co4);
        }
        workgroupBarrier();
        multiply(tx, ty, &sums);
        workgroupBarrier();
    }
    for (var p = 0u; p < THREAD_PIXELS; p++) {
        let place = place_of(own, first + ty + p * THREADS);
        for (var v = 0u; v < THREAD_VECTORS; v++) {
            let co4 = first_co4 + tx + v * THREADS;
            if place.exists && co4 < out_channels4 {
                store(place.pixel, co4, sums[v * THREAD_PIXELS + p]);
            }
        }
    }
}
