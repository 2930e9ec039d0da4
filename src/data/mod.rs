//! Floor 6: pairs of images, found on disk, decoded, resized, jittered and handed to training in
//! batches.
//!
//! From the file to the batch, one file for each idea:
//!
//! | module | idea |
//! |---|---|
//! | [`depth`] | 8 or 16 bits a sample, and the layout of a picture |
//! | [`picture`] | a picture in memory: any number of channels |
//! | `convert` | pictures from the `image` crate's and back |
//! | [`pixels`] | what the channels of an image mean: grey, RGB, RGBA, parts of Lab, labels |
//! | [`background`] | the colour behind pictures that let something through |
//! | [`lab`] | CIE Lab |
//! | `colour`, [`palette`] | the colours of label maps, and the numbers that stand for them |
//! | [`limits`] | which files are accepted as images |
//! | [`read_options`] | how a caller wants files to be read |
//! | [`values`] | what the numbers in files mean: value ranges, missing values |
//! | [`measure`] | value ranges that are measured on a data set |
//! | [`read`] | one file to a picture |
//! | [`read_tally`] | what is told of the files that were read |
//! | `jpeg` | which JPEG files are decoded |
//! | `open_exr` | OpenEXR files |
//! | `chunks` | the chunks of PNG and WebP files |
//! | `icc` | what a colour profile says |
//! | `colour_space` | whether a file says that its colours are not sRGB |
//! | `animation` | whether a file holds more pictures than the first |
//! | `orientation` | how a file says that its picture is turned |
//! | [`frames`] | a stream of pictures, such as a video's frames |
//! | `foreign` | formats that are known by their first bytes and not read |
//! | [`listing`] | the images of a folder |
//! | [`archive`] | the files of a ZIP archive, in memory |
//! | [`geo_tags`] | where a picture lies on Earth |
//! | [`density`] | pixels of an inch, as files say it |
//! | `sidecars` | files beside an image that say more of it |
//! | [`split`] | the parts of a dataset and the sides of a pair |
//! | [`pair_source`] | one pair: where it comes from, and how it is read |
//! | [`scan`] | what was understood of a dataset folder, and what was left over |
//! | [`found`] | the pairs of a split as they were found, and how |
//! | [`remark`] | what is told of a dataset folder |
//! | `folders` | how folders and files of a data set are called |
//! | [`affix`] | what stands before or behind the names of one side |
//! | [`matching`] | which files of several folders belong together |
//! | `named_pairs` | pairs in one folder by their names |
//! | `copies` | held-out pairs that are training pairs as well |
//! | `subfolders` | what the folders in a folder of images say |
//! | `shapes` | whether images look like pairs side by side |
//! | [`pairs`] | which files of a dataset folder make a pair, in which order, for which split |
//! | [`preprocess`] | how pairs are prepared: resized, scaled or as they are, before the crop |
//! | [`mod@resize`] | bicubic resampling, equal to the reference's bit for bit |
//! | [`augment`] | the jitter (crop and mirror), and bytes to floats |
//! | [`random`] | counter-based random numbers: a draw is a function of (seed, stream, index) |
//! | [`pair_set`] | the decoded pairs of one split, in memory when they fit |
//! | [`dataset`] | all splits of a folder |
//! | [`batch`] | the pairs of one step, as numbers |
//! | [`batch_sampler`] | which pairs, with which jitter, make the batch of step `t` |
//! | [`loader`] | the next batches, which threads prepare while the device works |
//! | [`write`](mod@write) | a picture to a file, from its first row on |
//! | [`bundled`] | the pairs that travel inside the binary |
//! | [`rows`] | the rows of one file in order, some at a time |
//! | [`windows`], [`spill_file`] | windows onto an input of any size, with its rows in a file |
//! | `parallel` | one piece of work on many items, on several threads |
//! | [`tools`] | making data sets: pairs, splits, edges, label maps |
//!
//! Pixels are NHWC with tightly packed channels; values are -1..1 as floats.

pub mod affix;
mod animation;
pub mod archive;
pub mod augment;
pub mod background;
pub mod batch;
pub mod batch_sampler;
pub mod bundled;
mod chunks;
mod colour;
mod colour_space;
mod convert;
mod copies;
pub mod dataset;
pub mod density;
pub mod depth;
pub mod error;
mod folders;
mod foreign;
pub mod found;
pub mod frames;
pub mod geo_tags;
pub mod halves;
mod head;
mod icc;
mod jpeg;
mod jpeg_head;
pub mod lab;
pub mod limits;
pub mod listing;
pub mod loader;
pub mod matching;
pub mod measure;
mod named_pairs;
mod near_names;
#[cfg(feature = "formats")]
mod open_exr;
mod orientation;
pub mod pair_set;
pub mod pair_source;
pub mod pairs;
pub mod palette;
mod parallel;
mod patched;
pub mod picture;
pub mod pixels;
mod png;
#[cfg(feature = "formats")]
mod pnm;
pub mod preprocess;
pub mod random;
pub mod read;
pub mod read_options;
pub mod read_tally;
pub mod remark;
pub mod resize;
pub mod rows;
pub mod scan;
mod shapes;
mod sidecars;
pub mod spill_file;
pub mod split;
mod subfolders;
#[cfg(test)]
mod tests;
mod tiff;
mod tiff_head;
mod tiff_layout;
mod tiff_palette;
mod tiff_planes;
mod tiff_reader;
mod tiff_rows;
mod tiff_samples;
mod too_large;
pub mod tools;
pub mod values;
pub mod windows;
pub mod write;

pub use archive::{ArchiveError, ArchiveLimits, open_zip};
pub use augment::{Jitter, preprocess_pair, to_unit};
pub use background::Background;
pub use batch::{Batch, Sample};
pub use dataset::Dataset;
pub use density::Density;
pub use depth::{Depth, PictureLayout};
pub use error::{DataError, FrameError, OpenExrError, PairingError};
pub use frames::{Frame, FrameReader};
pub use geo_tags::{GeoTags, place_remarks, place_remarks_of_pngs};
pub use halves::{Combined, Half};
pub use limits::SizeLimit;
pub use listing::{Listed, has_image_name, list_images};
pub use loader::{Loader, LoaderOptions};
pub use measure::{MeasuredRange, Side, SuspectMark, training_range};
pub use pair_set::{PairSet, fnv1a};
pub use pair_source::{PairSource, check_sizes};
pub use palette::{NamedPalette, Palette};
pub use parallel::in_parallel;
pub use picture::{Images, Picture};
pub use pixels::{Pixels, PixelsError};
pub use png::encode_png;
pub use preprocess::{DataOptions, Preprocess, default_load_size};
pub use read::{decode, decode_counted, read_palette_file, read_picture, read_rgb};
pub use read_options::{PairReading, ReadOptions};
pub use read_tally::ReadTally;
pub use resize::{resize, resize_by_opacity, resize_nearest};
pub use rows::{RowReader, is_png_of_rows, is_turned};
pub use scan::{Scan, Wanted};
pub use sidecars::sidecar_remark;
pub use spill_file::SpillFile;
pub use split::{Direction, Split};
pub use tools::ToolError;
pub use values::{AskedRange, RangeError, ValueError, ValueMapping, ValueRange};
pub use windows::Windows;
pub use write::{Encoding, Floats, Format, Quality, RowWriter};
