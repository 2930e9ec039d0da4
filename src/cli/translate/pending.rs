//! Inputs that are translated one after the other, images of one size together.

use super::model::Model;
use crate::cli::failures::Failures;
use crate::cli::outputs::{Job, Output};
use crate::cli::progress::ImageProgress;
use crate::cli::results::Input;
use crate::cli::{CliError, note, print_bytes, write_picture};
use crate::data::Picture;
use crate::train::TrainError;
use crate::train::run::{RunError, folder_of};

/// An image that was read, its files, and where its results go, ordered by seed. There are no
/// results' files if they go to stdout.
pub struct Item {
    image: Picture,
    input: Input,
    outputs: Vec<Output>,
    /// Whether one of its results could not be written.
    failed: bool,
}

impl Item {
    pub fn new(image: Picture, input: Input, outputs: Vec<Output>) -> Self {
        Self {
            image,
            input,
            outputs,
            failed: false,
        }
    }
}

/// Images of one size that wait for one another.
pub type PendingBatch = Vec<Item>;

impl Model {
    /// Translates all jobs, images of one size at a time. What stops one file goes to `failures`.
    pub fn translate_all(&mut self, jobs: &[Job], failures: &mut Failures) -> Result<(), CliError> {
        self.progress = ImageProgress::new(Some(jobs.len()));
        let mut pending = PendingBatch::new();
        for job in jobs {
            self.stop.check()?;
            if let Err(error) = self.translate_job(job, &mut pending, failures) {
                failures.take(error, 1)?;
                self.progress.failed(1);
            }
        }
        self.flush(&mut pending, failures)?;
        self.progress.finish();
        Ok(())
    }

    /// Translates the files of a job in tiles, or reads them for the next batch.
    fn translate_job(
        &mut self,
        Job { input, outputs }: &Job,
        pending: &mut PendingBatch,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        make_folders(outputs)?;
        if self.translate_files_in_tiles(&input.files, outputs)? {
            return Ok(());
        }
        let Some(image) = self.read(&input.files)? else {
            self.flush(pending, failures)?;
            return self.translate_by_rows(&input.files, outputs);
        };
        self.add(
            Item::new(image, input.clone(), outputs.clone()),
            pending,
            failures,
        )
    }

    /// Adds an image to those that wait, and translates them when there are enough.
    pub fn add(
        &mut self,
        item: Item,
        pending: &mut PendingBatch,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        let joins = |first: &Item| first.image.dimensions() == item.image.dimensions();
        if !pending.first().is_none_or(joins) {
            self.flush(pending, failures)?;
        }
        pending.push(item);
        if pending.len() < self.batch {
            return Ok(());
        }
        self.flush(pending, failures)
    }

    /// Translates the images that wait.
    pub fn flush(
        &mut self,
        pending: &mut PendingBatch,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        self.translate_or_fail(&mut std::mem::take(pending), 0, failures)
    }

    fn translate_or_fail(
        &mut self,
        items: &mut [Item],
        first_sample: usize,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        if let Err(error) = self.translate_batch(items, first_sample, failures) {
            let others = unfailed(items);
            failures.take(error, others)?;
            self.progress.failed(others);
        }
        Ok(())
    }

    /// Translates images of one size by each of the seeds from this one on, and writes the results.
    fn translate_batch(
        &mut self,
        items: &mut [Item],
        first_sample: usize,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        for sample in first_sample..self.seeds.len() {
            if unfailed(items) == 0 {
                break;
            }
            self.stop.check()?;
            match self.translate(&images(items), self.seeds[sample]) {
                Ok(translated) => self.write(sample, &translated, items, failures)?,
                Err(error) if error.is_too_large() => {
                    return self.translate_parts(items, sample, error, failures);
                }
                Err(error) => return Err(about(items, error)),
            }
        }
        let sizes = self.far_sizes.get_mut();
        for item in items.iter().filter(|item| !item.failed) {
            sizes.add(item.input.first(), item.image.dimensions());
        }
        self.progress.translated(unfailed(items), false);
        Ok(())
    }

    /// Translates images that do not fit the device: several one by one, one in tiles. Their
    /// results by earlier seeds are there.
    fn translate_parts(
        &mut self,
        items: &mut [Item],
        sample: usize,
        error: TrainError,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        match &*items {
            [item] if self.loaded.tilings.is_ok() => self.translate_whole_in_tiles(
                (&item.image, &item.input.files),
                &item.outputs,
                error,
            ),
            [first, _, ..] if self.may_part() => {
                if !std::mem::replace(&mut self.parted, true) {
                    note(&format!(
                        "note: {}: {} images of {}x{} pixels do not fit this device at once, so \
                         such images are translated one by one",
                        first.input.first().display(),
                        items.len(),
                        first.image.width(),
                        first.image.height()
                    ));
                }
                let mut others = items.iter_mut().filter(|item| !item.failed);
                others.try_for_each(|item| {
                    self.translate_or_fail(std::slice::from_mut(item), sample, failures)
                })
            }
            _ => {
                let error = self.explain_whole(error, &images(items));
                Err(about(items, error))
            }
        }
    }

    /// Writes the results of one seed. One that cannot be written stops its image alone.
    fn write(
        &mut self,
        sample: usize,
        translated: &[Vec<Picture>],
        items: &mut [Item],
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        let all = translated.iter().zip(items);
        for (pictures, item) in all.filter(|(_, item)| !item.failed) {
            if let Err(error) = self.write_item(sample, pictures, item) {
                failures.take(error, 1)?;
                item.failed = true;
                self.progress.failed(1);
            }
        }
        Ok(())
    }

    fn write_item(
        &mut self,
        sample: usize,
        pictures: &[Picture],
        item: &Item,
    ) -> Result<(), CliError> {
        let place = self.results.place(&item.input.files);
        let density = self.density(&item.input.files);
        if let Some(picture) = pictures
            .first()
            .filter(|picture| picture.dimensions() != item.image.dimensions())
            // Once for a stream: its frames are mostly of one size.
            && !(self.to_stdout && std::mem::replace(&mut self.cropped, true))
        {
            let [from, to] = [&item.image, picture]
                .map(|picture| format!("{}x{}", picture.width(), picture.height()));
            let without = place.as_ref().map_or("", |_| " and has no place on Earth");
            note(&format!(
                "note: {}: the result shows the middle {to} of {from} pixels (--fit crop){without}",
                item.input.first().display()
            ));
        }
        if self.to_stdout {
            pictures
                .iter()
                .try_for_each(|picture| self.print_frame(picture))?;
        }
        let outputs = item.outputs.iter().skip(sample * pictures.len());
        for (picture, output) in pictures.iter().zip(outputs) {
            if let (Some(file), Some(path)) = (output.create().transpose()?, output.to_write()) {
                let size = picture.dimensions();
                let place = place
                    .as_ref()
                    .filter(|tags| tags.are_of(size, &self.reading));
                let encoding = self.results.encoding(&self.loaded.config, place, density);
                write_picture(file, picture, encoding)?;
                self.is_written(path)?;
            }
        }
        Ok(())
    }

    /// Writes a result to stdout.
    fn print_frame(&self, picture: &Picture) -> Result<(), CliError> {
        let mut rows = self.frame(picture.layout()).map_err(CliError::Stdout)?;
        rows.push(picture).map_err(CliError::Stdout)?;
        print_bytes(&rows.finish().map_err(CliError::Stdout)?)
    }
}

fn images(items: &[Item]) -> Vec<&Picture> {
    items.iter().map(|item| &item.image).collect()
}

/// How many images of a batch can still be translated.
fn unfailed(items: &[Item]) -> usize {
    items.iter().filter(|item| !item.failed).count()
}

/// An error that is about all images of a batch.
fn about(items: &[Item], source: TrainError) -> CliError {
    CliError::Translate {
        files: items
            .iter()
            .map(|item| item.input.first().to_owned())
            .collect(),
        source: Box::new(source),
    }
}

/// Makes the subfolders that results lie in.
fn make_folders(outputs: &[Output]) -> Result<(), RunError> {
    let mut folders = outputs.iter().filter_map(Output::to_write).map(folder_of);
    folders.try_for_each(|folder| {
        std::fs::create_dir_all(folder).map_err(|error| RunError::write(folder, error))
    })
}
