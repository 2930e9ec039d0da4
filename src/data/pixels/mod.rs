//! What the channels of an image mean.

mod error;
mod numbers;

pub use error::PixelsError;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::palette::Palette;
use super::picture::Picture;
use super::resize::{resize, resize_nearest};

/// What the channels of one side of a pair mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pixels {
    /// Brightness, as Pillow's `convert("L")`.
    Gray,
    /// Red, green and blue.
    #[default]
    Rgb,
    /// Red, green, blue and opacity; images without are opaque.
    Rgba,
    /// Lightness of CIE Lab, as L / 50 - 1.
    LabL,
    /// The colour that lightness lacks: a and b of CIE Lab, each / 110.
    LabAb,
    /// A channel for each colour of the palette: 1 where a pixel has it, else 0.
    Labels(Palette),
    /// This number of channels, as they are in the file, whatever they mean.
    Channels(usize),
    /// Several images, channels behind channels.
    Stack {
        /// How many.
        images: usize,
        /// What each of them is.
        of: Box<Pixels>,
    },
}

/// Channels that colours have at most: RGB and opacity.
pub(super) const MOST_COLOURS: usize = 4;

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pixels::Gray => "gray",
            Pixels::Rgb => "rgb",
            Pixels::Rgba => "rgba",
            Pixels::LabL => "lab-l",
            Pixels::LabAb => "lab-ab",
            Pixels::Labels(_) => "labels",
            Pixels::Channels(channels) => return write!(f, "{channels} channels"),
            Pixels::Stack { images, of } => return write!(f, "{images} x {of}"),
        })
    }
}

impl Pixels {
    /// What `channels` channels mean in a network that says nothing about it. An unusual number
    /// means a stack of grey images.
    pub fn of_channels(channels: usize) -> Self {
        match channels {
            1 => Pixels::Gray,
            3 => Pixels::Rgb,
            4 => Pixels::Rgba,
            images => Pixels::Stack {
                images,
                of: Box::new(Pixels::Gray),
            },
        }
    }

    /// A stack of `images` such images.
    pub fn times(self, images: usize) -> Self {
        if images == 1 {
            self
        } else {
            Pixels::Stack {
                images,
                of: Box::new(self),
            }
        }
    }

    /// The number of images on one side of a pair.
    pub fn images(&self) -> usize {
        if let Pixels::Stack { images, .. } = self {
            *images
        } else {
            1
        }
    }

    /// Whether these are parts of CIE Lab.
    pub fn is_lab(&self) -> bool {
        matches!(self.single(), Pixels::LabL | Pixels::LabAb)
    }

    /// Whether every channel is a number of its own: none of them is opacity.
    pub fn are_any_channels(&self) -> bool {
        matches!(self.single(), Pixels::Channels(_))
    }

    /// Whether the opacity of a picture is dropped, unless the picture is laid on a colour before.
    /// Otherwise it is taken: as opacity, or as a channel like any other.
    pub fn drop_opacity(&self) -> bool {
        !matches!(self.single(), Pixels::Rgba | Pixels::Channels(_))
    }

    /// What each of them is.
    fn single(&self) -> &Self {
        if let Pixels::Stack { of, .. } = self {
            of
        } else {
            self
        }
    }

    /// Channels that the network sees.
    pub fn channels(&self) -> usize {
        match self {
            Pixels::Gray | Pixels::LabL => 1,
            Pixels::LabAb => 2,
            Pixels::Rgb => 3,
            Pixels::Rgba => 4,
            Pixels::Labels(palette) => palette.len(),
            Pixels::Channels(channels) => *channels,
            Pixels::Stack { images, of } => images.saturating_mul(of.channels()),
        }
    }

    /// Whether a network can map `input` to `output`.
    ///
    /// # Errors
    /// What cannot be, with the nearest that can.
    pub fn check(input: &Self, output: &Self) -> Result<(), PixelsError> {
        if input.images() + output.images() > 2 && output.single() == &Pixels::LabAb {
            return Err(PixelsError::StackedColours);
        }
        match (input.single(), output.single()) {
            (Pixels::LabAb, _) => Err(PixelsError::InputWithoutLightness),
            (_, Pixels::LabL) => Err(PixelsError::OutputLightness),
            (_, Pixels::Labels(_)) => Err(PixelsError::OutputLabels),
            (Pixels::LabL, Pixels::LabAb) => Ok(()),
            (_, Pixels::LabAb) => Err(PixelsError::OutputWithoutLightness),
            _ => Ok(()),
        }
    }

    /// Whether every image is both sides: input and output are parts of one picture.
    pub fn are_parts(input: &Self, output: &Self) -> bool {
        (input, output) == (&Pixels::LabL, &Pixels::LabAb)
    }

    /// All images of one side of a pair as one picture: see [`Pixels::colours`].
    ///
    /// # Errors
    /// [`DataError::Stack`] for another number of images, and those of [`Pixels::colours`].
    pub fn gather(&self, images: &[(PathBuf, Picture)]) -> Result<Picture, DataError> {
        match images.first() {
            Some((path, _)) if images.len() != self.images() => Err(DataError::Stack {
                path: path.clone(),
                images: self.images(),
            }),
            _ => Ok(Picture::stack(
                images
                    .iter()
                    .map(|(path, image)| self.colours(image, path))
                    .collect::<Result<_, _>>()?,
            )),
        }
    }

    /// The picture in the channels that it keeps until it has been resized and cropped. These may
    /// be fewer or more than in the file. Lab is made from RGB after that, as in the reference.
    ///
    /// # Errors
    /// [`DataError::Colourless`] for the colours of a grey image, [`DataError::UnknownColour`] for
    /// a label map whose palette is another, [`DataError::NoColours`] and [`DataError::Channels`]
    /// for other numbers of channels; `path` names it.
    pub fn colours(&self, picture: &Picture, path: &Path) -> Result<Picture, DataError> {
        let found = picture.channels();
        match self {
            Pixels::Stack { of, .. } => of.colours(picture, path),
            Pixels::Channels(channels) if found == *channels => Ok(picture.clone()),
            &Pixels::Channels(channels) => Err(DataError::Channels {
                path: path.to_owned(),
                found,
                channels,
            }),
            // Four channels are opacity behind RGB where somebody says so: the file or the caller.
            Pixels::Rgba if found == MOST_COLOURS && picture.surplus() == 1 => Ok(picture.clone()),
            _ if found > MOST_COLOURS || picture.surplus() > 0 => Err(DataError::NoColours {
                path: path.to_owned(),
                channels: found,
            }),
            Pixels::Gray => Ok(picture.to_gray()),
            Pixels::LabAb if found < 3 => Err(DataError::Colourless {
                path: path.to_owned(),
            }),
            Pixels::Rgb | Pixels::LabL | Pixels::LabAb => Ok(picture.to_rgb()),
            Pixels::Rgba => Ok(picture.to_rgba()),
            Pixels::Labels(palette) => palette.index(picture).map_err(|unknown| unknown.of(path)),
        }
    }

    /// The files of these images whose opacity is lost in these channels.
    pub fn without_opacity<'a>(
        &self,
        images: &'a [(PathBuf, Picture)],
    ) -> impl Iterator<Item = &'a PathBuf> {
        let is_dropped = self.drop_opacity();
        let lost = move |image: &Picture| is_dropped && image.is_translucent();
        images
            .iter()
            .filter_map(move |(path, image)| lost(image).then_some(path))
    }

    /// How many labels there are, where pixels are labels.
    pub fn labels(&self) -> Option<usize> {
        if let Pixels::Labels(palette) = self.single() {
            Some(palette.len())
        } else {
            None
        }
    }

    /// Resizes what [`Pixels::gather`] made. Labels are not interpolated: each pixel takes the
    /// label of the nearest one.
    pub fn resize(&self, picture: &Picture, width: u32, height: u32) -> Picture {
        match self.single() {
            Pixels::Labels(_) => resize_nearest(picture, width, height),
            _ => resize(picture, width, height),
        }
    }
}

#[cfg(test)]
mod tests;
