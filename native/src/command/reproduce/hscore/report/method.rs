//! What was run and how, and what that leaves open.

use super::super::results::{Results, SetResults};
use crate::study::{
    html::{Column, facts, table},
    numbers::{count, fixed, percent},
};

/// What the study cannot show.
pub fn limits(results: &Results) -> String {
    let small = results.sets.iter().map(|set| set.settings.examples).max();
    let seeds = results.sets.iter().map(|set| set.settings.seeds).max();
    format!(
        "<ul>\n\
         <li>What the paper measured: RoBERTa-large and OPT-350M on sets of 67,000 to 550,000 texts. Here models are small and the \
         sets have at most {} examples; of a text encoder the upper third of the blocks learns.</li>\n\
         <li>How much a longer training would change. Fewer examples at equal epochs are fewer steps, so that the figures at equal \
         steps stand beside them.</li>\n\
         <li>Another draw of the data, and other scores: the examples of each set are drawn once and scored once in each arm. Seeds \
         change the new head, the order, and what is drawn at random; of {} seeds an interval is wide.</li>\n\
         <li>Other rates: all trainings on a set have the same, chosen for none of them.</li>\n</ul>\n",
        count(small.unwrap_or(0)),
        seeds.unwrap_or(0)
    )
}

/// What was run.
pub fn settings(results: &Results) -> String {
    let rows = results.sets.iter().map(|set: &SetResults| {
        let settings = &set.settings;
        vec![
            settings.set.title().to_owned(),
            settings.from.clone(),
            count(settings.examples),
            count(settings.test_examples),
            count(set.classes.len()),
            count(settings.runs),
            count(settings.epochs),
            count(settings.seeds as usize),
            fixed(settings.flipped * 100.0, 1),
            format!("{:e}", settings.rate),
            match settings.frozen.is_empty() {
                true => "none".to_owned(),
                false => settings.frozen.join(", "),
            },
            settings.tokens.map_or("–".to_owned(), count),
            beginning(&settings.from_digest),
            beginning(&settings.data_digest),
        ]
    });
    let mut html = table(
        "Settings",
        &[
            ("Set", Column::Words),
            ("Begins with", Column::Code),
            ("Examples", Column::Figures),
            ("Test", Column::Figures),
            ("Classes", Column::Figures),
            ("Runs that score", Column::Figures),
            ("Epochs", Column::Figures),
            ("Seeds", Column::Figures),
            ("Flipped, %", Column::Figures),
            ("Largest rate", Column::Figures),
            ("Frozen", Column::Lines),
            ("Tokens at most", Column::Figures),
            ("Model", Column::Code),
            ("Data", Column::Code),
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
                "Minutes of training, summed over all",
                fixed(machine.minutes, 0),
            ),
        ],
    );
    if let Some(set) = results.sets.first() {
        let settings = &set.settings;
        html += &format!(
            "<p>AdamW with weight decay {}, batches of {}, gradients of a norm of {} at most, a rate that rises over {} of the \
             steps and falls with a cosine. The weights of the last step are tested, none is chosen by the test. Trainings that \
             are compared have other seeds than those that score.</p>\n",
            settings.weight_decay,
            settings.batch,
            settings.clip,
            percent(settings.warm_up, 0),
        );
    }
    html
}

/// As much of a digest as is shown.
fn beginning(digest: &str) -> String {
    digest.get(..12).unwrap_or(digest).to_owned()
}
