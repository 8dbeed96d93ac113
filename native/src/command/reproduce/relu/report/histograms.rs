//! What the activations put out, block by block.

use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::super::results::{BlockHistogram, Results};
use crate::study::{
    chart::{BLUE, VERMILLION, axes, svg, text},
    html::{Text, figure, legend},
    numbers::{fixed, percent},
};

/// The least decade that is drawn.
const LEAST: f64 = -6.0;

/// The section's content: a small chart for each block.
pub fn html(results: &Results) -> Result<String> {
    let mut html = String::new();
    let floor = floor(&results.histograms);
    for histogram in &results.histograms {
        let Some(image) = chart(histogram, floor)? else {
            continue;
        };
        let block = Text(&histogram.block);
        let zeros = percent(histogram.zeros, 1);
        let alt = format!(
            "Histogram of the activation in {}, from {} to {}; {zeros} of the student's values \
             are zero",
            histogram.block,
            fixed(histogram.low, 2),
            fixed(histogram.high, 2)
        );
        let caption = format!("<strong>{block}</strong>: {zeros} of the student's values are zero");
        html.push_str(&figure(&image, &alt, &caption));
    }
    if html.is_empty() {
        return Ok("<p>No activations were recorded.</p>\n".into());
    }
    Ok(format!(
        "<p>Share of the values in each bin, on a logarithmic axis, since ReLU puts most of them \
         on zero. {}</p>\n<div class=\"small\">\n{html}</div>\n",
        legend([(BLUE, "teacher (GELU)"), (VERMILLION, "student (ReLU)")])
    ))
}

/// The decade below all shares that are not zero.
fn floor(histograms: &[BlockHistogram]) -> f64 {
    let shares = histograms
        .iter()
        .flat_map(|histogram| histogram.teacher.iter().chain(&histogram.student));
    let least = shares
        .copied()
        .filter(|share| *share > 0.0)
        .fold(0.1, f64::min);
    least.log10().floor().max(LEAST)
}

/// The outline of bins as steps, in decades.
fn outline(histogram: &BlockHistogram, shares: &[f64], floor: f64) -> Vec<(f64, f64)> {
    let width = (histogram.high - histogram.low) / shares.len() as f64;
    let mut line = vec![(histogram.low, floor)];
    for (at, share) in shares.iter().enumerate() {
        // Also takes NaN and zero, which have no logarithm.
        let height = if *share > 0.0 {
            share.log10().clamp(floor, 0.0)
        } else {
            floor
        };
        let left = histogram.low + at as f64 * width;
        line.extend([(left, height), (left + width, height)]);
    }
    line.push((histogram.high, floor));
    line
}

fn chart(histogram: &BlockHistogram, floor: f64) -> Result<Option<String>> {
    let BlockHistogram {
        low,
        high,
        teacher,
        student,
        ..
    } = histogram;
    let span = high - low;
    if (teacher.is_empty() && student.is_empty()) || !span.is_finite() || span <= 0.0 {
        return Ok(None);
    }
    let image = svg((300, 190), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(14)
            .x_label_area_size(24)
            .y_label_area_size(58)
            .build_cartesian_2d(*low..*high, floor..0.0)?;
        let decimals = if span < 2.0 {
            2
        } else {
            usize::from(span < 10.0)
        };
        let value = |value: &f64| fixed(*value, decimals);
        axes(&mut chart, [&value, &|_| String::new()], [5, 0])?;
        for decade in floor as i32..=0 {
            let height = f64::from(decade);
            let (x, y) = chart.backend_coord(&(*low, height));
            let label = format!("{}%", 10f64.powi(decade + 2));
            area.draw_text(&label, &text(11, HPos::Right, VPos::Center), (x - 5, y))?;
            let line = PathElement::new([(*low, height), (*high, height)], RGBColor(225, 225, 225));
            chart.draw_series([line])?;
        }
        if !student.is_empty() {
            let line = outline(histogram, student, floor);
            chart.draw_series([Polygon::new(line.clone(), VERMILLION.mix(0.3).filled())])?;
            chart.draw_series([PathElement::new(line, VERMILLION.stroke_width(1))])?;
        }
        if !teacher.is_empty() {
            let line = outline(histogram, teacher, floor);
            chart.draw_series([PathElement::new(line, BLUE.stroke_width(2))])?;
        }
        Ok(())
    })?;
    Ok(Some(image))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(teacher: Vec<f64>, student: Vec<f64>) -> BlockHistogram {
        BlockHistogram {
            block: "layers.0.blocks.0".into(),
            low: -1.0,
            high: 1.0,
            teacher,
            student,
            zeros: 0.5,
        }
    }

    #[test]
    fn bins_become_steps_over_the_floor() {
        let histogram = histogram(vec![0.1, 0.0], vec![f64::NAN, 1.0]);
        let low = [
            (-1.0, -3.0),
            (-1.0, -1.0),
            (0.0, -1.0),
            (0.0, -3.0),
            (1.0, -3.0),
            (1.0, -3.0),
        ];
        assert_eq!(outline(&histogram, &histogram.teacher, -3.0), low);
        assert_eq!(outline(&histogram, &histogram.student, -3.0)[1].1, -3.0);
    }

    #[test]
    fn a_histogram_without_bins_or_width_has_no_chart() {
        assert!(chart(&histogram(vec![], vec![]), -3.0).unwrap().is_none());
        let mut flat = histogram(vec![1.0], vec![]);
        assert!(chart(&flat, -3.0).unwrap().is_some());
        flat.high = flat.low;
        assert!(chart(&flat, -3.0).unwrap().is_none());
        flat.high = f64::NAN;
        assert!(chart(&flat, -3.0).unwrap().is_none());
    }
}
