//! Frames from standard input, and results to standard output: what stands between two pipes.

use super::model::Model;
use super::pending::{Item, PendingBatch};
use super::{TranslateArgs, tell_combined};
use crate::cli::failures::Failures;
use crate::cli::outputs::{Output, OutputArgs};
use crate::cli::progress::ImageProgress;
use crate::cli::results::Input;
use crate::cli::{CliError, note};
use crate::data::{Combined, DataError, Format, Frame, FrameReader, ReadOptions};
use crate::train::{ModelConfig, TrainError};
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Frames that are read ahead.
const AHEAD: usize = 2;

/// How long to wait for a frame before a signal is looked for.
const WAIT: Duration = Duration::from_millis(100);

/// Whether the frames of standard input are to be translated.
///
/// # Errors
/// [`CliError::Usage`] for what does not go with a stream.
pub fn check(args: &TranslateArgs, config: &ModelConfig) -> Result<bool, CliError> {
    let usage = |text: &str| Err(CliError::Usage(text.to_owned()));
    let from_stdin = args.inputs.iter().any(|path| path == Path::new("-"));
    if args.output.is_stdout() {
        if args.samples.is_some() || config.output.images() > 1 {
            return usage(
                "standard output takes one result for each image; name a folder as --out",
            );
        }
        if args.results.format() == Format::Tiff {
            return usage("TIFFs cannot be told apart in a stream; use --format png or pnm");
        }
        if stdout().is_terminal() {
            return usage(
                "--out - writes images to a terminal; pipe them into a file or a program",
            );
        }
    }
    if !from_stdin {
        return Ok(false);
    }
    if args.inputs.len() > 1 || config.input.images() > 1 {
        return usage("- stands for frames of standard input, and no other input goes with it");
    }
    if args.output.existing.skip {
        return usage("frames of a stream are made anew; leave out --skip-existing");
    }
    if stdin().is_terminal() {
        return usage("- reads frames from a terminal; pipe a program into it, for example ffmpeg");
    }
    Ok(true)
}

/// Where the results of frames go.
pub struct FrameFiles<'a> {
    /// The options.
    pub output: &'a OutputArgs,
    /// What stands behind the names of results, before their ending.
    pub variants: Vec<String>,
    /// The format of the results.
    pub format: Format,
}

impl FrameFiles<'_> {
    /// Refuses a folder with frames of an earlier run, unless they are to be written over.
    fn check(&self) -> Result<(), CliError> {
        self.of(1)?;
        let refused = self.output.existing.refuse(&self.behind(0));
        refused.map_err(CliError::without_skipping)
    }

    /// The results that are there of frames behind the first `frames`, sorted by their names.
    fn behind(&self, frames: u64) -> Vec<PathBuf> {
        // A folder may forbid to be read. Each frame is looked for once more when it is written.
        let entries = std::fs::read_dir(&self.output.out).into_iter().flatten();
        let is_behind = |file: &std::fs::DirEntry| {
            let number = self.number(&file.file_name().to_string_lossy());
            number.is_some_and(|number| number > frames || frames == 0)
        };
        let files = entries.flatten().filter(is_behind);
        let mut found: Vec<PathBuf> = files.map(|file| file.path()).collect();
        found.sort();
        found
    }

    /// The number of the frame whose result has this name.
    fn number(&self, name: &str) -> Option<u64> {
        let ending = self.format.ending_like(Path::new(""));
        let number = |variant: &String| {
            let stem = name.strip_prefix("frame-")?.strip_suffix(&ending)?;
            let digits = stem.strip_suffix(variant.as_str())?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        };
        self.variants.iter().find_map(number)
    }

    /// Tells of results of an earlier and longer stream, which a program that reads the folder
    /// would take for the end of this one.
    fn tell_behind(&self, frames: u64) {
        let behind = self.behind(frames);
        if let Some(first) = behind.first() {
            note(&format!(
                "note: frames of an earlier stream behind the last one of this, which stay: {}, \
                 such as {}",
                behind.len(),
                first.display()
            ));
        }
    }

    /// The files of the results of a frame: `frame-000001.png`, and so on.
    fn of(&self, number: u64) -> Result<Vec<Output>, CliError> {
        let input = Input {
            files: Vec::new(),
            name: PathBuf::from(format!("frame-{number:06}")),
        };
        let plan = self
            .output
            .plan(
                vec![input],
                None,
                &self.variants,
                self.format,
                &ReadOptions::default(),
            )
            .map_err(CliError::without_skipping)?;
        if let Some(failure) = plan.failures.into_iter().next() {
            return Err(failure);
        }
        Ok(plan.jobs.into_iter().flat_map(|job| job.outputs).collect())
    }
}

impl Model {
    /// Translates the frames of standard input, in their order. The first error ends it.
    pub fn translate_frames(&mut self, files: &FrameFiles) -> Result<(), CliError> {
        if !self.to_stdout {
            files.check()?;
        }
        self.progress = ImageProgress::new(None);
        let done = self.each_frame(files);
        let frames = self.progress.count();
        self.progress.finish();
        self.frame_sizes
            .tell(self.half, self.loaded.config.direction);
        if !self.to_stdout && frames > 0 {
            files.tell_behind(frames as u64);
        }
        match done {
            Ok(()) if frames == 0 => {
                note("note: there are no frames in standard input, so nothing was written");
                Ok(())
            }
            Err(CliError::Train(TrainError::Interrupted)) => {
                Err(CliError::StreamStopped { frames })
            }
            // The reader of our stdout is gone: not our failure.
            Ok(()) | Err(CliError::Stdout(_)) => done,
            Err(source) => Err(CliError::Stream {
                source: Box::new(source),
                frames,
            }),
        }
    }

    fn each_frame(&mut self, files: &FrameFiles) -> Result<(), CliError> {
        let frames = read_ahead(self.reading.max_pixels)?;
        // A video with a frame less is another video.
        let (mut pending, mut failures) = (PendingBatch::new(), Failures::first_ends());
        loop {
            self.stop.check()?;
            let frame = match frames.recv_timeout(WAIT) {
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(frame) => frame,
            };
            let taken = frame
                .map_err(CliError::from)
                .and_then(|frame| self.take_frame(frame, files, &mut pending, &mut failures));
            if let Err(error) = taken {
                // Frames that wait come before the one that failed.
                self.flush(&mut pending, &mut failures)?;
                return Err(error);
            }
        }
        self.flush(&mut pending, &mut failures)
    }

    /// Looks at the first frame, as long as nothing is written. The others are mostly like it.
    fn begin(&mut self, first: &Frame, size: (u32, u32)) -> Result<(), CliError> {
        let output = &self.loaded.config.output;
        if self.to_stdout {
            self.results = self.results.or_as(first.format);
            self.results.check(output.drawn_channels())?;
        }
        self.results
            .note_losses(output, std::iter::empty(), true, &self.reading);
        if self.half.is_some() {
            return Ok(());
        }
        let found = Combined::of_sizes([Some(size)], self.loaded.config.size);
        tell_combined(found, &first.name, 0, self.loaded.config.direction)
    }

    fn take_frame(
        &mut self,
        frame: Frame,
        files: &FrameFiles,
        pending: &mut PendingBatch,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        let image = frame.decode(&self.reading, self.tally.get_mut())?;
        if frame.number == 1 {
            self.begin(&frame, image.dimensions())?;
        }
        self.frame_sizes.add(&frame.name, image.dimensions());
        let images = [(frame.name.clone(), self.half().of(image, &frame.name)?)];
        let lost = self.loaded.config.input.without_opacity(&images);
        self.without_opacity.borrow_mut().add(lost);
        let image = self.loaded.config.input.gather(&images)?;
        let outputs = match self.to_stdout {
            true => Vec::new(),
            false => files.of(frame.number)?,
        };
        // Errors and notes name the frame as a file.
        let name = frame.name.clone();
        let input = Input {
            files: vec![frame.name],
            name,
        };
        if self.translate_picture_in_tiles((&image, &input.files), &outputs)? {
            return Ok(());
        }
        self.add(Item::new(image, input, outputs), pending, failures)
    }
}

/// Reads the frames of standard input on a thread of its own: while it waits for bytes, a signal
/// can end the process.
fn read_ahead(max_pixels: Option<u64>) -> Result<Receiver<Result<Frame, DataError>>, DataError> {
    let (sender, receiver) = sync_channel(AHEAD);
    let read = move || {
        let mut frames = FrameReader::new(stdin(), "standard input", max_pixels);
        while let Some(frame) = frames.next_frame().transpose() {
            let is_last = frame.is_err();
            // If nobody waits for it any more, it is not needed.
            if sender.send(frame).is_err() || is_last {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("frames".to_owned())
        .spawn(read)
        .map_err(|source| DataError::Spawn { source })?;
    Ok(receiver)
}
