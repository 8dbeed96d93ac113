//! What glyph images are made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What decides, with the fonts found, every byte of a glyph set.
///
/// # Examples
///
/// Digits alone, larger and straight:
///
/// ```
/// use intformer::data::GlyphOptions;
///
/// let options = GlyphOptions {
///     size: 64,
///     classes: ('0'..='9').map(String::from).collect(),
///     max_rotation: 0.0,
///     ..GlyphOptions::default()
/// };
/// options.validate()?;
///
/// // By default look-alikes share a class.
/// let classes = GlyphOptions::digits_and_capitals();
/// assert_eq!(classes[..2], ["0O", "1I"]);
/// assert_eq!(classes.len(), 34);
/// # Ok::<(), intformer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlyphOptions {
    /// Side of the square images in pixels, 12 to 256.
    pub size: usize,
    /// A class for each string: the letters or digits that share it, such as `0O`. The string is
    /// the class's name.
    pub classes: Vec<String>,
    /// Everything random follows from it, the split of the families too.
    pub seed: u64,
    /// Folders with fonts; none means the system's.
    pub roots: Vec<PathBuf>,
    /// Families to use; none means all text families.
    pub families: Vec<String>,
    /// Percent of the families that are kept for validation.
    pub validation_percent: u32,
    /// Percent of the families that are kept for the test.
    pub test_percent: u32,
    /// Height of a capital letter as a share of the side: least and most. Wide letters shrink
    /// until they fit.
    pub height: [f32; 2],
    /// Pixels between the glyph and the frame, at least.
    pub margin: f32,
    /// Largest rotation either way, in degrees, up to 45.
    pub max_rotation: f32,
    /// Largest horizontal shear either way, as a slope, up to 1.
    pub max_shear: f32,
    /// Largest change of the aspect, as a share, below 1.
    pub max_stretch: f32,
    /// Grey levels of the background: least and most.
    pub background: [f32; 2],
    /// Grey levels of the ink: least and most.
    pub ink: [f32; 2],
    /// Share of the images with light ink on a dark background.
    pub inverted: f32,
    /// Largest change of the background from one edge to the other, in grey levels.
    pub max_gradient: f32,
    /// Largest blur: the weight of each neighbour in a pass, up to 0.33.
    pub max_blur: f32,
    /// Largest amplitude of the noise either way, in grey levels.
    pub max_noise: f32,
}

impl Default for GlyphOptions {
    /// Digits and capital letters with `0` and `O`, `1` and `I` merged: 34 classes at 32 pixels.
    fn default() -> Self {
        Self {
            size: 32,
            classes: Self::digits_and_capitals(),
            seed: 0,
            roots: Vec::new(),
            families: Vec::new(),
            validation_percent: 10,
            test_percent: 20,
            height: [0.5, 0.8],
            margin: 2.0,
            max_rotation: 8.0,
            max_shear: 0.15,
            max_stretch: 0.12,
            background: [170.0, 255.0],
            ink: [0.0, 90.0],
            inverted: 0.0,
            max_gradient: 40.0,
            max_blur: 0.2,
            max_noise: 16.0,
        }
    }
}

impl GlyphOptions {
    /// The 34 classes of digits and capital letters in which look-alikes share a class.
    pub fn digits_and_capitals() -> Vec<String> {
        ('0'..='9')
            .chain('A'..='Z')
            .filter(|letter| !"OI".contains(*letter))
            .map(|letter| match letter {
                '0' => "0O".to_owned(),
                '1' => "1I".to_owned(),
                _ => letter.to_string(),
            })
            .collect()
    }

    /// All characters, by class and then by their order in it.
    pub(super) fn characters(&self) -> Vec<char> {
        self.classes
            .iter()
            .flat_map(|class| class.chars())
            .collect()
    }

    /// Checks every range.
    ///
    /// # Errors
    /// The first option that is out of its range.
    pub fn validate(&self) -> Result<()> {
        let fail = |sentence: String| Err(Error::Data(sentence));
        if !(12..=256).contains(&self.size) {
            return fail(format!(
                "expected glyph images of 12 to 256 pixels, found {}",
                self.size
            ));
        }
        if self.classes.len() < 2 || self.classes.len() > 1024 {
            return fail(format!(
                "expected 2 to 1024 classes of characters, found {}",
                self.classes.len()
            ));
        }
        // An image folder has its classes in the order of their names.
        if let Some(pair) = self.classes.windows(2).find(|pair| pair[0] >= pair[1]) {
            return fail(format!(
                "expected classes in ascending order, found {:?} before {:?}",
                pair[0], pair[1]
            ));
        }
        let mut characters = self.characters();
        characters.sort_unstable();
        if let Some(other) = characters.iter().find(|c| !c.is_alphanumeric()) {
            return fail(format!(
                "expected letters and digits as characters, found {other:?}"
            ));
        }
        if let Some(pair) = characters.windows(2).find(|pair| pair[0] == pair[1]) {
            return fail(format!(
                "expected every character in one class, found {:?} twice",
                pair[0]
            ));
        }
        if self.classes.iter().any(String::is_empty) {
            return fail("expected characters in every class, found a class without".to_owned());
        }
        let (validation, test) = (self.validation_percent, self.test_percent);
        if validation == 0 || test == 0 || validation > 50 || test > 50 || validation + test > 90 {
            return fail(format!(
                "expected 1 to 50 percent each for validation and test, together at most 90, found {validation} and {test}"
            ));
        }
        let range = |range: [f32; 2], most: f32| {
            range[0] >= 0.0 && range[0] <= range[1] && range[1] <= most
        };
        for (what, good, found) in [
            (
                "a glyph height from 0.2 to 1",
                range(self.height, 1.0) && self.height[0] >= 0.2,
                self.height,
            ),
            (
                "background levels from 0 to 255",
                range(self.background, 255.0),
                self.background,
            ),
            ("ink levels from 0 to 255", range(self.ink, 255.0), self.ink),
        ] {
            if !good {
                return fail(format!(
                    "expected {what} in ascending order, found {found:?}"
                ));
            }
        }
        for (what, value, most) in [
            ("margin", self.margin, self.size as f32 / 4.0),
            ("rotation", self.max_rotation, 45.0),
            ("shear", self.max_shear, 1.0),
            ("stretch", self.max_stretch, 0.9),
            ("share of inverted images", self.inverted, 1.0),
            ("gradient", self.max_gradient, 255.0),
            ("blur", self.max_blur, 0.33),
            ("noise", self.max_noise, 255.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return fail(format!("expected {what} from 0 to {most}, found {value}"));
            }
        }
        Ok(())
    }
}
