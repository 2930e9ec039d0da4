//! Every field of a configuration with its group, its help, its default and its range. The help of
//! a program, a form or a table is made of these.

use super::field::Group::{
    First, Images, Networks, Objective, Pixels, Resources, Run, Training, Use,
};
use super::field::Range::{
    AboveZero, Each, Either, FromZero, Interval, Number, OneOf, Path, Share, Switch, Text, Whole,
};
use super::field::{Field, Range, field};
use super::{MOST_BATCHES, MOST_PAIRS, MOST_PIXELS};
use crate::nn::{DiscriminatorConfig, MOST_CHANNELS, PatchGanConfig};

/// The field or shorthand of that name.
pub fn find(name: &str) -> Option<&'static Field> {
    FIELDS
        .iter()
        .chain(SHORTHANDS)
        .find(|field| field.name == name)
}

const KINDS: Range = OneOf(&[
    "gray", "rgb", "rgba", "lab-l", "lab-ab", "labels", "channels",
]);

/// Fields that a run may be told anew when it goes on. Its start has decided all others.
pub const CHANGED_ON_RESUME: &[&str] = &[
    "dataset",
    "adapter",
    "learning_rate",
    "epochs",
    "steps",
    "patience",
    "tensorboard",
];

/// All fields of [`Config`](super::Config), in its order.
pub const FIELDS: &[Field] = &[
    field("dataset", First)
        .range(Path)
        .default("null")
        .default_words("the bundled pairs")
        .help(
            "Folder with train/ (and val/, test/) of combined A|B images, or of A/ and B/ folders \
             paired by file name",
        ),
    field("adapter", First)
        .range(Text)
        .default("null")
        .default_words("the fastest kind")
        .help("Adapter by index or part of its name"),
    field("direction", First)
        .range(OneOf(&["AtoB", "BtoA"]))
        .default("\"AtoB\"")
        .help("Which half of a pair is the input"),
    field("input", Pixels).range(KINDS).default("\"rgb\"").help(
        "What input images are converted to. From lab-l to lab-ab, every photo of the data set is \
         a pair of its own",
    ),
    field("output", Pixels)
        .range(KINDS)
        .default("\"rgb\"")
        .help("What the generator paints"),
    field("size", First)
        .range(Whole(32, MOST_PIXELS as u64))
        .default("256")
        .default_words("256; with `preset` fast 64")
        .help(
            "Height and width of the images in pixels. It is a multiple of 32, of 2^N where \
             `num_downs` is N, or of 4 with a ResNet",
        ),
    field("fit", Networks)
        .range(OneOf(&["pad", "crop"]))
        .default("\"pad\"")
        .default_words("only multiples are taken; translated images of other sizes are padded")
        .help("Allow other sizes, and how they go through the generator"),
    field("preprocess", Images)
        .range(OneOf(&[
            "resize-and-crop",
            "crop",
            "scale-width-and-crop",
            "scale-width",
            "none",
        ]))
        .default("\"resize-and-crop\"")
        .help(
            "How images are brought to `size`. Training takes crops at random; sample grids and \
             scores take the middle. With scale-width and none, images keep sizes of their own",
        ),
    field("load_size", Images)
        .range(Whole(32, MOST_PIXELS as u64))
        .default("286")
        .default_words("286/256 of `size`, with `preset` fast `size`; with scale-width 256 or 64")
        .help(
            "Training images are resized to this and cropped to `size` at random. Give both the \
             same value to switch that off. With `preprocess` scale-width it is the width",
        ),
    field("mirror", Images)
        .range(Switch)
        .default("true")
        .help("Half of the training images are mirrored"),
    field("reading.ignore_orientation", Images)
        .range(Switch)
        .default("false")
        .help(
            "Images stay as they are stored, as in the reference. Without this they are turned as \
             their EXIF orientation says",
        ),
    field("reading.max_pixels", Images)
        .range(Whole(1, u64::MAX))
        .default("null")
        .default_words("16384 pixels a side and 512 MiB decoded")
        .help(
            "The most pixels of an image file. Larger ones are refused by their heads. A pixel has \
             at most 16 bytes once it is decoded; larger ones count as several",
        ),
    field("reading.value_range", Pixels)
        .range(Interval)
        .default("null")
        .default_words("what the type of the numbers says")
        .help(
            "Which numbers of input files are black and white, for floats, heights and depth maps: \
             LO..HI, or auto for the least and the largest of the training files. Numbers outside \
             of it take its nearest end and are counted",
        ),
    field("reading.output_value_range", Pixels)
        .range(Interval)
        .default("null")
        .default_words("what the type of the numbers says")
        .help("The same for output files"),
    field("reading.nodata", Pixels)
        .range(Number)
        .default("null")
        .default_words("they are refused")
        .help(
            "What fills missing values of files with a range: NaN, and what a GeoTIFF calls no \
             data. It lies in the range",
        ),
    field("ngf", Networks)
        .range(Whole(1, MOST_CHANNELS as u64))
        .default("64")
        .default_words("64; with `preset` fast 16")
        .help("Channels of the generator's first convolution"),
    field("ndf", Networks)
        .range(Whole(1, MOST_CHANNELS as u64))
        .default("64")
        .default_words("as `ngf`; with `preset` fast half of it")
        .help("Channels of the discriminator's first convolution"),
    field("num_downs", Networks)
        .range(Whole(2, 16))
        .default("8")
        .default_words("down to 1×1 pixel, at most 8")
        .help("How often unet and encoder-decoder halve the image"),
    field("d_layers", Networks)
        .range(Whole(0, PatchGanConfig::MOST_LAYERS as u64))
        .default("3")
        .default_words("3; with `preset` fast 1")
        .help("Strided convolutions of the discriminator; 0 rates each pixel alone"),
    field("discriminators", Networks)
        .range(Whole(1, DiscriminatorConfig::MOST_SCALES as u64))
        .default("1")
        .help(
            "Discriminators: one on the image, one on its half, one on the half of that, and so \
             on, as in pix2pixHD. Each has weights of its own, and their losses are summed",
        ),
    field("norm", Networks)
        .range(OneOf(&["batch", "instance", "instance-affine", "none"]))
        .default("\"batch\"")
        .help("Normalisation of both networks"),
    field("architecture", First)
        .range(OneOf(&["unet", "encoder-decoder", "resnet9", "resnet6"]))
        .default("\"unet\"")
        .help("The generator's architecture"),
    field("upsample", Networks)
        .range(OneOf(&["deconv", "nearest", "bilinear"]))
        .default("\"deconv\"")
        .default_words("deconv; with `preset` fast nearest")
        .help(
            "How the generator doubles its maps. With nearest and bilinear no checkerboard shows",
        ),
    field("dropout", Networks)
        .range(Switch)
        .default("true")
        .default_words("on; with `preset` fast off")
        .help("Dropout in the generator"),
    field("dropout_at", Networks)
        .range(OneOf(&["pytorch", "torch"]))
        .default("\"pytorch\"")
        .help(
            "Which blocks of unet and encoder-decoder have dropout: those of the PyTorch code or \
             those of the Lua Torch code",
        ),
    field("test.norm", Use)
        .range(OneOf(&["image", "batch", "running"]))
        .default("\"image\"")
        .help("Where batch norm takes its statistics from in sample grids, scores and translation"),
    field("test.dropout", Use)
        .range(Switch)
        .default("false")
        .help(
            "Leave dropout on in sample grids, scores and translation. Every seed then gives \
             another result",
        ),
    field("precision", Resources)
        .range(OneOf(&["f32", "f16"]))
        .default("\"f32\"")
        .help(
            "How weights, activations and gradients are stored. With f16, losses are scaled so \
             that gradients do not vanish",
        ),
    field("batch_size", First)
        .range(Whole(1, MOST_PAIRS as u64))
        .default("1")
        .help("Pairs in a batch"),
    field("recompute", Resources)
        .range(Switch)
        .default("false")
        .help(
            "Compute values again for the backward pass instead of keeping them. This takes less \
             memory and is a little slower. The result is the same",
        ),
    field("length", First)
        .range(Either(&["epochs", "steps"]))
        .default("{\"epochs\":200}")
        .default_words("200 epochs; with `preset` fast 2800 steps")
        .help("How long the run is"),
    field("learning_rate", First)
        .range(FromZero)
        .default("0.0002")
        .default_words("0.0002; with `preset` fast 0.004")
        .help("Learning rate at the start"),
    field("objective.gan_loss", Objective)
        .range(OneOf(&["vanilla", "lsgan", "hinge", "wgangp"]))
        .default("\"vanilla\"")
        .default_words("vanilla; with `preset` fast lsgan")
        .help("The adversarial loss"),
    field("objective.lambda_gp", Objective)
        .range(FromZero)
        .default("10.0")
        .help(
            "Weight of the gradient penalty of `objective.gan_loss` wgangp. The reference trains \
             pix2pix with 0, which is none",
        ),
    field("objective.lambda_gan", Objective)
        .range(FromZero)
        .default("1.0")
        .help("Weight of the adversarial loss"),
    field("objective.distance", Objective)
        .range(OneOf(&["l1", "l2"]))
        .default("\"l1\"")
        .help("The distance to the target"),
    field("objective.lambda_l1", Objective)
        .range(FromZero)
        .default("100.0")
        .help("Weight of the distance to the target"),
    field("objective.lambda_feat", Objective)
        .range(FromZero)
        .default("0.0")
        .help(
            "Weight of pix2pixHD's feature matching: the L1 distance between what each layer of \
             the discriminator makes of output and target. pix2pixHD has 10; 0 is none",
        ),
    field("objective.conditional", Objective)
        .range(Switch)
        .default("true")
        .help("The discriminator sees the input image beside the output, and not the output alone"),
    field("objective.order", Objective)
        .range(OneOf(&["pytorch", "torch"]))
        .default("\"pytorch\"")
        .help(
            "In which order the networks learn: that of the PyTorch code or that of the Lua Torch \
             code",
        ),
    field("objective.betas", Training)
        .range(Each(&["beta1", "beta2"]))
        .default("[0.5,0.999]")
        .help("Decay rates of Adam's moments"),
    field("recipe.schedule", Training)
        .range(OneOf(&["linear", "cosine", "step", "plateau", "constant"]))
        .default("\"linear\"")
        .help("How the learning rate changes"),
    field("recipe.init", Training)
        .range(OneOf(&["normal", "xavier", "kaiming", "orthogonal"]))
        .default("\"normal\"")
        .help("How the weights of convolutions start"),
    field("recipe.init_gain", Training)
        .range(AboveZero)
        .default("0.02")
        .help(
            "Gain of `recipe.init`. The weights of batch norm start around 1 with this standard \
             deviation",
        ),
    field("recipe.optimizer", Training)
        .range(OneOf(&["adam", "sgd"]))
        .default("\"adam\"")
        .help("What moves the weights by their gradients"),
    field("recipe.pool", Training)
        .range(Whole(0, MOST_PAIRS as u64))
        .default("0")
        .help(
            "Number of older fakes that are kept. The discriminator may see them again in place of \
             new ones",
        ),
    field("recipe.accumulate", Training)
        .range(Whole(1, MOST_BATCHES as u64))
        .default("1")
        .help(
            "Batches of one update, which uses their mean gradient. This takes less memory than \
             one large batch",
        ),
    field("recipe.ema", Training)
        .range(Share)
        .default("null")
        .default_words("none; with `preset` fast 0.998")
        .help(
            "Keep a moving average of the generator's weights. This share of it stays in each \
             step, for example 0.999. Translation uses the average",
        ),
    field("recipe.pretrained", Training)
        .range(Path)
        .default("null")
        .help(
            "Start from this generator, with a fresh optimiser: a run folder, a weight file, a \
             checkpoint or a .pth file of the PyTorch code",
        ),
    field("recipe.pretrained_discriminator", Training)
        .range(Path)
        .default("null")
        .help("Start from a discriminator as well"),
    field("seed", First)
        .range(Whole(0, u64::MAX))
        .default("0")
        .help("Seed of everything random"),
    field("sample_every", Run)
        .range(Whole(1, u64::MAX))
        .default("1000")
        .default_words(
            "a tenth of the run, and at least 50 steps without `patience`; an epoch with \
             `recipe.schedule` plateau",
        )
        .help("Steps from one sample grid and held-out score to the next"),
    field("checkpoint_every", Run)
        .range(Whole(1, u64::MAX))
        .default("1000")
        .default_words("a tenth of the run")
        .help("Steps from one checkpoint to the next"),
    field("eval_metric", Run)
        .range(OneOf(&["l1", "ssim", "psnr"]))
        .default("\"l1\"")
        .help(
            "Held-out score by which checkpoints are compared. The best one stays as \
             checkpoints/best.safetensors",
        ),
    field("patience", Run)
        .range(Whole(1, u64::MAX))
        .default("null")
        .default_words("the run goes on to its end")
        .help("End the run after so many held-out scores in a row that are not better"),
    field("tensorboard", Run)
        .range(Switch)
        .default("false")
        .help(
            "Write losses, scores and sample grids as event files as well, which TensorBoard reads",
        ),
];

/// What can be asked for in place of a field, or is a part of one. See
/// [`Settings`](super::Settings).
pub const SHORTHANDS: &[Field] = &[
    field("preset", First)
        .range(OneOf(&["paper", "fast"]))
        .default("\"paper\"")
        .default_words("paper; on the bundled pairs fast")
        .help("Whose defaults the run has"),
    field("objective", First)
        .range(OneOf(&["l1", "gan", "cgan", "l1+gan", "l1+cgan"]))
        .default("\"l1+cgan\"")
        .help("Which losses, by the paper's names"),
    field("epochs", First)
        .range(Whole(1, u64::MAX))
        .default("200")
        .help("Passes over the training pairs"),
    field("steps", First)
        .range(Whole(1, u64::MAX))
        .default("null")
        .default_words("for `preset` fast: 2800")
        .help("Length in steps instead of epochs"),
    field("patch", Networks)
        .range(Whole(1, 286))
        .default("70")
        .default_words("70; with `preset` fast 16")
        .help(
            "Side of the patches that the discriminator rates, in pixels: 1, 16, 34, 70, 142 or \
             286",
        ),
    field("lr_step", Training)
        .range(Whole(1, u64::MAX))
        .default("50")
        .help("Epochs from one drop of `recipe.schedule` step to the next"),
    field("momentum", Training).range(Share).default("0").help(
        "Momentum of `recipe.optimizer` sgd: the share of the velocity that stays from step to \
         step",
    ),
    field("beta1", Training)
        .range(Share)
        .default("0.5")
        .help("Decay of Adam's first moment"),
    field("beta2", Training)
        .range(Share)
        .default("0.999")
        .help("Decay of Adam's second moment"),
    field("stack", Pixels)
        .range(Whole(1, 64))
        .default("1")
        .help("Input images of each pair, of one name in folders A, A2, .. and so on"),
    field("output_stack", Pixels)
        .range(Whole(1, 64))
        .default("1")
        .help("Output images of each pair, of one name in folders B, B2, .. and so on"),
    field("palette", Pixels)
        .range(Path)
        .default("null")
        .default_words("the colours of all input images")
        .help(
            "Text file of the labels of `input` labels. Each has a line: its colour as #rrggbb, or \
             as #rrrrggggbbbb with 16 bits",
        ),
];
