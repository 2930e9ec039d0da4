//! Every field of a configuration with its group, its help, its default and its range. The help of
//! a program, a form or a table is made of these.

use super::{MOST_BATCHES, MOST_PAIRS, MOST_PIXELS};
use crate::nn::{MOST_CHANNELS, PatchGanConfig};

/// What a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What matters first.
    First,
    /// The architecture of both networks.
    Networks,
    /// The losses.
    Objective,
    /// How weights start and move.
    Training,
    /// Memory and speed.
    Resources,
    /// What happens to images before the networks see them.
    Images,
    /// What the channels of images mean.
    Pixels,
    /// What a run writes.
    Run,
    /// How the trained generator is used.
    Use,
}

impl Group {
    /// Its heading; the first group has none of its own.
    pub fn title(self) -> Option<&'static str> {
        match self {
            Self::First => None,
            Self::Networks => Some("How the networks are built"),
            Self::Objective => Some("What is learnt"),
            Self::Training => Some("How it is trained"),
            Self::Resources => Some("Memory and speed"),
            Self::Images => Some("How images are prepared"),
            Self::Pixels => Some("What a pixel is"),
            Self::Run => Some("What a run writes"),
            Self::Use => Some("How the trained generator is used"),
        }
    }
}

/// The values that a field may have, whatever the other fields are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Whole numbers from the first to the second.
    Whole(u64, u64),
    /// Numbers from 0 on.
    FromZero,
    /// Numbers above 0.
    AboveZero,
    /// Numbers from 0 on and below 1.
    Share,
    /// True or false.
    Switch,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// A list with a value for each of these [shorthands](SHORTHANDS).
    Each(&'static [&'static str]),
    /// The value of one of these [shorthands](SHORTHANDS), under its name.
    Either(&'static [&'static str]),
    /// A file or a folder.
    Path,
    /// Any text.
    Text,
}

impl Range {
    /// The shorthands that a value is made of.
    pub fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Each(parts) | Self::Either(parts) => parts,
            _ => &[],
        }
    }
}

/// A field of [`Config`](super::Config), or a [shorthand](SHORTHANDS).
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in `config.json`, with dots.
    pub name: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// What it does. Other fields are named in backticks.
    pub help: &'static str,
    /// Its value in [`Config::default`](super::Config), as JSON.
    pub default: &'static str,
    /// The default in words where it depends on something.
    pub default_words: &'static str,
    /// The values that it may have.
    pub range: Range,
}

const fn field(
    name: &'static str,
    group: Group,
    range: Range,
    default: &'static str,
    default_words: &'static str,
    help: &'static str,
) -> Field {
    Field {
        name,
        group,
        help,
        default,
        default_words,
        range,
    }
}

/// The field or shorthand of that name.
pub fn find(name: &str) -> Option<&'static Field> {
    FIELDS
        .iter()
        .chain(SHORTHANDS)
        .find(|field| field.name == name)
}

use Group::{First, Images, Networks, Objective, Pixels, Resources, Run, Training, Use};
use Range::{AboveZero, Each, Either, FromZero, OneOf, Path, Share, Switch, Text, Whole};

const KINDS: Range = OneOf(&[
    "gray", "rgb", "rgba", "lab-l", "lab-ab", "labels", "channels",
]);

/// Fields that a run may be told anew when it goes on. Its start has decided all others.
pub const CHANGED_ON_RESUME: &[&str] = &["dataset", "adapter", "learning_rate"];

/// All fields of [`Config`](super::Config), in its order.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("dataset", First, Path, "null", "the bundled pairs",
        "Folder with train/ (and val/, test/) of combined A|B images, or of A/ and B/ folders paired by file name"),
    field("adapter", First, Text, "null", "the fastest kind", "Adapter by index or part of its name"),
    field("direction", First, OneOf(&["AtoB", "BtoA"]), "\"AtoB\"", "", "Which half of a pair is the input"),
    field("input", Pixels, KINDS, "\"rgb\"", "",
        "What input images are converted to; with lab-l to lab-ab every photo of the data set is a pair of its own"),
    field("output", Pixels, KINDS, "\"rgb\"", "", "What the generator paints"),
    field("size", First, Whole(32, MOST_PIXELS as u64), "256", "256; training on the bundled pairs: 64",
        "Height and width of the images in pixels: a multiple of 32; of 2^N where `num_downs` is N; of 4 with a ResNet"),
    field("fit", Networks, OneOf(&["pad", "crop"]), "\"pad\"", "only multiples are taken; translated images of other sizes are padded",
        "Allow other sizes, and how they go through the generator"),
    field("preprocess", Images, OneOf(&["resize-and-crop", "crop", "scale-width-and-crop", "scale-width", "none"]),
        "\"resize-and-crop\"", "",
        "How images are brought to `size`. Training takes crops at random; sample grids and scores take the \
         middle. With scale-width and none, images keep sizes of their own"),
    field("load_size", Images, Whole(32, MOST_PIXELS as u64), "286", "286/256 of `size`; with scale-width 256, for the bundled pairs 64",
        "Training images are resized to this and cropped to `size` at random. Give both the same value to \
         switch that off. With `preprocess` scale-width it is the width"),
    field("mirror", Images, Switch, "true", "", "Half of the training images are mirrored"),
    field("ngf", Networks, Whole(1, MOST_CHANNELS as u64), "64", "64; training on the bundled pairs: 16",
        "Channels of the generator's first convolution"),
    field("ndf", Networks, Whole(1, MOST_CHANNELS as u64), "64", "as `ngf`", "Channels of the discriminator's first convolution"),
    field("num_downs", Networks, Whole(2, 16), "8", "down to 1×1 pixel, at most 8",
        "How often unet and encoder-decoder halve the image"),
    field("d_layers", Networks, Whole(0, PatchGanConfig::MOST_LAYERS as u64), "3", "",
        "Strided convolutions of the discriminator; 0 rates each pixel alone"),
    field("norm", Networks, OneOf(&["batch", "instance", "none"]), "\"batch\"", "", "Normalisation of both networks"),
    field("architecture", First, OneOf(&["unet", "encoder-decoder", "resnet9", "resnet6"]), "\"unet\"", "",
        "The generator's architecture"),
    field("upsample", Networks, OneOf(&["deconv", "nearest", "bilinear"]), "\"deconv\"", "",
        "How the generator doubles its maps. With nearest and bilinear no checkerboard shows"),
    field("dropout", Networks, Switch, "true", "", "Dropout in the generator"),
    field("dropout_at", Networks, OneOf(&["pytorch", "torch"]), "\"pytorch\"", "",
        "Which blocks of unet and encoder-decoder have dropout: those of the PyTorch code or those of the Lua Torch code"),
    field("test.norm", Use, OneOf(&["image", "batch", "running"]), "\"image\"", "",
        "Where batch norm takes its statistics from in sample grids, scores and translation"),
    field("test.dropout", Use, Switch, "false", "", "Leave dropout on in sample grids, scores and translation: every seed gives another result"),
    field("precision", Resources, OneOf(&["f32", "f16"]), "\"f32\"", "",
        "How weights, activations and gradients are stored; with f16 losses are scaled so that gradients do not vanish"),
    field("batch_size", First, Whole(1, MOST_PAIRS as u64), "1", "", "Pairs of a step"),
    field("recompute", Resources, Switch, "false", "",
        "Compute values again for the backward pass instead of keeping them: less memory, a little slower, the same result"),
    field("length", First, Either(&["epochs", "steps"]), "{\"epochs\":200}", "200 epochs; for the bundled pairs 2800 steps", "How long the run is"),
    field("learning_rate", First, FromZero, "0.0002", "", "Learning rate at the start"),
    field("objective.gan_loss", Objective, OneOf(&["vanilla", "lsgan", "hinge", "wgangp"]), "\"vanilla\"", "", "The adversarial loss"),
    field("objective.lambda_gp", Objective, FromZero, "10.0", "",
        "Weight of the gradient penalty of `objective.gan_loss` wgangp; 0 for none, as the reference trains pix2pix"),
    field("objective.lambda_gan", Objective, FromZero, "1.0", "", "Weight of the adversarial loss"),
    field("objective.distance", Objective, OneOf(&["l1", "l2"]), "\"l1\"", "", "The distance to the target"),
    field("objective.lambda_l1", Objective, FromZero, "100.0", "", "Weight of the distance to the target"),
    field("objective.conditional", Objective, Switch, "true", "",
        "The discriminator sees the input image beside the output, and not the output alone"),
    field("objective.order", Objective, OneOf(&["pytorch", "torch"]), "\"pytorch\"", "",
        "In which order the networks learn: that of the PyTorch code or that of the Lua Torch code"),
    field("objective.betas", Training, Each(&["beta1", "beta2"]), "[0.5,0.999]", "", "Decay rates of Adam's moments"),
    field("recipe.schedule", Training, OneOf(&["linear", "cosine", "step", "plateau", "constant"]), "\"linear\"", "",
        "How the learning rate changes"),
    field("recipe.init", Training, OneOf(&["normal", "xavier", "kaiming", "orthogonal"]), "\"normal\"", "",
        "How the weights of convolutions start"),
    field("recipe.init_gain", Training, AboveZero, "0.02", "",
        "Gain of `recipe.init`. The weights of batch norm start around 1 with this standard deviation"),
    field("recipe.optimizer", Training, OneOf(&["adam", "sgd"]), "\"adam\"", "", "What moves the weights by their gradients"),
    field("recipe.pool", Training, Whole(0, MOST_PAIRS as u64), "0", "",
        "Keep so many older fakes, which the discriminator may see again in place of new ones"),
    field("recipe.accumulate", Training, Whole(1, MOST_BATCHES as u64), "1", "",
        "Batches of one update, which uses their mean gradient. This takes less memory than one large batch"),
    field("recipe.ema", Training, Share, "null", "",
        "Keep a moving average of the generator's weights. This share of it stays in each step, for example 0.999. \
         Translation uses the average."),
    field("recipe.pretrained", Training, Path, "null", "",
        "Start from the generator of a run folder, a weight file, a checkpoint or a .pth file of the PyTorch code, with a fresh optimiser"),
    field("recipe.pretrained_discriminator", Training, Path, "null", "", "Start from a discriminator as well"),
    field("seed", First, Whole(0, u64::MAX), "0", "", "Seed of everything random"),
    field("sample_every", Run, Whole(1, u64::MAX), "1000", "a tenth of the run; an epoch with `recipe.schedule` plateau",
        "Steps from one sample grid and held-out score to the next"),
    field("checkpoint_every", Run, Whole(1, u64::MAX), "1000", "a tenth of the run",
        "Steps from one checkpoint to the next"),
];

/// What can be asked for in place of a field, or is a part of one. See
/// [`Settings`](super::Settings).
#[rustfmt::skip]
pub const SHORTHANDS: &[Field] = &[
    field("objective", First, OneOf(&["l1", "gan", "cgan", "l1+gan", "l1+cgan"]), "\"l1+cgan\"", "",
        "Which losses, by the paper's names"),
    field("epochs", First, Whole(1, u64::MAX), "200", "", "Passes over the training pairs"),
    field("steps", First, Whole(1, u64::MAX), "null", "for the bundled pairs: 2800", "Length in steps instead of epochs"),
    field("patch", Networks, Whole(1, 286), "70", "",
        "The discriminator by the side of its patches: 1, 16, 34, 70, 142 or 286 pixels"),
    field("lr_step", Training, Whole(1, u64::MAX), "50", "", "Epochs from one drop of `recipe.schedule` step to the next"),
    field("momentum", Training, Share, "0", "", "Momentum of `recipe.optimizer` sgd: the share of the velocity that stays from step to step"),
    field("beta1", Training, Share, "0.5", "", "Decay of Adam's first moment"),
    field("beta2", Training, Share, "0.999", "", "Decay of Adam's second moment"),
    field("stack", Pixels, Whole(1, 64), "1", "", "Input images of each pair, of one name in folders A, A2, .. and so on"),
    field("output_stack", Pixels, Whole(1, 64), "1", "", "Output images of each pair, of one name in folders B, B2, .. and so on"),
    field("palette", Pixels, Path, "null", "the colours of all input images",
        "Text file with a line #rrggbb, or #rrrrggggbbbb of 16 bits, for each label of `input` labels"),
];
