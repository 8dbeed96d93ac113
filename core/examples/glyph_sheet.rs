//! Draws a sheet of glyph images to look at: `glyph_sheet OUT.png [train|val|test] [ROWS] [FONTS]`.
//!
//! Prints the families of the split and the time to render an image.

use std::{collections::BTreeMap, time::Instant};

use intformer::data::{GlyphOptions, GlyphSet, Split};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let out = args.next().unwrap_or_else(|| "glyphs.png".into());
    let split = match args.next().as_deref() {
        Some("test") => Split::Test,
        Some("val") => Split::Validation,
        _ => Split::Train,
    };
    let rows: u32 = args.next().map_or(Ok(10), |rows| rows.parse())?;
    let start = Instant::now();
    let set = GlyphSet::discover(GlyphOptions {
        roots: args.next().into_iter().map(Into::into).collect(),
        ..GlyphOptions::default()
    })?;
    println!("found the fonts in {:?}", start.elapsed());
    for split in Split::ALL {
        println!("{}: {} families", split.name(), set.families(split).len());
    }
    for (group, families) in set.groups(split).iter().zip(0..) {
        println!("{families:4} {group:?}");
    }

    let side = set.options().size as u32;
    let columns = rows * 3 / 2;
    let mut sheet = image::GrayImage::new(columns * (side + 2), rows * (side + 2));
    let start = Instant::now();
    let mut seen = BTreeMap::new();
    for index in 0..rows * columns {
        // A stride that is coprime to the number of classes shows all of them.
        let (pixels, class) = set.render(split, u64::from(index) * 35, 0);
        *seen.entry(class).or_insert(0) += 1;
        let tile = image::GrayImage::from_raw(side, side, pixels.data).ok_or("wrong size")?;
        let (x, y) = (index % columns * (side + 2), index / columns * (side + 2));
        image::imageops::replace(&mut sheet, &tile, x.into(), y.into());
    }
    println!(
        "{:?} an image, {} classes seen",
        start.elapsed() / (rows * columns),
        seen.len()
    );
    sheet.save(&out)?;
    Ok(())
}
