//! What the charts have in common, and the charts of accuracy.

use anyhow::Result;
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    super::results::{Arm, ArmRun, Results},
    html::percent,
    spread::Spread,
    verdict::ALLOWED_LOSS,
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
/// Text and lines of axes.
pub const INK: RGBColor = RGBColor(34, 34, 34);
const GRID: RGBColor = RGBColor(221, 221, 221);
const SEEDS: [RGBColor; 6] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY];

/// Most characters of a name beside a chart.
const NAME: usize = 26;

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
    let size = f64::from(size) * 1.24;
    ("sans-serif", size)
        .into_font()
        .color(&INK)
        .pos(Pos::new(horizontal, vertical))
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

/// The colour of a student.
pub fn seed(at: usize) -> RGBColor {
    SEEDS[at % SEEDS.len()]
}

/// Steps as they are named under the axis: `2.1` for block 1 of layer 2; a number if there is no
/// short name that all students share.
pub fn steps(runs: &[ArmRun]) -> Vec<String> {
    let longest = runs.iter().map(|run| run.course.len()).max().unwrap_or(0);
    let name = |at: usize| {
        let mut names = runs
            .iter()
            .filter_map(|run| Some(short(&run.course.get(at)?.label)));
        let first = names.next()?;
        (first.chars().count() <= 8 && names.all(|name| name == first)).then_some(first)
    };
    (0..longest)
        .map(|at| name(at).unwrap_or_else(|| at.to_string()))
        .collect()
}

fn short(label: &str) -> String {
    let block = |name: &str| {
        let (layer, block) = name.strip_prefix("layers.")?.split_once(".blocks.")?;
        Some(format!("{layer}.{block}"))
    };
    let names: Option<Vec<_>> = label
        .split([' ', ','])
        .filter(|n| !n.is_empty())
        .map(block)
        .collect();
    match names {
        Some(names) if !names.is_empty() => names.join("+"),
        _ => label.to_owned(),
    }
}

/// Top-1 on the validation images along the way of each student of an arm, or after training
/// alone, which takes less height. None without points.
pub fn course(arm: &Arm, after_alone: bool) -> Result<Option<String>> {
    let points = arm.runs.iter().flat_map(|run| &run.course);
    let values = points.flat_map(|point| {
        [
            point.after,
            if after_alone {
                point.after
            } else {
                point.before
            },
        ]
    });
    let Some(range) = range(values) else {
        return Ok(None);
    };
    let steps = steps(&arm.runs);
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
        area.draw_text(
            "what changed: layer.block",
            &under,
            (460, size.1 as i32 - 8),
        )?;
        if let Some(teacher) = arm.runs.iter().find_map(|run| run.course.first()) {
            let ends = [-0.5, steps.len() as f64 - 0.5].map(|x| (x, teacher.after));
            chart.draw_series([DashedPathElement::new(ends, 6, 4, INK.stroke_width(1))])?;
        }
        for (at, run) in arm.runs.iter().enumerate() {
            draw_course(&mut chart, run, seed(at), after_alone)?;
        }
        Ok(())
    })?;
    Ok(Some(image))
}

/// One student: hollow dots before training, full ones after.
fn draw_course(chart: &mut Plane, run: &ArmRun, colour: RGBColor, after_alone: bool) -> Result<()> {
    // Before and after stand side by side, so that the drop and the recovery are seen.
    let side = if after_alone { 0.0 } else { 0.16 };
    let mut line = Vec::new();
    for (at, point) in run.course.iter().enumerate() {
        let x = at as f64;
        let before = (x - side, point.before);
        let after = (x + side, point.after);
        // The teacher has no before.
        if at > 0 && !after_alone && point.before.is_finite() {
            line.push(before);
            chart.draw_series([Circle::new(before, 4, colour.stroke_width(2))])?;
        }
        if point.after.is_finite() {
            line.push(after);
            chart.draw_series([Circle::new(after, 4, colour.filled())])?;
        }
    }
    chart.draw_series([PathElement::new(line, colour.mix(0.7).stroke_width(2))])?;
    Ok(())
}

/// Integer-only top-1 of all students as dots, an arm in each row, with the mean, the
/// teacher and what may be lost to it.
pub fn arms(results: &Results) -> Result<Option<String>> {
    let top1s = |arm: &Arm| {
        arm.runs
            .iter()
            .map(|run| run.student.integer.top1)
            .collect::<Vec<_>>()
    };
    let rows: Vec<(&Arm, Vec<f64>, Spread)> = results
        .arms
        .iter()
        .filter_map(|arm| Some((arm, top1s(arm), Spread::of(top1s(arm))?)))
        .collect();
    let all = rows.iter().flat_map(|(_, top1s, _)| top1s.iter().copied());
    let Some(range) = range(all.chain([results.teacher.top1, results.teacher.top1 - ALLOWED_LOSS]))
    else {
        return Ok(None);
    };
    if rows.is_empty() {
        return Ok(None);
    }
    let longest = rows
        .iter()
        .map(|(arm, ..)| arm.name.chars().count().min(NAME))
        .max();
    // About a character's width each, for want of a font to measure.
    let margin = 30 + 7 * longest.unwrap_or(0) as u32;
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
        let teacher = results.teacher.top1;
        let limit = teacher - ALLOWED_LOSS;
        let [teacher_x, limit_x] = [teacher, limit].map(|x| chart.backend_coord(&(x, 0.5)).0);
        // On a wide range the two would run together.
        let limit = (teacher_x - limit_x > 130).then_some((limit, limit_x, "0.5 points less"));
        for (top1, x, name) in [(teacher, teacher_x, "teacher (float)")]
            .into_iter()
            .chain(limit)
        {
            let ends = [bottom, 0.5].map(|y| (top1, y));
            chart.draw_series([DashedPathElement::new(ends, 6, 4, INK.stroke_width(1))])?;
            let style = text(12, HPos::Center, VPos::Bottom);
            area.draw_text(name, &style, (x.clamp(60, 800), 28))?;
        }
        for (row, (arm, top1s, spread)) in rows.iter().enumerate() {
            let colour = if arm.claimed { VERMILLION } else { BLUE };
            let y = -(row as f64);
            chart.draw_series([PathElement::new(
                [(spread.mean, y - 0.3), (spread.mean, y + 0.3)],
                INK.stroke_width(3),
            )])?;
            for (at, top1) in top1s
                .iter()
                .enumerate()
                .filter(|(_, top1)| top1.is_finite())
            {
                let up = (at as f64 + 0.5) / top1s.len() as f64 - 0.5;
                let dot = (*top1, y - up * 0.4);
                chart.draw_series([Circle::new(dot, 5, colour.mix(0.75).filled())])?;
            }
            let (left, middle) = chart.backend_coord(&(range.start, y));
            let name = cut(&arm.name, NAME);
            area.draw_text(
                &name,
                &text(13, HPos::Right, VPos::Center),
                (left - 10, middle),
            )?;
        }
        Ok(())
    })?;
    Ok(Some(image))
}

/// A name that is not longer than so many characters.
pub fn cut(name: &str, most: usize) -> String {
    match name.chars().count() <= most {
        true => name.to_owned(),
        false => name
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn blocks_have_short_names() {
        assert_eq!(short("layers.2.blocks.1"), "2.1");
        assert_eq!(short("layers.0.blocks.1 layers.0.blocks.0"), "0.1+0.0");
        assert_eq!(short("teacher"), "teacher");
        assert_eq!(short(""), "");
    }

    #[test]
    fn steps_that_seeds_order_differently_are_numbered() {
        let mut runs = sample::arm("", true, &[0.9, 0.9]).runs;
        assert_eq!(
            steps(&runs),
            ["teacher", "1.1", "1.0", "0.1", "0.0", "finish"]
        );
        runs[1].course[2].label = "layers.0.blocks.1 layers.1.blocks.0".into();
        runs[1].course.truncate(3);
        assert_eq!(
            steps(&runs),
            ["teacher", "1.1", "2", "0.1", "0.0", "finish"]
        );
    }

    #[test]
    fn a_range_has_room_also_for_one_number() {
        let range = range([0.5, 0.5, f64::NAN]).unwrap();
        assert!(range.start < 0.5 && range.end > 0.5);
        assert!(super::range([f64::NAN]).is_none());
    }

    #[test]
    fn the_limit_is_drawn_unless_it_meets_the_teacher() {
        let mut results = sample::results();
        assert!(arms(&results).unwrap().unwrap().contains("0.5 points less"));
        results.arms.push(sample::arm("far", false, &[0.3]));
        assert!(!arms(&results).unwrap().unwrap().contains("0.5 points less"));
        results.arms.clear();
        assert!(arms(&results).unwrap().is_none());
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(cut("ééé", 3), "ééé");
        assert_eq!(cut("éééé", 3), "éé…");
    }
}
