//! Counts as bars.

use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{INK, axes, svg, text};
use crate::study::numbers::count;

/// A count, and how many of it are marked.
pub struct Bar {
    /// What it counts.
    pub name: String,
    /// How many.
    pub all: usize,
    /// How many of them are marked.
    pub marked: usize,
}

/// Draws a bar for each count in `colour`, the marked part of it in `mark`; None without any count.
pub fn bars(bars: &[Bar], axis: &str, [colour, mark]: [RGBColor; 2]) -> Result<Option<String>> {
    let most = bars.iter().map(|bar| bar.all).max().unwrap_or(0);
    if most == 0 {
        return Ok(None);
    }
    let size = (860, 260);
    let image = svg(size, |area| {
        let top = most as f64 * 1.12;
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .margin_bottom(48)
            .y_label_area_size(58)
            .build_cartesian_2d(-0.6..bars.len() as f64 - 0.4, 0.0..top)?;
        let whole = |value: &f64| count(value.round() as usize);
        axes(&mut chart, [&|_| String::new(), &whole], [0, 5])?;
        for (at, bar) in bars.iter().enumerate() {
            let x = at as f64;
            for (height, colour) in [(bar.all, colour), (bar.marked, mark)] {
                let corners = [(x - 0.4, 0.0), (x + 0.4, height as f64)];
                chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            }
            let (middle, high) = chart.backend_coord(&(x, bar.all as f64));
            let above = text(11, HPos::Center, VPos::Bottom);
            area.draw_text(&count(bar.all), &above, (middle, high - 2))?;
            let (_, low) = chart.backend_coord(&(x, 0.0));
            let under = text(12, HPos::Center, VPos::Top);
            area.draw_text(&bar.name, &under, (middle, low + 6))?;
        }
        let under = text(12, HPos::Center, VPos::Bottom);
        area.draw_text(
            axis,
            &under.color(&INK),
            (size.0 as i32 / 2, size.1 as i32 - 6),
        )?;
        Ok(())
    })?;
    Ok(Some(image))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::chart::{BLUE, VERMILLION};

    #[test]
    fn each_count_is_named_and_none_makes_no_chart() {
        let bar = |name: &str, all, marked| Bar {
            name: name.to_owned(),
            all,
            marked,
        };
        let drawn = |some: &[Bar]| bars(some, "H", [BLUE, VERMILLION]).unwrap();
        let image = drawn(&[bar("zero", 1234, 5), bar("one", 0, 0)]).unwrap();
        assert!(image.contains("zero") && image.contains("1\u{202f}234"));
        assert!(drawn(&[bar("zero", 0, 0)]).is_none());
        assert!(drawn(&[]).is_none());
    }
}
