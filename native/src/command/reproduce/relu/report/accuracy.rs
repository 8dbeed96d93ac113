//! How often students are right, on their way and at its end.

use anyhow::Result;

use super::{
    super::results::{ArmRun, Pair, Results},
    steps::steps,
    verdict::{ALLOWED_LOSS, claimed, loss},
};
use crate::study::{
    chart::{self, BLUE, Course, INK, Row, VERMILLION, colour},
    html::{Column, Text, figure, legend, table},
    numbers::{fixed, percent, points},
    spread::{Spread, in_percent},
};

/// Validation top-1 of the claimed arm after each swap.
pub fn course(results: &Results) -> Result<String> {
    let Some(arm) = claimed(results) else {
        return Ok("<p>No arm is marked as the one that the claim is about.</p>\n".into());
    };
    let steps = steps(&arm.runs);
    let shares = |run: &ArmRun| {
        let points = run.course.iter();
        points.map(|point| [point.before, point.after]).collect()
    };
    let runs: Vec<Vec<_>> = arm.runs.iter().map(shares).collect();
    let course = Course {
        axis: "what changed: layer.block",
        steps: &steps,
        runs: &runs,
    };
    let Some(image) = chart::course(&course, false)? else {
        return Ok("<p>No course was recorded.</p>\n".into());
    };
    let seeds = arm.runs.iter().map(|run| format!("seed {}", run.seed));
    let seeds: Vec<_> = seeds.collect();
    let entries = seeds.iter().enumerate();
    let entries = entries.map(|(at, name)| (colour(at), name.as_str()));
    let legend = legend(entries.chain([(INK, "teacher (dashed)")]));
    let mut html = format!(
        "<p>Top-1 of the float students of {} on the validation images: {}</p>\n",
        Text(&arm.name),
        Text(&arm.what)
    );
    let alt = "Line chart of validation top-1 before and after the training of each step";
    let caption =
        format!("Hollow: after the swap, before training. Full: after training. {legend}");
    html.push_str(&figure(&image, alt, &caption));

    let points = || runs.iter().flatten();
    let width = |values: Option<Spread>| values.map_or(0.0, |spread| spread.max - spread.min);
    let after = width(Spread::of(points().map(|[_, after]| *after)));
    let all = width(Spread::of(points().flatten().copied()));
    if all > 4.0 * after
        && let Some(image) = chart::course(&course, true)?
    {
        let alt = "Line chart of validation top-1 after the training of each step";
        let caption = "The same after training alone, on an axis of its own.";
        html.push_str(&figure(&image, alt, caption));
    }

    let rows = steps.iter().enumerate().map(|(at, name)| {
        let points = || runs.iter().filter_map(|run| run.get(at));
        let before = points().map(|[before, _]| *before).filter(|_| at > 0);
        let after = points().map(|[_, after]| *after);
        vec![name.clone(), in_percent(before), in_percent(after)]
    });
    let columns = [
        ("What changed (layer.block)", Column::Words),
        ("Before training, %", Column::Figures),
        ("After, %", Column::Figures),
    ];
    let caption = "Validation top-1 by step, mean ± standard deviation over the seeds";
    html.push_str(&table(caption, &columns, rows));
    Ok(html)
}

/// The arms against each other and against the teacher.
pub fn arms(results: &Results) -> Result<String> {
    let mut html = String::new();
    let untrained = results.untrained.integer.top1;
    let teacher = results.teacher.top1;
    let integer = |run: &ArmRun| run.student.integer.top1;
    let rows = results.arms.iter().map(|arm| Row {
        name: &arm.name,
        colour: if arm.claimed { VERMILLION } else { BLUE },
        shares: arm.runs.iter().map(integer).collect(),
    });
    let rows: Vec<_> = rows.collect();
    let limit = (teacher - ALLOWED_LOSS, "0.5 points less");
    if let Some(image) = chart::dots(&rows, (teacher, "teacher (float)"), limit)? {
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
            share(teacher),
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
            points(integer.top1 - teacher),
            "–".into(),
        ],
    ];
    for arm in &results.arms {
        let shown = |share: &dyn Fn(&ArmRun) -> f64| in_percent(arm.runs.iter().map(share));
        let minutes = Spread::of(arm.runs.iter().map(|run| run.seconds / 60.0));
        let name = match arm.claimed {
            true => format!("{} (claimed)", arm.name),
            false => arm.name.clone(),
        };
        rows.push(vec![
            name,
            arm.what.clone(),
            shown(&|run| run.student.float.top1),
            shown(&|run| run.student.integer.top1),
            shown(&|run| run.student.integer.agreement),
            loss(results, arm).map_or("–".into(), |loss| points(-loss.mean)),
            minutes.map_or("–".into(), |minutes| fixed(minutes.mean, 1)),
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
    ));
    Ok(html)
}

/// The teacher with each integer form of GELU.
pub fn forms(results: &Results) -> String {
    if results.forms.is_empty() {
        return "<p>The teacher was not made integer-only.</p>\n".into();
    }
    let html = format!(
        "<p>What the integers alone cost, with GELU kept in each of its integer forms. The float \
         teacher reaches {}.</p>\n",
        percent(results.teacher.top1, 2)
    );
    let rows = results.forms.iter().map(|form| {
        vec![
            form.name.clone(),
            fixed(form.score.top1 * 100.0, 2),
            fixed(form.score.agreement * 100.0, 2),
            points(form.score.top1 - results.teacher.top1),
        ]
    });
    html + &table(
        "The integer-only teacher by form of GELU",
        &[
            ("GELU", Column::Words),
            ("Top-1, %", Column::Figures),
            ("Agrees with float, %", Column::Figures),
            ("Change to float, points", Column::Figures),
        ],
        rows,
    )
}
