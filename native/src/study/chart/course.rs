//! Lines over the steps that several runs take.

use anyhow::Result;
use plotters::{
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{INK, Plane, axes, colour, percents, range, svg, text};

/// Shares along the way of several runs.
pub struct Course<'a> {
    /// What the steps are, in a word or two.
    pub axis: &'a str,
    /// Name of each step; at the first all runs begin.
    pub steps: &'a [String],
    /// The shares of each run before and after its steps; those of the first step are the same.
    pub runs: &'a [Vec<[f64; 2]>],
}

/// Draws a line for each run, hollow dots before a step and full ones after, and a dashed line where
/// they begin; or what is after the steps alone, which takes less height. None without shares.
pub fn course(course: &Course, after_alone: bool) -> Result<Option<String>> {
    let Course { axis, steps, runs } = course;
    let points = runs.iter().flatten();
    let values =
        points.flat_map(|[before, after]| [*after, if after_alone { *after } else { *before }]);
    let Some(range) = range(values) else {
        return Ok(None);
    };
    let size = (860, if after_alone { 280 } else { 380 });
    let image = svg(size, |area| {
        let percents = percents(&range);
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .margin_bottom(52)
            .y_label_area_size(62)
            .build_cartesian_2d(-0.5..steps.len() as f64 - 0.5, range.clone())?;
        axes(&mut chart, [&|_| String::new(), &percents], [0, 7])?;
        let font = if steps.len() > 16 { 10 } else { 12 };
        for (at, step) in steps.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(at as f64, range.start));
            area.draw_text(step, &text(font, HPos::Center, VPos::Top), (x, y + 8))?;
        }
        let under = text(12, HPos::Center, VPos::Bottom);
        area.draw_text(axis, &under, (460, size.1 as i32 - 8))?;
        if let Some([_, start]) = runs.iter().find_map(|run| run.first()) {
            let ends = [-0.5, steps.len() as f64 - 0.5].map(|x| (x, *start));
            chart.draw_series([DashedPathElement::new(ends, 6, 4, INK.stroke_width(1))])?;
        }
        for (at, run) in runs.iter().enumerate() {
            draw(&mut chart, run, colour(at), after_alone)?;
        }
        Ok(())
    })?;
    Ok(Some(image))
}

fn draw(chart: &mut Plane, run: &[[f64; 2]], colour: RGBColor, after_alone: bool) -> Result<()> {
    // Before and after stand side by side, so that the drop and the recovery are seen.
    let side = if after_alone { 0.0 } else { 0.16 };
    let mut line = Vec::new();
    for (at, [before, after]) in run.iter().enumerate() {
        let x = at as f64;
        let (before, after) = ((x - side, *before), (x + side, *after));
        // The first step has no before.
        if at > 0 && !after_alone && before.1.is_finite() {
            line.push(before);
            chart.draw_series([Circle::new(before, 4, colour.stroke_width(2))])?;
        }
        if after.1.is_finite() {
            line.push(after);
            chart.draw_series([Circle::new(after, 4, colour.filled())])?;
        }
    }
    chart.draw_series([PathElement::new(line, colour.mix(0.7).stroke_width(2))])?;
    Ok(())
}
