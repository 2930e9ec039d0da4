//! The four comparisons of the paper (arXiv 1611.07004, section 4).

use crate::train::Config;

/// A comparison of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Paper {
    /// Each loss alone and together (figure 4, table 1)
    Objectives,
    /// With and without skips, each with two losses (figure 5, table 2)
    Architectures,
    /// Patches of the discriminator, from a pixel to the whole image (figure 6, table 3)
    Patches,
    /// One training, used at its size and at twice that size (figure 8)
    Sizes,
}

/// Patches of the discriminator that the paper compares. The last one sees the whole image.
const PATCHES: [usize; 4] = [1, 16, 70, 286];
/// Those that may stand for the whole image, the largest first.
const WHOLE: [usize; 3] = [286, 142, 70];

impl Paper {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Objectives => "objectives",
            Self::Architectures => "architectures",
            Self::Patches => "patches",
            Self::Sizes => "sizes",
        }
    }

    /// The settings that it varies, as fields with their values. `fits` says whether patches of so
    /// many pixels fit the images.
    pub fn axes(self, fits: impl Fn(usize) -> bool) -> Vec<(&'static str, Vec<String>)> {
        let names = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        match self {
            Self::Objectives => {
                let all = ["l1", "gan", "cgan", "l1+gan", "l1+cgan"];
                vec![("objective", names(&all))]
            }
            Self::Architectures => vec![
                ("architecture", names(&["encoder-decoder", "unet"])),
                ("objective", names(&["l1", "l1+cgan"])),
            ],
            Self::Patches => {
                let [small @ .., _] = PATCHES;
                let whole = WHOLE.into_iter().find(|&patch| fits(patch));
                let mut patches: Vec<usize> =
                    small.into_iter().filter(|&patch| fits(patch)).collect();
                patches.extend(whole.filter(|whole| !patches.contains(whole)));
                let patches = patches.iter().map(ToString::to_string);
                vec![("patch", patches.collect())]
            }
            Self::Sizes => Vec::new(),
        }
    }

    /// What is not as in the paper, because of the images' size.
    pub fn remark(self, size: u32, fits: impl Fn(usize) -> bool) -> Option<String> {
        let largest = WHOLE.into_iter().find(|&patch| fits(patch));
        match (self, largest) {
            (Self::Patches, Some(largest)) if largest != 286 => Some(format!(
                "the paper's patches of 286 pixels see the whole image; patches of {largest} are \
                 the largest that fit images of {size}"
            )),
            (Self::Patches, None) => Some(format!(
                "images of {size} pixels hold none of the paper's larger patches"
            )),
            _ => None,
        }
    }

    /// Sizes that the trained generators are used at. None for that of training alone.
    pub fn test_sizes(self, config: &Config) -> Vec<u32> {
        match self {
            Self::Sizes => vec![config.size, config.size * 2],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_that_do_not_fit_are_left_out_and_the_largest_stands_for_the_image() {
        let patches = |most| Paper::Patches.axes(|patch| patch <= most).remove(0).1;
        assert_eq!(patches(300), ["1", "16", "70", "286"]);
        assert_eq!(patches(142), ["1", "16", "70", "142"]);
        assert_eq!(patches(70), ["1", "16", "70"]);
        assert_eq!(patches(34), ["1", "16"]);
        let remark = |most| Paper::Patches.remark(64, |patch| patch <= most);
        assert_eq!(remark(300), None);
        assert!(remark(142).is_some_and(|text| text.contains("patches of 142 are the largest")));
        assert!(remark(34).is_some());
        assert_eq!(Paper::Objectives.remark(64, |_| false), None);
    }

    #[test]
    fn sizes_are_those_of_training_and_twice_that() {
        let config = Config::default();
        assert_eq!(Paper::Sizes.test_sizes(&config), [256, 512]);
        assert!(Paper::Sizes.axes(|_| true).is_empty());
        assert!(Paper::Architectures.test_sizes(&config).is_empty());
    }
}
