//! What was run and how, and what that leaves open.

use super::super::results::{Results, SetResults};
use crate::study::{
    html::{Column, facts, table},
    numbers::{count, fixed},
};

/// What the study cannot show.
pub fn limits(results: &Results) -> String {
    let small = results.sets.iter().map(|set| set.settings.examples).max();
    format!(
        "<ul>\n\
         <li>What the paper measured: RoBERTa-large and OPT-350M on sets of 67,000 to 550,000 texts. Here models are small, the \
         sets have at most {} examples, and the lower two thirds of the text encoder do not learn.</li>\n\
         <li>How much a longer training would change: all trainings have the epochs of the table below. Fewer examples at \
         equal epochs are fewer steps, so that the figures at equal steps stand beside them.</li>\n\
         <li>Another draw of the data: the examples of each set are drawn once. Seeds change the new head, the order, and \
         what is drawn at random. With three seeds an interval is wide.</li>\n\
         <li>Rates of other subsets: all trainings on a set have the same rate, chosen for none of them.</li>\n</ul>\n",
        count(small.unwrap_or(0))
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
            fixed(settings.flipped * 100.0, 0),
            format!("{:e}", settings.rate),
            match settings.frozen.is_empty() {
                true => "none".to_owned(),
                false => settings.frozen.join(", "),
            },
            settings
                .data_digest
                .get(..12)
                .unwrap_or_default()
                .to_owned(),
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
    html += "<p>AdamW with weight decay 0.01, batches of 32, a rate that rises over a tenth of an epoch and falls with a \
             cosine; the weights of the last step are tested, none is chosen by the test. Trainings that are compared have \
             other seeds than those that score.</p>\n";
    html
}
