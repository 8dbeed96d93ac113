//! The report of the study: one HTML file with all in it.

mod accuracy;
mod examples;
mod histograms;
mod latency;
mod method;
#[cfg(test)]
mod sample;
mod saving;
mod steps;
mod verdict;

use anyhow::Result;

use super::results::Results;
use crate::study::{
    html::Text,
    numbers::{count, percent},
    page::Page,
    verdict::warnings,
};

/// The page, which needs no other file and no network.
///
/// Its verdict is computed from the figures. Text from the results is escaped.
///
/// # Errors
///
/// If a chart cannot be drawn.
pub fn page(results: &Results) -> Result<String> {
    let page = Page {
        title: "ReLU instead of GELU in a Swin transformer",
        lead: lead(results),
        warnings: &warnings(results.settings.quick, results.machine.release),
        verdict: verdict::html(results),
        sections: vec![
            ("Accuracy after each swap", accuracy::course(results)?),
            ("The ways to ReLU", accuracy::arms(results)?),
            ("The teacher in integers", accuracy::forms(results)),
            ("What the activations put out", histograms::html(results)?),
            ("Latency", latency::html(results)?),
            ("What the student mixes up", examples::html(results)),
            ("What this cannot show", method::limits(results)),
            ("Method and settings", method::settings(results)),
        ],
    };
    Ok(page.html())
}

fn lead(results: &Results) -> String {
    let students = match (results.arms.len(), results.settings.seeds) {
        (arms, 1) => format!("{arms} ways with one seed each"),
        (arms, seeds) => format!("{arms} ways with {seeds} seeds each"),
    };
    format!(
        "<p>An integer-only Swin transformer needs some form of GELU in integers. <a \
         href=\"https://arxiv.org/abs/2402.01169\">arXiv 2402.01169</a> takes ReLU in its place: \
         GELU is swapped block by block, and after each swap the student learns from the GELU \
         model that it was. It claims that the quantized models take at least 11\u{a0}% less time \
         on an RTX 4090 and lose under 0.5 points of ImageNet top-1. Here the same is done at a \
         small scale: to a model of {} classes of images, in {students}. The images are {}. The teacher, {}, is right \
         on {} of {} test images.</p>\n",
        results.classes.len(),
        Text(&results.settings.images),
        Text(&results.settings.teacher),
        percent(results.teacher.top1, 2),
        count(results.settings.test_images),
    )
}

#[cfg(test)]
mod tests;
