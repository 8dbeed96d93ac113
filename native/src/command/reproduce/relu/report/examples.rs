//! Classes that are mixed up, and images on which student and teacher differ.

use super::super::results::{Example, Results};
use crate::study::{
    html::{Column, Text, table},
    numbers::count,
};

/// The section's content.
pub fn html(results: &Results) -> String {
    let mut html = String::new();
    if results.confusions.is_empty() {
        html.push_str("<p>The student took no class for another.</p>\n");
    } else {
        let rows = results.confusions.iter().map(|confusion| {
            vec![
                confusion.truth.clone(),
                confusion.named.clone(),
                count(confusion.student),
                count(confusion.teacher),
            ]
        });
        html.push_str(&table(
            "Mistakes of the claimed arm's first student, and how often the teacher makes them",
            &[
                ("True class", Column::Code),
                ("Taken for", Column::Code),
                ("Student", Column::Figures),
                ("Teacher", Column::Figures),
            ],
            rows,
        ));
    }
    if results.examples.is_empty() {
        html.push_str("<p>There are no images on which student and teacher differ.</p>\n");
        return html;
    }
    html.push_str("<h3>Images on which they differ</h3>\n<ul class=\"gallery\">\n");
    html.extend(results.examples.iter().map(item));
    html + "</ul>\n"
}

fn item(example: &Example) -> String {
    let Example {
        truth,
        teacher,
        student,
        side,
        png,
    } = example;
    let [truth, teacher, student] = [truth, teacher, student].map(|class| Text(class));
    // Three pixels for one, but no images that fill the page.
    let side = side.saturating_mul(3).clamp(48, 192);
    let right = |class: &str| match class == example.truth {
        true => " class=\"right\"",
        false => "",
    };
    format!(
        "<li><img src=\"data:image/png;base64,{}\" width=\"{side}\" height=\"{side}\" \
         alt=\"An image of the class {truth}\"><dl><div><dt>is</dt><dd>{truth}</dd></div>\
         <div{}><dt>teacher</dt><dd>{teacher}</dd></div>\
         <div{}><dt>student</dt><dd>{student}</dd></div></dl></li>\n",
        Text(png),
        right(&example.teacher),
        right(&example.student),
    )
}
