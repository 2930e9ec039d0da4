//! Images whose opacity a model does not take, counted.

use std::path::PathBuf;

/// How many there are, and the first of them.
#[derive(Debug, Default)]
pub struct WithoutOpacity {
    count: usize,
    example: PathBuf,
}

impl WithoutOpacity {
    /// Counts these images.
    pub fn add<'a>(&mut self, images: impl IntoIterator<Item = &'a PathBuf>) {
        for image in images {
            if self.count == 0 {
                self.example.clone_from(image);
            }
            self.count += 1;
        }
    }

    /// What is told of them.
    pub fn line(&self) -> Option<String> {
        (self.count > 0).then(|| {
            format!(
                "note: images whose opacity is not used: {}, such as {}; transparent pixels show \
                 the colour that the file has behind them, often black: --background white lays \
                 them on white, and a model that was trained with --input rgba takes the opacity",
                self.count,
                self.example.display()
            )
        })
    }
}
