//! Tests that need several files of this floor, and what several tests of it share.

#![allow(clippy::unwrap_used, clippy::panic)]

mod animation;
mod background;
mod colour_space;
mod dark;
mod density;
mod folders;
mod fuzz;
mod geo_tags;
mod head;
mod in_memory;
mod jpeg;
mod marked_nodata;
mod max_pixels;
#[path = "../../../tests/fuzz/memory.rs"]
mod memory;
mod names;
pub mod noise;
pub mod open_exr;
pub mod orientation;
mod pnm;
mod raw_files;
mod raw_tiff;
mod reading_memory;
mod subfolders;
mod tiff_corpus;
mod tiff_kinds;
mod tiff_reader;
mod tiff_rows;
pub mod tiff_samples;
mod values;
mod white_zero;

use super::dataset::Dataset;
use super::pair_source::PairSource;
use super::preprocess::DataOptions;
use super::split::Split;
use image::ImageFormat;
use noise::noise_pair;
use std::path::Path;

/// What the `image` crate writes as well as reads, as far as it is read here.
const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
];

/// So many pairs of noise in memory, of 4 x 4 pixels, for training and for validation.
pub fn noise_in_memory(train: u32, val: u32) -> Dataset {
    let pairs = |(split, count): (Split, u32)| {
        let pair = |index| PairSource::Memory {
            name: format!("{split}-{index}"),
            image: noise_pair([index, train], (8, 4)).into(),
        };
        (split, (0..count).map(pair).collect())
    };
    let splits = [(Split::Train, train), (Split::Val, val)].map(pairs);
    Dataset::from_pairs(Path::new("noise"), splits.into(), &DataOptions::new(4)).unwrap()
}
