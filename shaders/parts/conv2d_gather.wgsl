// The gather of conv2d: output pixel (oy, ox) meets input pixel
// (oy*stride + ky - padding, ox*stride + kx - padding) under tap (ky, kx).
//
//   Every output pixel has all taps, so there is one class.
// parts: gather

// Output pixels that share their taps.
struct PixelClass {
    pixels: u32,
    taps: u32,
}

fn class_count() -> u32 {
    return 1u;
}

// Output pixels of a class.
fn class_pixels() -> u32 {
    return params.batch * params.out_height * params.out_width;
}

fn pixel_class(number: u32) -> PixelClass {
    return PixelClass(class_pixels(), KERNEL * KERNEL);
}

fn corner_of(own: PixelClass, pixel: u32) -> vec3<u32> {
    let image = pixel / params.out_width / params.out_height * params.in_height;
    let top = pixel / params.out_width % params.out_height * stride() - params.padding;
    let left = pixel % params.out_width * stride() - params.padding;
    return vec3(left, top, image);
}

// What tap number `t` of the class meets: the next tap meets the next column or row.
fn source_of(own: PixelClass, corner: vec3<u32>, t: u32) -> InputPixel {
    return source_at(corner.z, corner.y + t / KERNEL, corner.x + t % KERNEL);
}

// The place of tap number `t` of the class in the kernel.
fn tap_of(own: PixelClass, t: u32) -> u32 {
    return t;
}

fn place_of(own: PixelClass, pixel: u32) -> OutputPixel {
    return OutputPixel(pixel < own.pixels, pixel);
}
