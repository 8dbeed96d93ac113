//! The report of the study: one HTML file with all in it.

mod method;
#[cfg(test)]
mod sample;
mod set;
#[cfg(test)]
mod tests;
mod verdict;

use anyhow::Result;

use super::results::Results;
use crate::study::{
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
    let quick = results.sets.iter().any(|set| set.settings.quick);
    let mut sections = Vec::new();
    for set in &results.sets {
        sections.push((set.settings.set.title(), set::html(set)?));
    }
    sections.push(("What this cannot show", method::limits(results)));
    sections.push(("Method and settings", method::settings(results)));
    let page = Page {
        title: "Which examples a fine-tuning needs",
        lead: lead(results),
        warnings: &warnings(quick, results.machine.release),
        verdict: list(&verdict::findings(results), quick),
        sections,
    };
    Ok(page.html())
}

fn lead(results: &Results) -> String {
    let names: Vec<_> = results
        .sets
        .iter()
        .map(|set| set.settings.set.title())
        .collect();
    format!(
        "<p>A few short trainings tell how hard each example is: its score H is the number of them that were right about it \
         at every epoch. <a href=\"https://arxiv.org/abs/2407.08887\">arXiv 2407.08887</a> leaves out what is always right \
         and what never is; what stays, the winning ticket subset, is said to be a third of the data on average and to train \
         as good a model. Here the same is done on {}, beside as many examples that are drawn at random or chosen by other \
         scores, and with a share of the labels flipped.</p>\n",
        Text(&names.join(", "))
    )
}
