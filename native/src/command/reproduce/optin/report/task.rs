//! What was found of a task.

use anyhow::Result;

use super::{
    super::{
        results::{Example, TaskResults},
        tasks::{Arm, CLAIM},
    },
    colour, units,
};
use crate::study::{
    bootstrap::{Interval, difference},
    chart::{self, Course, Series},
    html::{Column, Text, figure, legend, table},
    numbers::{count, fixed, milliseconds, percent, points},
    spread::{Spread, in_percent},
};

/// The section's content.
pub fn html(task: &TaskResults) -> Result<String> {
    let mut html = whole(task);
    html += "<h3>Accuracy against multiply-adds</h3>\n";
    html += &accuracy(task)?;
    html += &differences(task);
    html += "<h3>Accuracy and time, integer-only</h3>\n";
    html += &times(task);
    html += "<h3>What stays</h3>\n";
    html += &units::html(task)?;
    html += "<h3>How many examples it takes</h3>\n";
    html += &sizes(task)?;
    html += "<h3>What pruning costs</h3>\n";
    html += &cost(task);
    html += &gallery(&task.lost);
    Ok(html)
}

fn whole(task: &TaskResults) -> String {
    let (whole, settings) = (&task.whole, &task.settings);
    format!(
        "<p>The model that is pruned has {} parameters and takes {} million multiply-adds{}. Of {} test examples it is right about {}, \
         and integer-only, in {} steps, about {}.</p>\n",
        count(whole.parameters),
        fixed(whole.macs as f64 / 1e6, 2),
        match settings.tokens {
            Some(_) => " for a text of average length",
            None => "",
        },
        count(settings.test_examples),
        percent(whole.score.top1(), 2),
        count(whole.integer.steps),
        percent(whole.integer.score.top1(), 2),
    )
}

/// The arms that have models, and their colours.
fn arms(task: &TaskResults) -> impl Iterator<Item = Arm> {
    task.arms
        .iter()
        .filter(|arm| !arm.cells.is_empty())
        .map(|arm| arm.arm)
}

fn accuracy(task: &TaskResults) -> Result<String> {
    let mut series = Vec::new();
    for arm in arms(task) {
        let shares = task.settings.shares.iter();
        let found = shares.filter_map(|&share| {
            let cells = task.cells(arm, share);
            let top1 = Spread::of(cells.iter().map(|cell| cell.score.top1()))?;
            let macs = Spread::of(cells.iter().map(|cell| cell.macs))?;
            Some((macs.mean, top1))
        });
        let found: Vec<_> = found.collect();
        let points: Vec<_> = found
            .iter()
            .map(|(macs, top1)| (*macs, top1.mean))
            .collect();
        let spread = found.iter().map(|(_, top1)| top1.deviation.unwrap_or(0.0));
        let line = Series {
            colour: colour(arm),
            points: points.clone(),
            spread: Vec::new(),
            joined: true,
        };
        let dots = Series {
            points,
            spread: spread.collect(),
            joined: false,
            ..line
        };
        series.extend([line, dots]);
    }
    let mut html = String::new();
    let axes = ["share of the multiply-adds that is left", "test top-1"];
    if let Some(image) = chart::plane(&series, axes, Some(task.whole.score.top1()))? {
        let names = arms(task).map(|arm| (colour(arm), arm.name()));
        let caption = format!(
            "Means of the draws of examples, with their standard deviation; the dashed line is the whole model. {}",
            legend(names)
        );
        let alt = "Lines of test accuracy against the share of the multiply-adds, for each method";
        html += &figure(&image, alt, &caption);
    }
    let mut columns = vec![("Method", Column::Words)];
    let shares: Vec<_> = task
        .settings
        .shares
        .iter()
        .map(|&share| percent(share, 1))
        .collect();
    columns.extend(shares.iter().map(|share| (&**share, Column::Figures)));
    let rows = arms(task).map(|arm| {
        let shares = task.settings.shares.iter();
        let cells = shares.map(|&share| {
            let cells = task.cells(arm, share);
            in_percent(cells.iter().map(|cell| cell.score.top1()))
        });
        [arm.name().to_owned()].into_iter().chain(cells).collect()
    });
    html += &table(
        "Top-1 in percent at each share of the multiply-adds, mean ± standard deviation over the draws",
        &columns,
        rows,
    );
    Ok(html)
}

/// In points, with its interval.
pub fn in_points(interval: Interval) -> String {
    format!(
        "{} ({} to {})",
        points(interval.mean),
        points(interval.low),
        points(interval.high)
    )
}

fn differences(task: &TaskResults) -> String {
    let rows = arms(task).filter_map(|arm| {
        let of = task.claimed(arm)?;
        let against = |other: Option<_>| {
            let found = other.and_then(|other| difference(&[(of.clone(), other)]));
            found.map_or("–".to_owned(), in_points)
        };
        let optin = task.claimed(Arm::Optin).filter(|_| arm != Arm::Optin);
        Some(vec![
            arm.name().to_owned(),
            against(Some(task.whole())),
            against(optin),
        ])
    });
    table(
        "At 60 % of the multiply-adds: top-1 less that of another model, points, with the 95 % interval of a bootstrap over test \
         examples and draws",
        &[
            ("Method", Column::Words),
            ("Less the whole model", Column::Figures),
            ("Less OPTIN", Column::Figures),
        ],
        rows,
    )
}

fn times(task: &TaskResults) -> String {
    let rows = task.times.iter().flat_map(|times| {
        times.models.iter().map(move |time| {
            let [q1, median, q3] = time.quartiles_ms.map(milliseconds);
            let cells = task.cells(Arm::Optin, time.share);
            let integer = match time.share {
                1.0 => Some(&task.whole.integer),
                _ => cells.iter().find_map(|cell| cell.integer.as_ref()),
            };
            vec![
                format!("{}, batch {}", times.executor, times.batch),
                percent(time.share, 0),
                median,
                format!("{q1} to {q3}"),
                percent(time.ratio, 0),
                integer.map_or("–".into(), |run| percent(run.score.top1(), 2)),
                integer.map_or("–".into(), |run| count(run.steps)),
            ]
        })
    });
    let mut html = match task.times.first() {
        None => "<p>No time was measured.</p>\n".to_owned(),
        Some(times) => format!(
            "<p>Models of OPTIN's first draw, integer-only, in turn, {} times each{}.</p>\n",
            count(times.rounds),
            match times.tokens {
                Some(tokens) => format!("; texts of {tokens} tokens"),
                None => String::new(),
            }
        ),
    };
    if !task.times.is_empty() {
        html += &table(
            "Milliseconds of a run",
            &[
                ("Executor", Column::Words),
                ("Multiply-adds", Column::Figures),
                ("Median", Column::Figures),
                ("Quartiles", Column::Figures),
                ("Of the whole model's", Column::Figures),
                ("Top-1", Column::Figures),
                ("Steps", Column::Figures),
            ],
            rows,
        );
    }
    html
}

fn sizes(task: &TaskResults) -> Result<String> {
    let mut sizes: Vec<usize> = Vec::new();
    let mut rows: Vec<(Arm, Vec<(usize, Spread)>)> = Vec::new();
    for found in &task.arms {
        if found.sizes.is_empty() {
            continue;
        }
        let usual = found.cells.iter().filter(|cell| cell.share == CLAIM);
        let all: Vec<_> = found.sizes.iter().chain(usual).collect();
        let mut of: Vec<usize> = all.iter().map(|cell| cell.items).collect();
        of.sort_unstable();
        of.dedup();
        sizes.extend(&of);
        let spread = |&size: &usize| {
            let cells = all.iter().filter(|cell| cell.items == size);
            Some((size, Spread::of(cells.map(|cell| cell.score.top1()))?))
        };
        rows.push((found.arm, of.iter().filter_map(spread).collect()));
    }
    if rows.is_empty() {
        return Ok("<p>It was not varied.</p>\n".to_owned());
    }
    sizes.sort_unstable();
    sizes.dedup();
    let steps: Vec<_> = sizes.iter().map(|&size| count(size)).collect();
    let of = |row: &[(usize, Spread)], size: usize| {
        let found = row.iter().find(|(of, _)| *of == size);
        found.map(|(_, spread)| *spread)
    };
    let runs = rows.iter().map(|(_, row)| {
        let values = sizes.iter().map(|&size| {
            let value = of(row, size).map_or(f64::NAN, |spread| spread.mean);
            [value, value]
        });
        values.collect()
    });
    let runs: Vec<Vec<[f64; 2]>> = runs.collect();
    let course = Course {
        axis: "examples that it is pruned by",
        steps: &steps,
        runs: &runs,
    };
    let mut html = String::new();
    if let Some(image) = chart::course(&course, true)? {
        let names = rows.iter().enumerate();
        let names = names.map(|(at, (arm, _))| (chart::colour(at), arm.name()));
        let caption = format!(
            "Top-1 at 60&#160;% of the multiply-adds, means of the draws. {}",
            legend(names)
        );
        let alt = "Lines of test accuracy against the number of examples, for each method";
        html += &figure(&image, alt, &caption);
    }
    let mut columns = vec![("Method", Column::Words)];
    columns.extend(steps.iter().map(|step| (&**step, Column::Figures)));
    let table_rows = rows.iter().map(|(arm, row)| {
        let cells = sizes.iter().map(|&size| match of(row, size) {
            None => "–".to_owned(),
            Some(spread) => match spread.deviation {
                None => fixed(100.0 * spread.mean, 2),
                Some(by) => format!(
                    "{} ± {}",
                    fixed(100.0 * spread.mean, 2),
                    fixed(100.0 * by, 2)
                ),
            },
        });
        [arm.name().to_owned()].into_iter().chain(cells).collect()
    });
    html += &table(
        "Top-1 in percent at 60 % of the multiply-adds, by the number of examples",
        &columns,
        table_rows,
    );
    Ok(html)
}

fn cost(task: &TaskResults) -> String {
    let rows = task.arms.iter().filter(|arm| !arm.cells.is_empty());
    let rows = rows.map(|arm| {
        // Of a method that keeps scores, a seed's first share alone has the cost of scoring.
        let most = |of: &dyn Fn(&super::super::results::Cell) -> f64| {
            let seeds = (0..task.settings.seeds).map(|seed| {
                let cells = arm.cells.iter().filter(|cell| cell.seed == seed);
                cells.map(of).fold(f64::NAN, f64::max)
            });
            Spread::of(seeds).map_or(f64::NAN, |spread| spread.mean)
        };
        let emptied = Spread::of(
            task.cells(arm.arm, CLAIM)
                .iter()
                .map(|cell| cell.emptied() as f64),
        );
        vec![
            arm.arm.name().to_owned(),
            arm.cells
                .first()
                .map_or("–".into(), |cell| count(cell.items)),
            fixed(most(&|cell| cell.passes as f64), 0),
            fixed(most(&|cell| cell.seconds), 1),
            emptied.map_or("–".into(), |spread| fixed(spread.mean, 1)),
        ]
    });
    table(
        "Passes of a batch and seconds beside other work, of the costliest share of a draw, mean over the draws; layers that lost all \
         their heads or channels at 60 %",
        &[
            ("Method", Column::Words),
            ("Examples", Column::Figures),
            ("Passes", Column::Figures),
            ("Seconds", Column::Figures),
            ("Layers emptied", Column::Figures),
        ],
        rows,
    )
}

fn gallery(examples: &[Example]) -> String {
    if examples.is_empty() {
        return String::new();
    }
    let mut html = "<h3>What is lost</h3>\n<p>Test examples that the whole model is right about, and the one that OPTIN leaves at \
                    60&#160;% is not:</p>\n<ul class=\"gallery\">\n"
        .to_owned();
    for example in examples {
        html += &format!(
            "<li>{}<dl><div><dt>class</dt><dd>{}</dd></div><div><dt>answer</dt><dd>{}</dd></div></dl></li>\n",
            example.shown.html(&example.class),
            Text(&example.class),
            Text(&example.answer)
        );
    }
    html + "</ul>\n"
}
