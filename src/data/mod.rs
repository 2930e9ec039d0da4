//! Pairs of images: found on disk, decoded, resized, jittered and handed to training in batches.
//!
//! From the file to the batch, one file for each idea:
//!
//! | module | idea |
//! |---|---|
//! | [`picture`] | a picture in memory: any number of channels, 8 or 16 bits a sample |
//! | `convert` | pictures from the `image` crate's and back |
//! | [`pixels`] | what the channels of an image mean: grey, RGB, RGBA, parts of Lab, labels, whatever they are |
//! | [`lab`] | CIE Lab |
//! | [`palette`] | the colours of label maps |
//! | [`read`] | one file to a picture, with limits; which files of a folder are images |
//! | [`split`] | the parts of a dataset and the sides of a pair |
//! | [`pairs`] | which files of a dataset folder make a pair, in which order, for which split |
//! | [`preprocess`] | how pairs are prepared: resized, scaled or as they are, before the crop |
//! | [`mod@resize`] | bicubic resampling, equal to the reference's bit for bit |
//! | [`augment`] | the jitter (crop and mirror), and bytes to floats |
//! | [`random`] | counter-based random numbers: every draw is a pure function of (seed, stream, index) |
//! | [`dataset`] | the decoded pairs of each split, in memory when they fit |
//! | [`schedule`] | which pairs, with which jitter, make the batch of step `t` |
//! | [`loader`] | threads that prepare the next batches while the device works |
//! | [`write`](mod@write) | a picture to a file, from its first row on |
//! | [`bundled`] | the pairs that travel inside the binary |
//! | [`rows`] | the rows of one file in order, some at a time |
//! | [`windows`], [`scratch`] | windows onto an input of any size, whose rows are kept in a file: for tiles |
//! | [`tools`] | making data sets: pairs, splits, edges, label maps |
//!
//! Pixels are NHWC with tightly packed channels; values are -1..1 as floats.

pub mod augment;
pub mod batch_sampler;
pub mod bundled;
mod convert;
pub mod dataset;
pub mod error;
pub mod lab;
pub mod loader;
pub mod pairs;
pub mod palette;
pub mod picture;
pub mod pixels;
pub mod preprocess;
pub mod random;
pub mod read;
pub mod resize;
pub mod rows;
pub mod spill_file;
pub mod split;
mod tiff;
mod tiff_reader;
mod tiff_rows;
pub mod tools;
pub mod windows;
pub mod write;

pub use augment::{Jitter, preprocess_pair, to_unit};
pub use dataset::{Batch, Dataset, PairSet};
pub use error::DataError;
pub use loader::{Loader, LoaderOptions};
pub use palette::Palette;
pub use picture::{Depth, Picture, PictureLayout};
pub use pixels::Pixels;
pub use preprocess::{DataOptions, Preprocess, default_load_size};
pub use read::{list_images, read_picture, read_rgb};
pub use resize::{resize, resize_nearest};
pub use rows::RowReader;
pub use spill_file::SpillFile;
pub use split::{Direction, Split};
pub use windows::Windows;
pub use write::{Format, RowWriter};
