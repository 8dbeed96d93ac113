//! Parts of wholes, as filled cells of a table.

use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{INK, cut, svg, text};

/// Most characters of the name of a row.
const NAME: usize = 26;

/// A row of [`parts`].
pub struct Parts {
    /// Its name.
    pub name: String,
    /// How many of how many, of each column.
    pub cells: Vec<[usize; 2]>,
}

/// Draws a cell for each row and each of `columns`, filled in `colour` as far as it says; None without cells.
pub fn parts(columns: &[&str], rows: &[Parts], colour: RGBColor) -> Result<Option<String>> {
    if rows.is_empty() || columns.is_empty() {
        return Ok(None);
    }
    let (left, top, height) = (190, 40, 26);
    let width = (860 - left - 10) / columns.len() as i32;
    let size = (860, (top + height * rows.len() as i32 + 10) as u32);
    let image = svg(size, |area| {
        for (at, name) in columns.iter().enumerate() {
            let x = left + width * at as i32 + width / 2 - 4;
            let style = text(12, HPos::Center, VPos::Bottom);
            area.draw_text(name, &style, (x, top - 8))?;
        }
        for (row, parts) in rows.iter().enumerate() {
            let y = top + height * row as i32;
            let style = text(12, HPos::Right, VPos::Center);
            let middle = y + height / 2 - 2;
            area.draw_text(&cut(&parts.name, NAME), &style, (left - 10, middle))?;
            for (at, [some, all]) in parts.cells.iter().enumerate() {
                let x = left + width * at as i32;
                let room = width - 8;
                let share = *some as f64 / (*all).max(1) as f64;
                let end = x + (share.min(1.0) * f64::from(room)).round() as i32;
                let corners = [(x, y), (end, y + height - 5)];
                area.draw(&Rectangle::new(corners, colour.mix(0.45).filled()))?;
                let frame = [(x, y), (x + room, y + height - 5)];
                area.draw(&Rectangle::new(frame, INK.mix(0.35).stroke_width(1)))?;
                let style = text(11, HPos::Center, VPos::Center);
                area.draw_text(&format!("{some} of {all}"), &style, (x + room / 2, middle))?;
            }
        }
        Ok(())
    })?;
    Ok(Some(image))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::chart::BLUE;

    #[test]
    fn each_cell_says_how_many_of_how_many() {
        let row = Parts {
            name: "block".to_owned(),
            cells: vec![[3, 12], [0, 0]],
        };
        let image = parts(&["heads", "hidden"], &[row], BLUE).unwrap().unwrap();
        assert!(image.contains("3 of 12") && image.contains("0 of 0") && image.contains("hidden"));
        assert!(parts(&["heads"], &[], BLUE).unwrap().is_none());
    }
}
