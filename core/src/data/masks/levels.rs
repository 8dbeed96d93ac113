//! The PNG files of masks.

use std::io::{BufRead, Seek};

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use crate::dense::IGNORED;

/// The level of a pixel that is of no class.
pub(super) const NONE: u8 = 255;

/// The most pixels of a mask.
const MAX_PIXELS: u64 = 1 << 26;

/// The levels, or places in the palette, of a PNG file's pixels, as they are packed.
pub(super) struct Levels {
    /// Height and width.
    pub size: [usize; 2],
    /// Bits of a pixel.
    bits: usize,
    bytes: Vec<u8>,
}

impl Levels {
    fn at(&self, row: usize, column: usize) -> u8 {
        let each = 8 / self.bits;
        let byte = self.bytes[row * self.size[1].div_ceil(each) + column / each];
        let low = 8 - self.bits * (column % each + 1);
        (byte >> low) & (0xff >> (8 - self.bits))
    }

    /// At the size `to`, of each pixel the class, below `classes`.
    pub fn classes(&self, classes: usize, to: [usize; 2]) -> std::result::Result<Vec<u16>, String> {
        let [height, width] = self.size;
        let wrong = |level: &u8| *level != NONE && usize::from(*level) >= classes;
        let mut all =
            (0..height).flat_map(|row| (0..width).map(move |column| self.at(row, column)));
        if let Some(class) = all.find(wrong) {
            return Err(format!("expected classes below {classes}, found {class}"));
        }
        let mut mask = Vec::with_capacity(to[0] * to[1]);
        for row in 0..to[0] {
            let from = (2 * row + 1) * height / (2 * to[0]);
            for column in 0..to[1] {
                let level = self.at(from, (2 * column + 1) * width / (2 * to[1]));
                mask.push(match level {
                    NONE => IGNORED,
                    class => class.into(),
                });
            }
        }
        Ok(mask)
    }

    /// Of the PNG file `file`.
    pub fn decode(file: impl BufRead + Seek) -> std::result::Result<Self, String> {
        let mut decoder = Decoder::new_with_limits(file, Limits { bytes: 64 << 20 });
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
        let info = reader.info();
        let (width, height) = (info.width, info.height);
        let (kind, depth) = (info.color_type, info.bit_depth);
        let is_mask = [ColorType::Grayscale, ColorType::Indexed].contains(&kind);
        if !is_mask || depth == BitDepth::Sixteen {
            return Err(format!(
                "expected grey levels or a palette of up to 8 bits a pixel, found {kind:?} of {depth:?}"
            ));
        }
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(format!(
                "expected at most {MAX_PIXELS} pixels, found {width} x {height}"
            ));
        }
        let room = reader
            .output_buffer_size()
            .ok_or("expected a smaller image")?;
        let mut bytes = vec![0; room];
        reader.next_frame(&mut bytes).map_err(|e| e.to_string())?;
        Ok(Self {
            size: [height as usize, width as usize],
            bits: depth as usize,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use png::Encoder;

    use super::*;

    fn encoded(kind: ColorType, depth: BitDepth, size: [u32; 2], bytes: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, size[1], size[0]);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        if kind == ColorType::Indexed {
            encoder.set_palette(vec![7; 3 * 16]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(bytes).unwrap();
        writer.finish().unwrap();
        file
    }

    fn decoded(file: Vec<u8>) -> std::result::Result<([usize; 2], Vec<u8>), String> {
        let levels = Levels::decode(std::io::Cursor::new(file))?;
        let [height, width] = levels.size;
        let all = (0..height * width).map(|at| levels.at(at / width, at % width));
        Ok((levels.size, all.collect()))
    }

    #[test]
    fn places_of_all_depths_are_read() {
        let eight = encoded(ColorType::Grayscale, BitDepth::Eight, [1, 3], &[0, 9, 255]);
        assert_eq!(decoded(eight).unwrap(), ([1, 3], vec![0, 9, 255]));
        // The palette says how it looks, not what it is.
        let four = encoded(
            ColorType::Indexed,
            BitDepth::Four,
            [2, 3],
            &[0x12, 0x30, 0x45, 0x60],
        );
        assert_eq!(decoded(four).unwrap(), ([2, 3], vec![1, 2, 3, 4, 5, 6]));
        let one = encoded(
            ColorType::Grayscale,
            BitDepth::One,
            [1, 9],
            &[0b1010_0001, 0x80],
        );
        assert_eq!(decoded(one).unwrap().1, [1, 0, 1, 0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        let colour = encoded(ColorType::Rgb, BitDepth::Eight, [1, 1], &[1, 2, 3]);
        assert!(decoded(colour).unwrap_err().contains("found Rgb"));
        let deep = encoded(ColorType::Grayscale, BitDepth::Sixteen, [1, 1], &[1, 2]);
        assert!(decoded(deep).unwrap_err().contains("Sixteen"));
        let clear = encoded(ColorType::GrayscaleAlpha, BitDepth::Eight, [1, 1], &[1, 2]);
        assert!(decoded(clear).unwrap_err().contains("found GrayscaleAlpha"));
        assert!(decoded(b"no image".to_vec()).is_err());
        let mut cut = encoded(ColorType::Grayscale, BitDepth::Eight, [4, 4], &[1; 16]);
        cut.truncate(cut.len() - 20);
        assert!(decoded(cut).is_err());
    }
}
