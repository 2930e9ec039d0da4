//! Images far from the size that a model was trained at, counted.

use super::TranslateArgs;
use crate::data::{Background, Half, ReadOptions};
use crate::train::ModelConfig;
use crate::train::run::quote;
use std::path::{Path, PathBuf};

/// How many there are, and the first of them.
#[derive(Debug)]
pub struct FarSizes {
    /// Side of the images of training, if it is known.
    trained: Option<u32>,
    count: usize,
    example: Option<(PathBuf, (u32, u32))>,
}

impl FarSizes {
    /// None yet.
    pub fn new(trained: Option<u32>) -> Self {
        Self {
            trained,
            count: 0,
            example: None,
        }
    }

    /// Counts an image of this size, which was translated, if it is far from that of training.
    pub fn add(&mut self, name: &Path, size: (u32, u32)) {
        if self.trained.is_some_and(|trained| is_far(size, trained)) {
            self.count += 1;
            self.example.get_or_insert_with(|| (name.to_owned(), size));
        }
    }

    /// What is told of them. `remedy` says for a side how they become as large.
    pub fn line(&self, remedy: impl Fn(u32) -> String) -> Option<String> {
        let (trained, (name, (width, height))) = (self.trained?, self.example.as_ref()?);
        Some(format!(
            "note: images far from the {trained}x{trained} pixels that this model was trained at, \
             which it translates worse: {}, such as {} ({width}x{height}); {}",
            self.count,
            name.display(),
            remedy(trained)
        ))
    }
}

/// How the inputs become as large as the images of training. Those of a value range have no
/// command: they would be pictures then. `reading` says how the model reads them.
pub fn remedy(
    args: &TranslateArgs,
    model: &ModelConfig,
    reading: &ReadOptions,
    side: u32,
) -> String {
    let are_labels = model.input.labels().is_some();
    let half = args.half.filter(|half| half.is_part());
    if args.inputs.iter().any(|path| path == Path::new("-")) {
        return stream_remedy(side, half, are_labels);
    }
    if reading.values.is_some() {
        return "resize them first".to_owned();
    }
    let several = model.input.images() > 1;
    let inputs = match several {
        true => &args.inputs[..1],
        false => &args.inputs[..],
    };
    let each = match inputs {
        [first] if several && first.is_dir() => ", each folder into another one",
        _ if several => ", each image into a folder of its own",
        _ => "",
    };
    let inputs: Vec<String> = inputs.iter().map(|path| quote(path)).collect();
    let (mut inputs, mut first) = (inputs.join(" "), String::new());
    // A half is read as well.
    let read = args.reading.written();
    if let Some(half) = half {
        first = format!("pix2pix prepare half {inputs} --half {half}{read} --out halves, then ");
        inputs = "halves".to_owned();
    }
    // Training stretched its images. Drawings on white are padded with white.
    let fit = match reading.background {
        Some(Background::WHITE) => "pad",
        _ => "stretch",
    };
    let nearest = if are_labels { " --nearest" } else { "" };
    format!(
        "resize them first{each}: {first}pix2pix prepare resize {inputs} --size {side} --fit \
         {fit}{nearest}{read} --out resized"
    )
}

/// The same for frames. Those of which a half is taken are twice as wide.
fn stream_remedy(side: u32, half: Option<Half>, are_labels: bool) -> String {
    let width = match half {
        Some(_) => u64::from(side) * 2,
        None => u64::from(side),
    };
    // Another filter mixes colours, and these are no labels.
    let filter = if are_labels { ":flags=neighbor" } else { "" };
    format!("scale them first, in ffmpeg with -vf scale={width}:{side}{filter}")
}

/// Whether a square of as many pixels has less than two thirds or more than one and a half of the
/// side that training had.
fn is_far((width, height): (u32, u32), trained: u32) -> bool {
    let pixels = u128::from(width) * u128::from(height);
    let square = u128::from(trained) * u128::from(trained);
    9 * pixels < 4 * square || 4 * pixels > 9 * square
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_far_by_the_number_of_its_pixels() {
        for (size, far) in [
            ((256, 256), false),
            ((512, 128), false),
            ((171, 171), false),
            ((170, 170), true),
            ((384, 384), false),
            ((385, 384), true),
            ((37, 51), true),
            ((u32::MAX, u32::MAX), true),
        ] {
            assert_eq!(is_far(size, 256), far, "{size:?}");
        }
    }

    #[test]
    fn frames_keep_their_halves_and_their_labels() {
        for (half, are_labels, said) in [
            (None, false, "scale=32:32"),
            (Some(Half::B), false, "scale=64:32"),
            (None, true, "scale=32:32:flags=neighbor"),
            (Some(Half::A), true, "scale=64:32:flags=neighbor"),
        ] {
            let remedy = stream_remedy(32, half, are_labels);
            assert!(remedy.ends_with(&format!(" -vf {said}")), "{remedy}");
        }
    }

    #[test]
    fn they_are_counted_and_told_once() {
        let mut sizes = FarSizes::new(Some(256));
        assert_eq!(sizes.line(|_| String::new()), None);
        for (name, size) in [("a", (256, 200)), ("b", (37, 51)), ("c", (900, 900))] {
            sizes.add(Path::new(name), size);
        }
        let line = sizes.line(|side| format!("make them {side}")).unwrap();
        assert!(
            line.ends_with(": 2, such as b (37x51); make them 256"),
            "{line}"
        );
        let mut unknown = FarSizes::new(None);
        unknown.add(Path::new("b"), (37, 51));
        assert_eq!(unknown.line(|_| String::new()), None);
    }
}
