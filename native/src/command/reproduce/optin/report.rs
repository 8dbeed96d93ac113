//! The report of the study: one HTML file with all in it.

mod method;
#[cfg(test)]
mod sample;
mod task;
#[cfg(test)]
mod tests;
mod units;
mod verdict;

use anyhow::Result;
use plotters::style::RGBColor;

use super::{results::Results, tasks::Arm};
use crate::study::{
    chart::{BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION},
    html::Text,
    page::Page,
    verdict::{list, warnings},
};

/// The page, which needs no other file and no network.
///
/// Its verdict is computed from the figures. Text from the results is escaped.
///
/// # Errors
///
/// If a chart cannot be drawn.
pub fn page(results: &Results) -> Result<String> {
    let quick = results.tasks.iter().any(|task| task.settings.quick);
    let mut sections = Vec::new();
    for task in &results.tasks {
        sections.push((task.settings.task.title(), task::html(task)?));
    }
    sections.push(("What this cannot show", method::limits(results)));
    sections.push(("Method and settings", method::settings(results)));
    let page = Page {
        title: "Which heads and channels a model needs",
        lead: lead(results),
        warnings: &warnings(quick, results.machine.release),
        verdict: list(&verdict::findings(results), quick),
        sections,
    };
    Ok(page.html())
}

fn lead(results: &Results) -> String {
    let names: Vec<_> = results
        .tasks
        .iter()
        .map(|task| task.settings.task.title())
        .collect();
    format!(
        "<p>Attention heads and hidden channels are cut out of trained models, and nothing is trained after. \
         <a href=\"https://arxiv.org/abs/2403.17921\">OPTIN</a> scores each by what later layers and the logits lose without it; \
         <a href=\"https://arxiv.org/abs/2204.09656\">Kwon's framework</a> by Fisher information, and scales what stays. Both are said to \
         keep accuracy within two points at 60&#160;% of the multiply-adds. Here they are put to {}, beside magnitude and chance as \
         floors and a greedy search.</p>\n",
        Text(&names.join("; "))
    )
}

/// The colour of an arm in all charts that have arms.
fn colour(arm: Arm) -> RGBColor {
    match arm {
        Arm::Optin => BLUE,
        Arm::OptinTokens => GREY,
        Arm::OptinAsReleased => SKY,
        Arm::Fisher => ORANGE,
        Arm::Kwon => VERMILLION,
        Arm::Magnitude => GREEN,
        Arm::Random => PURPLE,
        Arm::Greedy => INK,
    }
}
