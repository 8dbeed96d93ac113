//! The images that commands train on.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use intformer::{
    Preprocessing,
    data::{Dataset, ImageFolder},
    model::SwinConfig,
};

use crate::{
    cli::count,
    command::data::{GlyphArguments, Part},
};

/// Images to train on and to validate with.
#[derive(Args)]
pub struct TrainingImages {
    /// A folder with train and val, each with a sub-folder for each class.
    #[arg(long, required_unless_present = "glyphs", conflicts_with = "glyphs")]
    data: Option<PathBuf>,
    /// Renders so many images of letters and digits anew in each epoch.
    #[arg(long, value_name = "N", value_parser = count())]
    pub glyphs: Option<usize>,
    /// Images of glyphs to validate with, of other fonts.
    #[arg(long, default_value_t = 2000, value_parser = count())]
    glyphs_val: usize,
    #[command(flatten)]
    pub rendering: GlyphArguments,
}

impl TrainingImages {
    /// The images to train on and to validate with, as a model takes them whose configuration for a
    /// number of classes is `config`.
    pub fn open(
        &self,
        config: impl Fn(usize) -> SwinConfig,
        preprocessing: &Preprocessing,
    ) -> Result<(Box<dyn Dataset>, Box<dyn Dataset>)> {
        if let Some(count) = self.glyphs {
            let [train, validation] = self
                .rendering
                .splits([(Part::Train, count), (Part::Val, self.glyphs_val)])?;
            return Ok((Box::new(train), Box::new(validation)));
        }
        let Some(folder) = &self.data else {
            bail!("expected --data or --glyphs");
        };
        let open = |name: &str| -> Result<Box<dyn Dataset>> {
            let images = ImageFolder::open(folder.join(name))?;
            let config = config(images.labels().len());
            Ok(Box::new(images.dataset(config, preprocessing.clone())))
        };
        Ok((open("train")?, open("val")?))
    }
}
