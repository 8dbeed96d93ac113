//! Shares as dots in rows.

use anyhow::Result;
use plotters::{
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{super::spread::Spread, INK, axes, cut, percents, range, svg, text};

/// Most characters of a name beside a chart.
const NAME: usize = 26;

/// What is drawn in a row.
pub struct Row<'a> {
    /// Its name.
    pub name: &'a str,
    /// Colour of the dots.
    pub colour: RGBColor,
    /// The shares, one at least.
    pub shares: Vec<f64>,
}

/// Draws the shares of each row with their mean, over dashed lines at a named share and at a named
/// limit, unless the two would run together. Rows without numbers are left out; None without rows.
pub fn dots(rows: &[Row], share: (f64, &str), limit: (f64, &str)) -> Result<Option<String>> {
    let rows: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, Spread::of(row.shares.iter().copied())?)))
        .collect();
    let all = rows.iter().flat_map(|(row, _)| row.shares.iter().copied());
    let Some(range) = range(all.chain([share.0, limit.0])).filter(|_| !rows.is_empty()) else {
        return Ok(None);
    };
    let names = rows.iter().map(|(row, _)| row.name.chars().count());
    // About a character's width each, for want of a font to measure.
    let margin = 30 + 7 * names.max().unwrap_or(0).min(NAME) as u32;
    let image = svg((860, 90 + 44 * rows.len() as u32), |area| {
        let percents = percents(&range);
        let bottom = -(rows.len() as f64) + 0.5;
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .margin_right(30)
            .margin_top(34)
            .margin_left(margin)
            .x_label_area_size(30)
            .build_cartesian_2d(range.clone(), bottom..0.5)?;
        axes(&mut chart, [&percents, &|_| String::new()], [7, 0])?;
        let place = |(at, name)| (at, chart.backend_coord(&(at, 0.5)).0, name);
        let (share, limit) = (place(share), place(limit));
        let apart = share.1.abs_diff(limit.1) > 130;
        for (at, x, name) in [Some(share), apart.then_some(limit)].into_iter().flatten() {
            let ends = [bottom, 0.5].map(|y| (at, y));
            chart.draw_series([DashedPathElement::new(ends, 6, 4, INK.stroke_width(1))])?;
            let style = text(12, HPos::Center, VPos::Bottom);
            area.draw_text(name, &style, (x.clamp(60, 800), 28))?;
        }
        for (at, (row, spread)) in rows.iter().enumerate() {
            let y = -(at as f64);
            chart.draw_series([PathElement::new(
                [(spread.mean, y - 0.3), (spread.mean, y + 0.3)],
                INK.stroke_width(3),
            )])?;
            let shares = row.shares.iter().enumerate();
            for (at, share) in shares.filter(|(_, share)| share.is_finite()) {
                let up = (at as f64 + 0.5) / row.shares.len() as f64 - 0.5;
                let dot = (*share, y - up * 0.4);
                chart.draw_series([Circle::new(dot, 5, row.colour.mix(0.75).filled())])?;
            }
            let (left, middle) = chart.backend_coord(&(range.start, y));
            let style = text(13, HPos::Right, VPos::Center);
            area.draw_text(&cut(row.name, NAME), &style, (left - 10, middle))?;
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
    fn the_limit_is_drawn_unless_it_meets_the_share() {
        let row = |shares: &[f64]| Row {
            name: "row",
            colour: BLUE,
            shares: shares.to_vec(),
        };
        let drawn = |rows: &[Row]| dots(rows, (0.985, "teacher"), (0.98, "limit")).unwrap();
        assert!(drawn(&[row(&[0.984])]).unwrap().contains("limit"));
        assert!(
            !drawn(&[row(&[0.984]), row(&[0.3])])
                .unwrap()
                .contains("limit")
        );
        assert!(drawn(&[row(&[f64::NAN])]).is_none());
    }
}
