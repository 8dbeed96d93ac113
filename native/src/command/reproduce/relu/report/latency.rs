//! Times with each activation.

use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{
    super::results::{Latency, Results, VariantLatency},
    saving::{activation, combination, saved},
};
use crate::study::{
    chart::{BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILLION, axes, cut, svg, text},
    html::{Column, Text, figure, table},
    numbers::{count, fixed, milliseconds},
};

/// The section's content: a chart for each model on each executor, and one table.
pub fn html(results: &Results) -> Result<String> {
    if results.latency.is_empty() {
        return Ok("<p>No latency was measured.</p>\n".into());
    }
    let mut html = String::from("<div class=\"medium\">\n");
    let mut done = Vec::new();
    for latency in &results.latency {
        let place = (&latency.model, &latency.executor, &latency.device);
        if done.contains(&place) {
            continue;
        }
        done.push(place);
        let same = |other: &&Latency| (&other.model, &other.executor, &other.device) == place;
        let batches: Vec<_> = results.latency.iter().filter(same).collect();
        let Some(image) = chart(&batches)? else {
            continue;
        };
        let alt = format!(
            "Milliseconds an image of {} on {} with each activation, by batch",
            latency.model, latency.executor
        );
        let caption = format!(
            "<strong>{} on {}</strong> ({}): median milliseconds an image, whiskers from the \
             first to the third quartile",
            Text(&latency.model),
            Text(&latency.executor),
            Text(&latency.device)
        );
        html.push_str(&figure(&image, &alt, &caption));
    }
    html.push_str("</div>\n");
    Ok(html + &times(results))
}

fn times(results: &Results) -> String {
    let rows = results.latency.iter().flat_map(|latency| {
        latency.variants.iter().map(move |variant| {
            vec![
                combination(latency),
                activation(&variant.activation).to_owned(),
                milliseconds(variant.median_ms),
                format!(
                    "{} to {}",
                    milliseconds(variant.q1_ms),
                    milliseconds(variant.q3_ms)
                ),
                saved(variant),
                count(latency.rounds),
            ]
        })
    });
    table(
        "Milliseconds of a run, and the share by which ReLU takes less (95\u{a0}% interval)",
        &[
            ("Model, executor, batch", Column::Words),
            ("Activation", Column::Words),
            ("Median", Column::Figures),
            ("Quartiles", Column::Figures),
            ("ReLU saves", Column::Figures),
            ("Rounds", Column::Figures),
        ],
        rows,
    )
}

fn colour(activation: &str) -> RGBColor {
    match activation {
        "relu" => VERMILLION,
        "table" => BLUE,
        "i-gelu" => GREEN,
        "shift-gelu" => PURPLE,
        "float" => ORANGE,
        _ => SKY,
    }
}

/// Times of a variant that can be drawn: quartiles and median of an image.
fn drawn(latency: &Latency, variant: &VariantLatency) -> Option<[f64; 3]> {
    let batch = latency.batch.max(1) as f64;
    let times = [variant.q1_ms, variant.median_ms, variant.q3_ms].map(|time| time / batch);
    times
        .iter()
        .all(|time| time.is_finite() && *time >= 0.0)
        .then_some(times)
}

/// Bars by batch and activation; time is by image, so that batches share an axis.
fn chart(batches: &[&Latency]) -> Result<Option<String>> {
    let times = batches.iter().flat_map(|latency| {
        latency
            .variants
            .iter()
            .filter_map(|variant| drawn(latency, variant))
    });
    let longest = times.flatten().fold(0.0, f64::max);
    if longest <= 0.0 {
        return Ok(None);
    }
    let rows: usize = batches
        .iter()
        .map(|latency| latency.variants.len() + 1)
        .sum();
    let image = svg((440, 50 + 24 * rows as u32), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_left(124)
            .margin_right(16)
            .x_label_area_size(28)
            // Room for the figures beside the bars.
            .build_cartesian_2d(0.0..longest * 1.25, -(rows as f64)..0.0)?;
        let decimals = if longest < 1.0 {
            2
        } else {
            usize::from(longest < 10.0)
        };
        let time = |time: &f64| fixed(*time, decimals);
        axes(&mut chart, [&time, &|_| String::new()], [4, 0])?;
        let mut top = 0.0;
        for latency in batches {
            let (left, y) = chart.backend_coord(&(0.0, top - 0.5));
            let batch = format!("batch {}", latency.batch);
            let mut bold = text(12, HPos::Right, VPos::Center);
            bold.font = bold.font.style(FontStyle::Bold);
            area.draw_text(&batch, &bold, (left - 8, y))?;
            for (row, variant) in latency.variants.iter().enumerate() {
                let y = top - row as f64 - 1.5;
                let (left, middle) = chart.backend_coord(&(0.0, y));
                let name = cut(activation(&variant.activation), 18);
                area.draw_text(
                    &name,
                    &text(12, HPos::Right, VPos::Center),
                    (left - 8, middle),
                )?;
                let Some([q1, median, q3]) = drawn(latency, variant) else {
                    continue;
                };
                let bar = [(0.0, y - 0.36), (median, y + 0.36)];
                chart.draw_series([Rectangle::new(bar, colour(&variant.activation).filled())])?;
                let ink = INK.stroke_width(2);
                chart.draw_series([
                    PathElement::new([(q1, y), (q3, y)], ink),
                    PathElement::new([(q1, y - 0.2), (q1, y + 0.2)], ink),
                    PathElement::new([(q3, y - 0.2), (q3, y + 0.2)], ink),
                ])?;
                let (right, _) = chart.backend_coord(&(q3.max(median), y));
                let figure = text(11, HPos::Left, VPos::Center);
                area.draw_text(&milliseconds(median), &figure, (right + 6, middle))?;
            }
            top -= latency.variants.len() as f64 + 1.0;
        }
        Ok(())
    })?;
    Ok(Some(image))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn times_that_are_no_numbers_are_not_drawn() {
        let mut results = sample::results();
        let latency = &mut results.latency[0];
        assert!(chart(&[latency]).unwrap().is_some());
        for variant in &mut latency.variants {
            variant.median_ms = f64::NAN;
        }
        assert!(chart(&[latency]).unwrap().is_none());
        html(&results).unwrap();
    }
}
