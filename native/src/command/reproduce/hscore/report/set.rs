//! What was found on a data set.

use anyhow::Result;

use super::{
    super::results::{Arm, Budget, Example, SetResults, Way},
    verdict::{Gain, TICKET, spread},
};
use crate::study::{
    chart::{self, BLUE, Bar, GREEN, ORANGE, PURPLE, SKY, Series, VERMILLION},
    html::{Column, Text, figure, legend, table},
    numbers::{count, fixed, percent, points},
    spread::{Spread, in_percent},
};

/// The section's content.
pub fn html(set: &SetResults) -> Result<String> {
    let mut html = String::from("<h3>The scores</h3>\n");
    html += &scores(set)?;
    html += "<h3>Accuracy against size</h3>\n";
    html += &accuracy(set)?;
    html += &reuses(set);
    html += "<h3>Flipped labels</h3>\n";
    html += &noise(set)?;
    html += "<h3>Examples</h3>\n";
    html += &gallery(&set.never, "Never right at every epoch (H of 0)");
    html += &gallery(&set.always, "Right at every epoch of every run");
    Ok(html)
}

fn scores(set: &SetResults) -> Result<String> {
    let mut html = String::new();
    let none = vec![0; set.clean.histogram.len()];
    let arms = [
        ("with the labels as they are", &set.clean.histogram, &none),
        (
            "with some labels flipped",
            &set.flipped.histogram,
            &set.noise.histogram,
        ),
    ];
    for (name, histogram, marked) in arms {
        let bars = histogram.iter().zip(marked).enumerate();
        let bars: Vec<_> = bars
            .map(|(h, (&all, &marked))| Bar {
                name: h.to_string(),
                all,
                marked,
            })
            .collect();
        if let Some(image) = chart::bars(&bars, "H", [BLUE, VERMILLION])? {
            let alt = format!("Bar chart of the examples of each score H {name}");
            let marks = legend([(BLUE, "examples"), (VERMILLION, "of them flipped")]);
            html += &figure(
                &image,
                &alt,
                &format!("Examples of each score, {name}. {marks}"),
            );
        }
    }
    Ok(html)
}

/// What chose the examples, and its colour.
fn groups(way: &Way) -> Option<(usize, RgbName)> {
    let found = match (&*way.name, way.arm) {
        (_, Arm::Flipped) => return None,
        ("random", _) => (1, (GREEN, "random")),
        ("forgetting", _) => (2, (PURPLE, "forgetting")),
        ("el2n", _) => (3, (ORANGE, "EL2N")),
        ("ambiguous", _) => (4, (SKY, "ambiguous")),
        _ => (0, (BLUE, "by H, and all")),
    };
    Some(found)
}

type RgbName = (plotters::style::RGBColor, &'static str);

fn accuracy(set: &SetResults) -> Result<String> {
    let mut html = String::new();
    let all = set.way(Arm::Clean, "all", Budget::Epochs).and_then(spread);
    let charts = [
        (
            Budget::Epochs,
            "as many epochs, so fewer examples are fewer steps",
        ),
        (
            Budget::StepsOfAll,
            "as many steps as the epochs of all have",
        ),
    ];
    for (budget, words) in charts {
        let mut series: Vec<(usize, RgbName, Series)> = Vec::new();
        let ways = set.ways.iter().filter(|way| {
            way.budget == budget || (way.name == "all" && way.budget == Budget::Epochs)
        });
        for way in ways {
            let (Some((order, name)), Some(found)) = (groups(way), spread(way)) else {
                continue;
            };
            let at = match series.iter().position(|(other, ..)| *other == order) {
                Some(at) => at,
                None => {
                    let empty = Series {
                        colour: name.0,
                        points: Vec::new(),
                        spread: Vec::new(),
                        joined: false,
                    };
                    series.push((order, name, empty));
                    series.len() - 1
                }
            };
            let series = &mut series[at].2;
            series.points.push((way.share, found.mean));
            series.spread.push(found.deviation.unwrap_or(0.0));
        }
        let names: Vec<RgbName> = series.iter().map(|(_, name, _)| *name).collect();
        let series: Vec<_> = series.into_iter().map(|(.., series)| series).collect();
        let axes = ["share of the data", "test top-1"];
        if let Some(image) = chart::plane(&series, axes, all.map(|all| all.mean))? {
            let alt = format!("Chart of test top-1 against the share of the data, at {words}");
            let caption = format!(
                "Test top-1, mean and standard deviation over the seeds, at {words}. {}",
                legend(names)
            );
            html += &figure(&image, &alt, &caption);
        }
    }
    let rows = set.ways.iter().map(|way| {
        let whole = set.way(way.arm, "all", Budget::Epochs).and_then(spread);
        let gain = match (whole, spread(way)) {
            (Some(all), Some(found)) => points(found.mean - all.mean),
            _ => "–".into(),
        };
        let seconds = Spread::of(way.runs.iter().map(|run| run.seconds));
        vec![
            way.name.clone(),
            way.arm.name().to_owned(),
            way.budget.words().to_owned(),
            count(way.examples),
            percent(way.share, 1),
            count(way.runs.first().map_or(0, |run| run.steps)),
            in_percent(way.runs.iter().map(|run| run.top1)),
            gain,
            seconds.map_or("–".into(), |seconds| fixed(seconds.mean, 0)),
        ]
    });
    html += &table(
        "Trainings, mean ± standard deviation over the seeds",
        &[
            ("Examples by", Column::Words),
            ("Labels", Column::Words),
            ("Length", Column::Words),
            ("Examples", Column::Figures),
            ("Share", Column::Figures),
            ("Steps", Column::Figures),
            ("Top-1, %", Column::Figures),
            ("To all of these labels, points", Column::Figures),
            ("Seconds, beside others", Column::Figures),
        ],
        rows,
    );
    let (clean, flipped) = (Arm::Clean, Arm::Flipped);
    let (epochs, steps) = (Budget::Epochs, Budget::StepsOfAll);
    let pairs = [
        ("random, equal epochs", clean, epochs, ("random", epochs)),
        ("random, equal steps", clean, steps, ("random", steps)),
        (
            "forgetting, equal epochs",
            clean,
            epochs,
            ("forgetting", epochs),
        ),
        ("EL2N, equal epochs", clean, epochs, ("el2n", epochs)),
        (
            "ambiguous, equal epochs",
            clean,
            epochs,
            ("ambiguous", epochs),
        ),
        ("all, equal epochs", clean, epochs, ("all", epochs)),
        (
            "all, as few steps",
            clean,
            epochs,
            ("all", Budget::StepsOfTicket),
        ),
        ("all, as many steps", clean, steps, ("all", epochs)),
        (
            "random, flipped labels, equal epochs",
            flipped,
            epochs,
            ("random", epochs),
        ),
        (
            "all, flipped labels, equal epochs",
            flipped,
            epochs,
            ("all", epochs),
        ),
    ];
    let rows = pairs.into_iter().filter_map(|(name, arm, budget, other)| {
        let gain = Gain::of(set, arm, budget, other)?;
        Some(vec![
            name.to_owned(),
            points(gain.spread.mean),
            gain.interval(),
            fixed(100.0 * gain.chance, 2),
        ])
    });
    html += &table(
        "Top-1 of the winning ticket subset less that of another way, paired by seed, points",
        &[
            ("Against", Column::Words),
            ("Mean", Column::Figures),
            ("95 % interval of the mean", Column::Figures),
            ("Other test examples might change", Column::Figures),
        ],
        rows,
    );
    Ok(html)
}

/// After how many trainings on the winning ticket subset its scores have paid, counted in examples.
fn reuses(set: &SetResults) -> String {
    let Some(way) = set.way(Arm::Clean, TICKET, Budget::Epochs) else {
        return String::from("<p>The winning ticket subset is empty: nothing pays.</p>\n");
    };
    let (runs, all) = (set.settings.runs, set.settings.examples);
    let pays = match all.saturating_sub(way.examples) {
        0 => "never".to_owned(),
        left => format!(
            "after {} trainings on the winning ticket subset in place of all",
            count((runs * all).div_ceil(left))
        ),
    };
    format!("<p>The {runs} trainings that score pay {pays}, counted in examples.</p>\n")
}

fn noise(set: &SetResults) -> Result<String> {
    let colours = [BLUE, ORANGE, PURPLE, SKY];
    let series = set
        .noise
        .finders
        .iter()
        .zip(colours)
        .map(|(finder, colour)| Series {
            colour,
            points: finder.curve.iter().map(|&[x, y]| (x, y)).collect(),
            spread: Vec::new(),
            joined: true,
        });
    let series: Vec<_> = series.collect();
    let axes = [
        "share of the examples looked at",
        "share of the flipped labels found",
    ];
    let mut html = String::new();
    if let Some(image) = chart::plane(&series, axes, None)? {
        let names = set.noise.finders.iter().zip(colours);
        let caption = format!(
            "The most suspicious first; those that are as suspicious come together, in a straight line. {}",
            legend(names.map(|(finder, colour)| (colour, &*finder.name)))
        );
        let alt =
            "Curves of the flipped labels found against the examples looked at, for each score";
        html += &figure(&image, alt, &caption);
    }
    let [of, found] = [&set.flipped.histogram, &set.noise.histogram]
        .map(|histogram| histogram.first().copied().unwrap_or(0));
    html += &format!(
        "<p>{} of {} labels were flipped, {}. Of the {} examples whose H is 0, {} are flipped.</p>\n",
        count(set.noise.flipped),
        count(set.settings.examples),
        percent(
            set.noise.flipped as f64 / set.settings.examples.max(1) as f64,
            1
        ),
        count(of),
        match of {
            0 => "none".to_owned(),
            of => format!(
                "{} ({})",
                count(found),
                percent(found as f64 / of as f64, 1)
            ),
        }
    );
    let rows = set.noise.finders.iter().map(|finder| {
        let ends = finder.interval.map(|ends| ends.map(|end| fixed(end, 3)));
        vec![
            finder.name.clone(),
            fixed(finder.area, 3),
            ends.map_or("–".into(), |[low, high]| format!("{low} to {high}")),
        ]
    });
    html += &table(
        "How well each score tells flipped labels from others",
        &[
            ("Score", Column::Words),
            ("Area under the curve", Column::Figures),
            ("95 % interval", Column::Figures),
        ],
        rows,
    );
    Ok(html)
}

fn gallery(examples: &[Example], title: &str) -> String {
    let title = Text(title);
    if examples.is_empty() {
        return format!("<p>{title}: there are none.</p>\n");
    }
    let mut html = format!("<p>{title}:</p>\n<ul class=\"gallery\">\n");
    for example in examples {
        let class = Text(&example.class);
        let shown = example.shown.html(&example.class);
        html += &format!("<li>{shown}<dl><div><dt>class</dt><dd>{class}</dd></div></dl></li>\n");
    }
    html + "</ul>\n"
}
