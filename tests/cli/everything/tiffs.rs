//! TIFFs of every kind, and maps.

use super::{compare, plain};
use crate::formats::{geo, tiffs};
use crate::{generator, run, stderr, stdout, temporary};
use std::fs::{self, File};
use std::path::Path;
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::{Gray8, Gray16, Gray32Float};
use tiff::tags::Tag;

/// A TIFF of floats with one more tag.
fn floats(path: &Path, tag: Tag, value: impl tiff::encoder::TiffValue) {
    let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    let mut image = encoder.new_image::<Gray32Float>(40, 36).unwrap();
    image.encoder().write_tag(tag, value).unwrap();
    image.write_data(&[0.5; 40 * 36]).unwrap();
}

/// Files of every kind in `in`.
fn kinds(folder: &Path) {
    fs::create_dir(folder).unwrap();
    tiffs(folder);
    geo(&folder.join("field.tif"), 40, 36);
    fs::write(folder.join("deep.tfw"), "").unwrap();
    floats(&folder.join("lerc.tif"), Tag::Compression, 34_887u16);
    floats(&folder.join("nodata.tif"), Tag::GdalNodata, "0.5");
    let mut encoder = TiffEncoder::new(File::create(folder.join("pages.tif")).unwrap()).unwrap();
    for _ in 0..2 {
        encoder.write_image::<Gray8>(2, 1, &[5, 6]).unwrap();
    }
    let mut encoder = TiffEncoder::new(File::create(folder.join("counts.tif")).unwrap()).unwrap();
    encoder.write_image::<Gray16>(2, 1, &[3, 900]).unwrap();
}

/// What is told of them by each command.
const KINDS: [&str; 9] = [
    "note: files that are no images by their ending and are not read: 1, such as in/deep.tfw",
    "note: world files and .aux.xml files beside images, which are not copied: 1, such as \
     in/deep.tfw; a copy of a world file places a result of the same size",
    "error: in/bands.tif: has 5 channels, which are not all colours; ",
    "error: in/lerc.tif: is not an image that can be read here (it is compressed by LERC; LZW, \
     Deflate and PackBits are read); write it again with Deflate or no compression, which keeps \
     floats and a place on Earth (gdal_translate -co COMPRESS=DEFLATE), or leave it out",
    "error: in/pages.tif: holds several pages; save each as a file of its own, ",
    "error: in/signed.tif: its numbers have a sign, between -5 and 7: scale them to 8 or 16 bits \
     without, or say which numbers are black and white: --value-range LO..HI",
    "error: 4 of 12 files failed as listed; the others are done",
    "note: images that call a number no data (GDAL_NODATA), which is a colour like the others \
     without a value range: 1, such as in/nodata.tif (0.5)",
    "note: images that are nearly black in every pixel: ",
];

#[test]
fn tiffs_of_every_kind_are_told() {
    let folder = temporary();
    let root = folder.path();
    kinds(&root.join("in"));
    let made = run(root, "prepare grayscale in --out gray");
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    let place = "note: images with a place on Earth (GeoTIFF) that the PNGs made of them do not \
                 have: 1, such as in/field.tif";
    let lines = [&KINDS[..], &[place]].concat();
    compare(&plain(&stderr(&made), root), &lines);

    // A result of the same format has the place.
    let line = format!(
        "translate in --model '{}' --format tiff --out out",
        generator()
    );
    let made = run(root, &line);
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert_eq!(stdout(&made).lines().count(), 8);
    let wide = "note: 7 of 12 images are twice as wide as high, such as in/big.tif; ";
    let far = "note: images far from the 32x32 pixels that this model was trained at, which it \
               translates worse: 6, such as in/big.tif (2x1); resize them first: pix2pix prepare \
               resize in --size 32 --fit stretch --out resized";
    let lines = [&KINDS[..], &[wide, far]].concat();
    compare(&plain(&stderr(&made), root), &lines);
}
