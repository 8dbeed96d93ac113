//! Options of all commands that read a model.

use clap::Args;
use intformer::{Decoding, Preprocessing};

/// Under what the help lists the options.
#[cfg(feature = "float")]
const HEADING: &str = "Checkpoint";

/// What a checkpoint does not tell, or what is wanted otherwise.
#[derive(Args, Default)]
pub struct Reading {
    /// Image size of a float checkpoint in pixels, one number or HEIGHTxWIDTH, in place of what it
    /// says.
    #[cfg(feature = "float")]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = HEADING)]
    image_size: Option<Size>,
    /// Attention window of a float checkpoint, in place of its own: position biases are
    /// interpolated as timm does.
    #[cfg(feature = "float")]
    #[arg(long, value_name = "SIDE", value_parser = crate::cli::within(1..=64), help_heading = HEADING)]
    window_size: Option<usize>,
    /// Which weights are read of a float checkpoint with both: averaged over the training (ema, as
    /// timm does) or of the last step (raw).
    #[cfg(feature = "float")]
    #[arg(long, value_enum, help_heading = HEADING)]
    weights: Option<Weights>,
    /// How the pixels of an image file are taken, in place of what the model says: as people see them
    /// (seen: turned upright by EXIF, transparency over white, 16 bits rounded) or as torchvision's
    /// ImageFolder does (torchvision: as stored, transparency dropped; docs/images.md).
    #[arg(long, value_enum)]
    decoding: Option<DecodingChoice>,
}

/// Ways to take the pixels of an image file.
#[derive(Clone, Copy, clap::ValueEnum)]
enum DecodingChoice {
    /// As people see them.
    Seen,
    /// As Pillow's convert("RGB") gives them.
    Torchvision,
}

impl Reading {
    /// Puts what is wanted in place of what a model says of image files.
    pub fn adjust(&self, preprocessing: &mut Preprocessing) {
        if let Some(decoding) = self.decoding {
            preprocessing.decoding = match decoding {
                DecodingChoice::Seen => Decoding::Seen,
                DecodingChoice::Torchvision => Decoding::Torchvision,
            };
        }
    }
}

/// Height and width in pixels.
#[cfg(feature = "float")]
#[derive(Clone, Copy)]
struct Size([usize; 2]);

/// Which weights of a checkpoint with both.
#[cfg(feature = "float")]
#[derive(Clone, Copy, clap::ValueEnum)]
enum Weights {
    /// Averages over the training.
    Ema,
    /// Those of the last step.
    Raw,
}

/// Parses `224` or `224x320`.
#[cfg(feature = "float")]
fn size(text: &str) -> Result<Size, String> {
    let number = |text: &str| {
        let number = text.parse().ok();
        number
            .filter(|side| (1..=4096).contains(side))
            .ok_or_else(|| {
                format!("expected a size from 1 to 4096 pixels or HEIGHTxWIDTH, found {text:?}")
            })
    };
    Ok(Size(match text.split_once(['x', 'X']) {
        Some((height, width)) => [number(height)?, number(width)?],
        None => [number(text)?; 2],
    }))
}

#[cfg(feature = "float")]
impl Reading {
    /// Reads the float model at `source` and notes what was noticed on the way.
    ///
    /// # Errors
    /// If it is none.
    pub fn float(
        &self,
        source: &str,
        globals: &crate::cli::Globals,
    ) -> anyhow::Result<intformer::FloatModel> {
        if crate::model::is_compressed(source.as_ref())? {
            anyhow::bail!("expected a float model, found a compressed one: {source}");
        }
        let loaded = self.noting(source)?;
        globals.notes(&loaded.notes);
        Ok(loaded.model)
    }

    /// Reads the float model at `source`, with what was noticed on the way.
    ///
    /// # Errors
    /// If it is none.
    pub fn noting(&self, source: &str) -> anyhow::Result<intformer::checkpoint::Loaded> {
        use intformer::checkpoint::{LoadOptions, Weights as Which, load_noting};
        let options = LoadOptions {
            image_size: self.image_size.map(|Size(size)| size),
            window_size: self.window_size,
            weights: self.weights.map(|weights| match weights {
                Weights::Ema => Which::Ema,
                Weights::Raw => Which::Raw,
            }),
            ..LoadOptions::default()
        };
        let mut loaded = load_noting(source, &options)?;
        self.adjust(&mut loaded.model.preprocessing);
        Ok(loaded)
    }

    /// What a checkpoint says, but for the side of its images if one is given.
    pub fn of_size(side: Option<usize>) -> Self {
        Self {
            image_size: side.map(|side| Size([side; 2])),
            ..Self::default()
        }
    }

    /// Refuses options that only a float checkpoint can follow: `found` is something else.
    ///
    /// # Errors
    /// If one is given.
    pub fn refuse(&self, found: &str) -> anyhow::Result<()> {
        let given = [
            ("--image-size", self.image_size.is_some()),
            ("--window-size", self.window_size.is_some()),
            ("--weights", self.weights.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((option, _)) => anyhow::bail!(
                "expected a float checkpoint beside {option}, found {found}, whose size and weights are fixed"
            ),
            None => Ok(()),
        }
    }
}

#[cfg(all(test, feature = "float"))]
mod tests {
    use super::{Size, size};

    #[test]
    fn a_size_is_one_number_or_two() {
        let size = |text| size(text).map(|Size(size)| size);
        assert_eq!(size("224"), Ok([224, 224]));
        assert_eq!(size("192x320"), Ok([192, 320]));
        for text in ["", "0", "x", "224x", "4097", "1x2x3", "-1"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
