//! What was run and how, and what that leaves open.

use super::super::results::{Results, TaskResults};
use crate::study::{
    html::{Column, facts, table},
    numbers::{count, fixed},
};

/// What the study cannot show.
pub fn limits(results: &Results) -> String {
    let seeds = results.tasks.iter().map(|task| task.settings.seeds).max();
    format!(
        "<ul>\n\
         <li>What the papers measured: BERT-base on GLUE, DeiT on ImageNet. Here models are small; of an encoder of texts the upper \
         third of the blocks was trained.</li>\n\
         <li>Other draws: of {} draws of examples an interval is rough, and the draws are resampled, not made anew.</li>\n\
         <li>What a training after pruning would win back.</li>\n\
         <li>The best method of a new task: it is chosen here by the test that it is told on.</li>\n\
         <li>A ceiling: the greedy search goes by how far the answers move, in four rounds, of images alone.</li>\n</ul>\n",
        seeds.unwrap_or(0)
    )
}

/// What was run.
pub fn settings(results: &Results) -> String {
    let rows = results.tasks.iter().map(|task: &TaskResults| {
        let settings = &task.settings;
        vec![
            settings.task.title().to_owned(),
            settings.from.clone(),
            count(settings.examples),
            count(settings.test_examples),
            count(settings.seeds as usize),
            count(settings.epochs),
            format!("{:e}", settings.rate),
            match settings.frozen.is_empty() {
                true => "none".to_owned(),
                false => settings.frozen.join(", "),
            },
            settings.tokens.map_or("–".to_owned(), count),
            beginning(&settings.from_digest),
            beginning(&settings.data_digest),
            beginning(&task.whole.integer.digest),
        ]
    });
    let mut html = table(
        "Settings",
        &[
            ("Task", Column::Words),
            ("Begins with", Column::Code),
            ("Examples", Column::Figures),
            ("Test", Column::Figures),
            ("Draws", Column::Figures),
            ("Epochs", Column::Figures),
            ("Largest rate", Column::Figures),
            ("Frozen", Column::Lines),
            ("Tokens at most", Column::Figures),
            ("Model", Column::Code),
            ("Data", Column::Code),
            ("Integer logits", Column::Code),
        ],
        rows,
    );
    let machine = &results.machine;
    html += &facts(
        "Machine",
        [
            ("Platform", machine.platform.clone()),
            ("Processor", machine.processor.clone()),
            ("Threads", count(machine.threads)),
            (
                "Minutes of pruning, summed over all",
                fixed(machine.minutes, 0),
            ),
        ],
    );
    html + "<p>Each method has the settings of <code>intformer prune</code>, none of them chosen by these tests. The examples of a draw \
            are drawn by its seed, of as many as the method takes.</p>\n"
}

/// As much of a digest as is shown.
fn beginning(digest: &str) -> String {
    digest.get(..12).unwrap_or(digest).to_owned()
}
