// The gather of conv_transpose2d: output pixel (oy, ox) meets input pixel (iy, ix) under the taps
// (ky, kx) with oy + padding - ky = iy*stride and ox + padding - kx = ix*stride.
//
//   So only each stride-th tap meets a pixel, and which ones is a matter of oy % stride and
//   ox % stride. Output pixels with the same remainders form a class: they share their taps, 2 x 2
//   of them for a kernel of 4 and a stride of 2.
// parts: gather

// Output pixels that share their taps.
struct PixelClass {
    pixels: u32,
    rows: u32, // of an image
    columns: u32,
    y: u32, // remainders of oy and ox by the stride
    x: u32,
    first_ky: u32, // of their taps; then each stride-th
    first_kx: u32,
    taps_x: u32, // in a row of the kernel
    taps: u32,
}

fn class_count() -> u32 {
    return stride() * stride();
}

// Rows and columns of class (0, 0), the largest. Every class gets this many; places that a class
// does not have are skipped.
fn class_rows() -> u32 {
    return (params.out_height + stride() - 1u) / stride();
}

fn class_columns() -> u32 {
    return (params.out_width + stride() - 1u) / stride();
}

// Output pixels of a class.
fn class_pixels() -> u32 {
    return params.batch * class_rows() * class_columns();
}

fn pixel_class(number: u32) -> PixelClass {
    var own: PixelClass;
    own.pixels = class_pixels();
    own.rows = class_rows();
    own.columns = class_columns();
    own.y = number / stride();
    own.x = number % stride();
    own.first_ky = (own.y + params.padding) % stride();
    own.first_kx = (own.x + params.padding) % stride();
    own.taps_x = (KERNEL - own.first_kx + stride() - 1u) / stride();
    own.taps = (KERNEL - own.first_ky + stride() - 1u) / stride() * own.taps_x;
    return own;
}

fn corner_of(own: PixelClass, pixel: u32) -> vec3<u32> {
    let image = pixel / own.columns / own.rows * params.in_height;
    let bottom = pixel / own.columns % own.rows + (own.y + params.padding) / stride();
    let right = pixel % own.columns + (own.x + params.padding) / stride();
    return vec3(right, bottom, image);
}

// What tap number `t` of the class meets: the next tap meets the column before, or the row above.
fn source_of(own: PixelClass, corner: vec3<u32>, t: u32) -> InputPixel {
    return source_at(corner.z, corner.y - t / own.taps_x, corner.x - t % own.taps_x);
}

// The place of tap number `t` of the class in the kernel.
fn tap_of(own: PixelClass, t: u32) -> u32 {
    let ky = own.first_ky + t / own.taps_x * stride();
    return ky * KERNEL + own.first_kx + t % own.taps_x * stride();
}

fn place_of(own: PixelClass, pixel: u32) -> OutputPixel {
    let oy = pixel / own.columns % own.rows * stride() + own.y;
    let ox = pixel % own.columns * stride() + own.x;
    let exists = pixel < own.pixels && oy < params.out_height && ox < params.out_width;
    let image = pixel / own.columns / own.rows;
    return OutputPixel(exists, (image * params.out_height + oy) * params.out_width + ox);
}
