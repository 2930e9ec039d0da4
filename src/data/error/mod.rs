//! The errors of datasets, image files and loaders.

use std::io;
use std::path::PathBuf;

use crate::data::colour::{Colour, hex};
use crate::data::limits::{EXTENSIONS, SizeLimit};
use crate::data::split::Split;
use crate::data::tools::error::ToolError;
use crate::data::values::error::ValueError;
pub use frame::FrameError;
pub use open_exr::OpenExrError;
pub use pairing::PairingError;
pub(in crate::data) use words::{AS_PICTURE, AS_RGB, AS_TIFF, SAME_NAME};
use words::{list_errors, of_files, or_more_pixels, or_opacity, others_unpaired, scratch_words};

mod frame;
mod open_exr;
mod pairing;
mod words;

/// An error of the data floor: what was being done, the file or the sizes, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The path of a dataset, or of an image to translate, does not exist.
    #[error("{}: no such file or folder; check the path", path.display())]
    NotFound {
        /// The missing path.
        path: PathBuf,
    },
    /// The library carries no pairs.
    #[error(
        "this program carries no bundled pairs; name a folder of pairs, or build it with the \
         feature assets"
    )]
    NotCarried,
    /// A dataset must be a folder.
    #[error(
        "{}: is not a folder; a dataset is a folder with train/ (and val/, test/) of images",
        path.display()
    )]
    NotAFolder {
        /// The path that is something else.
        path: PathBuf,
    },
    /// A folder could not be listed.
    #[error("{}: cannot read this folder ({source}); check its permissions", path.display())]
    ReadFolder {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A folder holds no file with an image's extension.
    #[error(
        "{}: no images in this folder{} (known endings: {}); put some there, or name another \
         folder",
        path.display(), of_files(others), EXTENSIONS.join(", ")
    )]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// Files that are there.
        others: Vec<PathBuf>,
    },
    /// A dataset lacks a split that the caller needs.
    #[error(
        "{}: the dataset has no {split} pairs; add a {split}/ folder of images",
        root.display()
    )]
    MissingSplit {
        /// The dataset.
        root: PathBuf,
        /// The split that was asked for.
        split: Split,
    },
    /// One of the two folders `A/` and `B/` is there, the other is not.
    #[error(
        "{}: is missing, but {} is there; pairs need both folders",
        missing.display(), present.display()
    )]
    MissingHalf {
        /// The folder that is there.
        present: PathBuf,
        /// The folder that should be.
        missing: PathBuf,
    },
    /// Neither of the two folders of a pair is there.
    #[error("{} and {}: no such folders; check both paths", a.display(), b.display())]
    BothMissing {
        /// The folder of one side.
        a: PathBuf,
        /// That of the other side.
        b: PathBuf,
    },
    /// A file of `A/` has no partner in `B/`, or the other way round.
    #[error(
        "{}: no image with the same name in {}{}; add it there, or move this file elsewhere",
        path.display(), folder.display(), others_unpaired(*count)
    )]
    Unpaired {
        /// The first file without a partner.
        path: PathBuf,
        /// Where its partner was looked for.
        folder: PathBuf,
        /// How many files of all folders have no partner.
        count: usize,
    },
    /// Two files of one folder differ in the ending only, or in how accents are written, so that
    /// the pairing by name is ambiguous.
    #[error("{} and {}: {words}", first.display(), second.display())]
    SameName {
        /// The first of the two.
        first: PathBuf,
        /// The second of the two.
        second: PathBuf,
        /// What is the same, and what to do.
        words: &'static str,
    },
    /// It is not clear which images make a pair.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// A file could not be read.
    #[error(
        "{}: cannot read this file ({source}); check that it exists and its permissions",
        path.display()
    )]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file has no bytes.
    #[error("{}: is empty (0 bytes); replace it or leave it out", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// The content of a file is in no image format that can be read here.
    #[error(
        "{}: is not an image that can be read here ({reason}); {remedy}, or leave it out",
        path.display()
    )]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
        /// How to get a file that is read, and keep what this one holds.
        remedy: &'static str,
    },
    /// An OpenEXR file that cannot be read here.
    #[error(transparent)]
    OpenExr(#[from] OpenExrError),
    /// The content starts as an image but is cut short or damaged.
    #[error("{}: is truncated or damaged ({reason}); replace it or leave it out", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// A TIFF or a Netpbm file with more than one picture.
    #[error(
        "{}: holds several pages; save each as a file of its own, and use `stack` where they \
         belong together",
        path.display()
    )]
    Pages {
        /// The file.
        path: PathBuf,
    },
    /// A picture of more channels than colours have.
    #[error(
        "{}: has {channels} channels, which are not all colours; train with `input` or `output` \
         channels{}, or convert it to RGB",
        path.display(), or_opacity(*channels)
    )]
    NoColours {
        /// The file.
        path: PathBuf,
        /// Its channels.
        channels: usize,
    },
    /// A picture of another number of channels than the network.
    #[error(
        "{}: has {found} channels where there are {channels} in the model or the first image; \
         convert it or leave it out",
        path.display()
    )]
    Channels {
        /// The file.
        path: PathBuf,
        /// Its channels.
        found: usize,
        /// Those that there should be.
        channels: usize,
    },
    /// An image would need more memory than a picture should.
    #[error(
        "{}: is too large ({reason}); the limit is {limit}: shrink it, or {}",
        path.display(), or_more_pixels(*needed)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What exceeds the limit.
        reason: String,
        /// The limit.
        limit: SizeLimit,
        /// The number of pixels that it would take, if that is known.
        needed: Option<u64>,
    },
    /// Rows of pixels could not be kept in a temporary file.
    #[error(
        "{}: rows of pixels cannot be kept in a temporary file there: {source}; {}",
        folder.display(), scratch_words(source)
    )]
    SpillFile {
        /// Where the file is.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Bytes of a stream that are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A combined A|B image cannot be cut into two equal halves.
    #[error(
        "{}: is {width} pixels wide; a combined A|B image needs an even width of at least 2: use \
         A/ and B/ folders or fix the image",
        path.display()
    )]
    OddWidth {
        /// The combined image.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
    },
    /// A folder that is to be split is split already.
    #[error(
        "{}: is there, so this data set is split already; name a folder of pairs",
        path.display()
    )]
    IsSplit {
        /// The folder of a split.
        path: PathBuf,
    },
    /// A side of a pair has another number of images than the network.
    #[error(
        "{}: is one image where {images} are stacked; put them into folders A, A2, .. (or B, B2, \
         ..), files of the same name",
        path.display()
    )]
    Stack {
        /// The image.
        path: PathBuf,
        /// How many there should be.
        images: usize,
    },
    /// Colours are to be learned from an image that has none.
    #[error(
        "{}: is grey; `output` lab-ab learns from colours: replace it or leave it out",
        path.display()
    )]
    Colourless {
        /// The image.
        path: PathBuf,
    },
    /// A label map has a colour that its palette lacks.
    #[error(
        "{}: the pixel at ({}, {}) is #{}, which the palette lacks; the nearest there is #{}; add \
         a line #{} to the palette or repaint the pixel",
        path.display(), at[0], at[1], hex(*colour), hex(*nearest), hex(*colour)
    )]
    UnknownColour {
        /// The label map.
        path: PathBuf,
        /// The colour, in samples of 16 bits.
        colour: Colour,
        /// The nearest colour of the palette.
        nearest: Colour,
        /// Column and row.
        at: [u32; 2],
    },
    /// Label maps have more colours than a byte can number.
    #[error(
        "{}: with it there are more than {most} colours, so it is no label map, or saved with \
         losses; leave it out or name a `palette`",
        path.display()
    )]
    TooManyColours {
        /// The image whose colours are too many beside those of the others.
        path: PathBuf,
        /// How many labels there can be.
        most: usize,
    },
    /// Several files cannot be used.
    #[error("{}", list_errors(errors))]
    Unusable {
        /// What is wrong with each, in the order of the pairs; at least two.
        errors: Vec<DataError>,
    },
    /// The sizes asked for contradict each other.
    #[error(
        "size {size} with load size {load_size}: need 1 <= size <= load size <= {max_side}; \
         change one of the two"
    )]
    Sizes {
        /// Side of the crop that the networks see, in pixels.
        size: u32,
        /// Side that images are resized to before the crop, in pixels.
        load_size: u32,
        /// The largest load size that is accepted.
        max_side: u32,
    },
    /// A picture is smaller than the crop that the networks see.
    #[error(
        "{}: holds no crop of {size}x{size}, its pictures are {width}x{height}; use a smaller \
         `size`, `preprocess` scale-width-and-crop or larger images",
        path.display()
    )]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Width of the picture, in pixels.
        width: u32,
        /// Its height.
        height: u32,
        /// Side of the crop.
        size: u32,
    },
    /// A picture so narrow that scaling its width makes it taller than any file may be.
    #[error(
        "{}: {width}x{height} pixels would be {scaled} high at a width of {load_size}, the limit \
         is {max_side}; cut the image or use `preprocess` resize-and-crop",
        path.display()
    )]
    TooTall {
        /// The file.
        path: PathBuf,
        /// Width of the picture, in pixels.
        width: u32,
        /// Its height.
        height: u32,
        /// The width that it is scaled to.
        load_size: u32,
        /// The height that it would have then.
        scaled: u32,
        /// The largest height that is accepted.
        max_side: u32,
    },
    /// A crop window reaches beyond its image.
    #[error(
        "crop of {}x{} at ({crop_x}, {crop_y}) leaves the image of {width}x{height}; move or \
         shrink the crop",
        window.0, window.1
    )]
    CropOutside {
        /// Width of the image, in pixels.
        width: u32,
        /// Its height.
        height: u32,
        /// Width and height of the crop, in pixels.
        window: (u32, u32),
        /// Left edge of the crop.
        crop_x: u32,
        /// Top edge of the crop.
        crop_y: u32,
    },
    /// A picture is read again and has another size than when its folder was opened.
    #[error(
        "{name}: is {}x{} pixels as the networks see it, and was {}x{} when training began; put \
         it back, or start again",
        now.0, now.1, then.0, then.1
    )]
    Resized {
        /// The pair.
        name: String,
        /// Width and height that it had.
        then: (u32, u32),
        /// Those that it has.
        now: (u32, u32),
    },
    /// Whole pictures of different sizes in one batch.
    #[error(
        "a batch of {}x{} pixels cannot take a picture of {}x{}; use `batch_size` 1, or \
         `preprocess` crop",
        batch.0, batch.1, picture.0, picture.1
    )]
    MixedBatch {
        /// Width and height of the batch.
        batch: (u32, u32),
        /// Those of the picture.
        picture: (u32, u32),
    },
    /// An index beyond the end of a split.
    #[error(
        "pair {index} was asked for, but the {split} split has {pairs}; ask for a smaller index"
    )]
    NoSuchPair {
        /// The split.
        split: Split,
        /// The index that was asked for, from 0.
        index: usize,
        /// How many pairs there are.
        pairs: usize,
    },
    /// A batch size of zero, or one that is larger than the number of pairs.
    #[error(
        "batch size {batch_size} with {pairs} {split} pairs: need between 1 and {pairs}; change \
         `batch_size` or add pairs"
    )]
    BatchSize {
        /// The batch size asked for.
        batch_size: usize,
        /// The split that batches are drawn from.
        split: Split,
        /// How many pairs it has.
        pairs: usize,
    },
    /// A tool that makes images is asked for something out of its range.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// Numbers that no picture can show.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A thread could not be started.
    #[error("cannot start a data thread ({source}); lower the number of threads or free memory")]
    Spawn {
        /// What the operating system says.
        source: io::Error,
    },
    /// A loader was asked for more after it had failed.
    #[error(
        "the data loader stopped at step {step} after an earlier error; fix that one and resume \
         from the last checkpoint"
    )]
    Stopped {
        /// The step whose batch was asked for.
        step: u64,
    },
}
