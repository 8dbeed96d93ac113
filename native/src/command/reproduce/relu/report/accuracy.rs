//! How often students are right, on their way and at its end.

use std::fmt::Write;

use anyhow::Result;

use super::{
    super::results::{Pair, Results},
    charts::{self, INK, seed, steps},
    html::{Column, Text, figure, fixed, legend, percent, points, table},
    spread::Spread,
    verdict::{claimed, loss},
};

/// Validation top-1 of the claimed arm after each swap.
pub fn course(results: &Results) -> Result<String> {
    let Some(arm) = claimed(results) else {
        return Ok("<p>No arm is marked as the one that the claim is about.</p>\n".into());
    };
    let Some(image) = charts::course(arm, false)? else {
        return Ok("<p>No course was recorded.</p>\n".into());
    };
    let seeds: Vec<_> = arm
        .runs
        .iter()
        .map(|run| format!("seed {}", run.seed))
        .collect();
    let entries = seeds
        .iter()
        .enumerate()
        .map(|(at, name)| (seed(at), name.as_str()));
    let legend = legend(entries.chain([(INK, "teacher (dashed)")]))?;
    let mut html = format!(
        "<p>Top-1 of the float students of {} on the validation images: {}</p>\n",
        Text(&arm.name),
        Text(&arm.what)
    );
    let alt = "Line chart of validation top-1 before and after the training of each step";
    let caption =
        format!("Hollow: after the swap, before training. Full: after training. {legend}");
    html.push_str(&figure(&image, alt, &caption));

    let points = || arm.runs.iter().flat_map(|run| &run.course);
    let width = |values: Option<Spread>| values.map_or(0.0, |spread| spread.max - spread.min);
    let after = width(Spread::of(points().map(|point| point.after)));
    let all = width(Spread::of(
        points().flat_map(|point| [point.before, point.after]),
    ));
    if all > 4.0 * after
        && let Some(image) = charts::course(arm, true)?
    {
        let alt = "Line chart of validation top-1 after the training of each step";
        html.push_str(&figure(
            &image,
            alt,
            "The same after training alone, on an axis of its own.",
        ));
    }

    let names = steps(&arm.runs);
    let rows = names.iter().enumerate().map(|(at, name)| {
        let points = || arm.runs.iter().filter_map(|run| run.course.get(at));
        let shown =
            |spread: Option<Spread>| spread.map_or("–".into(), |spread| spread.in_percent());
        let before = Spread::of(points().map(|point| point.before)).filter(|_| at > 0);
        let after = Spread::of(points().map(|point| point.after));
        vec![name.clone(), shown(before), shown(after)]
    });
    let columns = [
        ("What changed (layer.block)", Column::Words),
        ("Before training, %", Column::Figures),
        ("After, %", Column::Figures),
    ];
    let caption = "Validation top-1 by step, mean ± standard deviation over the seeds";
    html.push_str(&table(caption, &columns, rows)?);
    Ok(html)
}

/// The arms against each other and against the teacher.
pub fn arms(results: &Results) -> Result<String> {
    let mut html = String::new();
    let untrained = results.untrained.integer.top1;
    if let Some(image) = charts::arms(results)? {
        let alt = "Dot chart of the integer-only top-1 of each student by arm, with the teacher";
        let caption = format!(
            "Test top-1 of the integer-only students: a dot for each seed, the mean as a bar, the \
             claimed arm in orange. Without training the swap leaves {}, which is not drawn.",
            percent(untrained, 2)
        );
        html.push_str(&figure(&image, alt, &caption));
    }
    let Pair { float, integer } = results.untrained;
    let share = |share: f64| fixed(share * 100.0, 2);
    let mut rows = vec![
        vec![
            "teacher".into(),
            "GELU, as it was trained".into(),
            share(results.teacher.top1),
            "–".into(),
            share(results.teacher.agreement),
            "–".into(),
            "–".into(),
        ],
        vec![
            "untrained".into(),
            "ReLU in all blocks, no training".into(),
            share(float.top1),
            share(integer.top1),
            share(integer.agreement),
            points(integer.top1 - results.teacher.top1),
            "–".into(),
        ],
    ];
    for arm in &results.arms {
        let over = |value: &dyn Fn(&super::super::results::ArmRun) -> f64| {
            Spread::of(arm.runs.iter().map(value))
        };
        let shown =
            |spread: Option<Spread>| spread.map_or("–".into(), |spread| spread.in_percent());
        let name = if arm.claimed {
            format!("{} (claimed)", arm.name)
        } else {
            arm.name.clone()
        };
        rows.push(vec![
            name,
            arm.what.clone(),
            shown(over(&|run| run.student.float.top1)),
            shown(over(&|run| run.student.integer.top1)),
            shown(over(&|run| run.student.integer.agreement)),
            loss(results, arm).map_or("–".into(), |loss| points(-loss.mean)),
            over(&|run| run.seconds / 60.0).map_or("–".into(), |minutes| fixed(minutes.mean, 1)),
        ]);
    }
    html.push_str(&table(
        "Test top-1 by arm, mean ± standard deviation over the seeds",
        &[
            ("Arm", Column::Words),
            ("What", Column::Lines),
            ("Float, %", Column::Figures),
            ("Integer, %", Column::Figures),
            ("Agrees with teacher, %", Column::Figures),
            ("Change to teacher, points", Column::Figures),
            ("Minutes each", Column::Figures),
        ],
        rows,
    )?);
    Ok(html)
}

/// The teacher with each integer form of GELU.
pub fn forms(results: &Results) -> Result<String> {
    if results.forms.is_empty() {
        return Ok("<p>The teacher was not made integer-only.</p>\n".into());
    }
    let mut html = String::new();
    writeln!(
        html,
        "<p>What the integers alone cost, with GELU kept in each of its integer forms. The float \
         teacher reaches {}.</p>",
        percent(results.teacher.top1, 2)
    )?;
    let rows = results.forms.iter().map(|form| {
        vec![
            form.name.clone(),
            fixed(form.score.top1 * 100.0, 2),
            fixed(form.score.agreement * 100.0, 2),
            points(form.score.top1 - results.teacher.top1),
        ]
    });
    html.push_str(&table(
        "The integer-only teacher by form of GELU",
        &[
            ("GELU", Column::Words),
            ("Top-1, %", Column::Figures),
            ("Agrees with float, %", Column::Figures),
            ("Change to float, points", Column::Figures),
        ],
        rows,
    )?);
    Ok(html)
}
