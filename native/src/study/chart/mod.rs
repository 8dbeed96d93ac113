//! Charts as SVG: what they have in common, and those that more than one study can draw.

mod bars;
mod course;
mod dots;
mod parts;
mod plane;

use anyhow::Result;
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{numbers::percent, spread::Spread};

pub use self::{
    bars::{Bar, bars},
    course::{Course, course},
    dots::{Row, dots},
    parts::{Parts, parts},
    plane::{Series, plane},
};

/// The colours of Okabe and Ito that stand out from white.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// As [`BLUE`].
pub const VERMILLION: RGBColor = RGBColor(213, 94, 0);
/// As [`BLUE`].
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// As [`BLUE`].
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);
/// As [`BLUE`].
pub const ORANGE: RGBColor = RGBColor(230, 159, 0);
/// As [`BLUE`].
pub const SKY: RGBColor = RGBColor(86, 180, 233);
/// What stands behind the others.
pub const GREY: RGBColor = RGBColor(130, 130, 130);
/// Text and lines of axes.
pub const INK: RGBColor = RGBColor(34, 34, 34);
const GRID: RGBColor = RGBColor(221, 221, 221);
const RUNS: [RGBColor; 6] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY];

/// A drawing without fonts to measure: text is laid out by the browser.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A chart over plain numbers.
pub type Plane<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws into an SVG element.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area)?;
        area.present()?;
    }
    Ok(svg)
}

/// The style of text.
pub fn text<'a>(size: u32, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    // The backend divides sizes by 1.24.
    let font = ("sans-serif", f64::from(size) * 1.24).into_font();
    font.color(&INK).pos(Pos::new(horizontal, vertical))
}

/// A range that holds these numbers with some room at both ends, also if they are all the same.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<std::ops::Range<f64>> {
    let spread = Spread::of(values)?;
    let room = ((spread.max - spread.min) * 0.08).max(0.000_5);
    Some(spread.min - room..spread.max + room)
}

/// Draws the grid and the figures of both axes.
pub fn axes(
    chart: &mut Plane,
    [x, y]: [&dyn Fn(&f64) -> String; 2],
    [x_labels, y_labels]: [usize; 2],
) -> Result<()> {
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text(12, HPos::Center, VPos::Center))
        .x_labels(x_labels)
        .y_labels(y_labels)
        .x_label_formatter(x)
        .y_label_formatter(y);
    if x_labels == 0 {
        mesh.disable_x_mesh().disable_x_axis();
    }
    if y_labels == 0 {
        mesh.disable_y_mesh().disable_y_axis();
    }
    mesh.draw()?;
    Ok(())
}

/// Shares as percent, with the decimals that a range of them needs.
pub fn percents(range: &std::ops::Range<f64>) -> impl Fn(&f64) -> String + use<> {
    let decimals = if range.end - range.start < 0.02 { 2 } else { 1 };
    move |share| percent(*share, decimals)
}

/// The colour of a run among others.
pub fn colour(at: usize) -> RGBColor {
    RUNS[at % RUNS.len()]
}

/// A name that is not longer than so many characters.
pub fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept = name.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_room_also_for_one_number() {
        let range = range([0.5, 0.5, f64::NAN]).unwrap();
        assert!(range.start < 0.5 && range.end > 0.5);
        assert!(super::range([f64::NAN]).is_none());
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(cut("ééé", 3), "ééé");
        assert_eq!(cut("éééé", 3), "éé…");
    }
}
