//! The pixels that are made of image files, for `tests/parity/images.py`.
//!
//! Each line of the input is a [`Job`] in JSON: the bytes, row by row, are written to `out`, and
//! the answer is a line `{"size": [height, width]}` or `{"error": "sentence"}`.

use std::{
    fs,
    io::{self, BufRead},
};

use intformer::{
    Decoding, Filter, ImageShape, Pixels, Preprocessing, Resize,
    picture::{decode_as, prepare},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Job {
    file: String,
    out: String,
    channels: usize,
    #[serde(default)]
    decoding: Decoding,
    /// Without it the image keeps its size.
    resize: Option<Fit>,
}

/// A resize and the size of a model's input: height and width.
#[derive(Deserialize)]
struct Fit {
    rule: Resize,
    filter: Filter,
    size: [usize; 2],
}

impl Job {
    fn pixels(&self) -> intformer::Result<Pixels> {
        let bytes =
            fs::read(&self.file).map_err(|error| intformer::Error::io(&self.file, error))?;
        let Some(fit) = &self.resize else {
            return decode_as(&bytes, self.channels, self.decoding);
        };
        let [height, width] = fit.size;
        let shape = ImageShape::new(height, width, self.channels);
        let mut pre = Preprocessing::imagenet(self.channels, fit.rule);
        (pre.filter, pre.decoding) = (fit.filter, self.decoding);
        prepare(&bytes, &shape, &pre)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        let answer = match job.pixels() {
            Ok(pixels) => {
                fs::write(&job.out, &pixels.data)?;
                serde_json::json!({"size": [pixels.height, pixels.width]})
            }
            Err(error) => serde_json::json!({"error": error.to_string()}),
        };
        println!("{answer}");
    }
    Ok(())
}
