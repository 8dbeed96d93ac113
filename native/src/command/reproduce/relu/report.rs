//! The report of the study: one HTML file with all in it.

mod accuracy;
mod charts;
mod examples;
mod histograms;
mod html;
mod latency;
mod method;
#[cfg(test)]
mod sample;
mod saving;
mod spread;
mod verdict;

use std::fmt::Write;

use anyhow::Result;

use super::results::Results;

use html::{Text, count, percent};

const STYLE: &str = include_str!("report/style.css");

/// The page, which needs no other file and no network.
///
/// Its verdict is computed from the figures. Text from the results is escaped.
///
/// # Errors
///
/// If a chart cannot be drawn.
pub fn page(results: &Results) -> Result<String> {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>ReLU instead of GELU in a Swin transformer</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    intro(&mut page, results)?;
    page.push_str(&verdict::html(results)?);
    let sections = [
        ("Accuracy after each swap", accuracy::course(results)?),
        ("The ways to ReLU", accuracy::arms(results)?),
        ("The teacher in integers", accuracy::forms(results)?),
        ("What the activations put out", histograms::html(results)?),
        ("Latency", latency::html(results)?),
        ("What the student mixes up", examples::html(results)?),
        ("What this cannot show", method::limits(results)?),
        ("Method and settings", method::settings(results)?),
    ];
    for (title, content) in sections {
        writeln!(page, "<section>\n<h2>{title}</h2>\n{content}</section>")?;
    }
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(page)
}

fn intro(page: &mut String, results: &Results) -> Result<()> {
    let students = match (results.arms.len(), results.settings.seeds) {
        (arms, 1) => format!("{arms} ways with one seed each"),
        (arms, seeds) => format!("{arms} ways with {seeds} seeds each"),
    };
    writeln!(
        page,
        "<header>\n<h1>ReLU instead of GELU in a Swin transformer</h1>\n\
         <p>An integer-only Swin transformer needs some form of GELU in integers. <a \
         href=\"https://arxiv.org/abs/2402.01169\">arXiv 2402.01169</a> takes ReLU in its place: \
         GELU is swapped block by block, and after each swap the student learns from the GELU \
         model that it was. It claims that the quantized models take at least 11\u{a0}% less time \
         on an RTX 4090 and lose under 0.5 points of ImageNet top-1. Here the same is done at a \
         small scale: to a Swin that reads {} classes of glyphs, digits and letters \
         rendered from fonts, in {students}. The teacher, {}, is right on {} of {} test images of \
         {} font families that no training has seen.</p>\n</header>",
        results.classes.len(),
        Text(&results.settings.teacher),
        percent(results.teacher.top1, 2),
        count(results.settings.test_images),
        count(results.settings.test_families),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
