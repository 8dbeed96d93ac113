//! What ReLU saves of the time, and whether that is what the claim says.

use super::super::results::{Latency, Results, VariantLatency};
use crate::study::{
    html::{Column, table},
    numbers::{fixed, percent},
    verdict::{Finding, Tone},
};

/// Share of the time that the claim has ReLU save.
const CLAIMED_SAVING: f64 = 0.11;
/// The variant that the claimed saving is measured against.
const FLOAT_PASS: &str = "float";

/// How a saving stands to the claimed one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Saving {
    /// All of the interval reaches it.
    Reached,
    /// The median reaches it, the interval not as a whole.
    ReachedAtMedian,
    /// The interval alone reaches it.
    MissedAtMedian,
    /// Less time, but not so much less.
    Missed,
    /// The interval covers zero.
    NoDifference,
    /// ReLU takes longer.
    Opposite,
}

impl Saving {
    /// Of a variant, if it was compared.
    pub fn of(variant: &VariantLatency) -> Option<Self> {
        let [low, median, high] = variant.saved?;
        if ![low, median, high].iter().all(|share| share.is_finite()) {
            return None;
        }
        Some(if low >= CLAIMED_SAVING {
            Self::Reached
        } else if high < 0.0 {
            Self::Opposite
        } else if low <= 0.0 {
            Self::NoDifference
        } else if median >= CLAIMED_SAVING {
            Self::ReachedAtMedian
        } else if high >= CLAIMED_SAVING {
            Self::MissedAtMedian
        } else {
            Self::Missed
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Reached => "11\u{a0}% reached",
            Self::ReachedAtMedian => "11\u{a0}% reached at the median only",
            Self::MissedAtMedian => "11\u{a0}% not reached, not excluded",
            Self::Missed => "faster, 11\u{a0}% not reached",
            Self::NoDifference => "no difference shown",
            Self::Opposite => "the opposite: ReLU is slower",
        }
    }
}

/// Whether ReLU saves the claimed share of the time, over all that was measured.
pub fn latency(results: &Results) -> Finding {
    let passes = || {
        let variants = results.latency.iter().flat_map(|latency| &latency.variants);
        variants.filter(|variant| variant.activation == FLOAT_PASS)
    };
    let savings: Vec<Saving> = passes().filter_map(Saving::of).collect();
    // An interval may cover zero and the claim.
    let reaches = |[_, _, high]: [f64; 3]| high >= CLAIMED_SAVING;
    let possible = passes().any(|variant| variant.saved.is_some_and(reaches));
    if savings.is_empty() {
        let answer = "No latency was measured against GELU as a float pass";
        return Finding::new(Tone::Open, answer, "");
    }
    let all = savings.len();
    let of = |saving| savings.iter().filter(|other| **other == saving).count();
    let (reached, tone) = match of(Saving::Reached) {
        some if some == all => (some, Tone::Holds),
        0 if !possible => (0, Tone::Fails),
        some => (some, Tone::Open),
    };
    let answer = format!(
        "11\u{a0}% less time than with GELU as a float pass: reached in {reached} of {all} \
         combinations"
    );
    let kinds = [
        Saving::ReachedAtMedian,
        Saving::MissedAtMedian,
        Saving::Missed,
        Saving::NoDifference,
        Saving::Opposite,
    ];
    let others = kinds.map(|saving| (of(saving), saving));
    let detail: Vec<_> = others
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, saving)| format!("{} in {count}", saving.words()))
        .collect();
    let detail = match detail.is_empty() {
        true => "The whole 95\u{a0}% interval is beyond 11\u{a0}% in each.".into(),
        false => format!("The others: {}.", detail.join("; ")),
    };
    Finding::new(tone, answer, detail)
}

/// The name of a combination: model, executor, batch.
pub fn combination(latency: &Latency) -> String {
    format!(
        "{}, {}, batch {}",
        latency.model, latency.executor, latency.batch
    )
}

/// What ReLU saves against each GELU: a row for each combination, the float pass first.
pub fn savings(results: &Results) -> String {
    let mut names = vec![FLOAT_PASS];
    for variant in results.latency.iter().flat_map(|latency| &latency.variants) {
        let name = variant.activation.as_str();
        if name != "relu" && !names.contains(&name) {
            names.push(name);
        }
    }
    let headings: Vec<_> = names
        .iter()
        .map(|name| format!("Against {}", activation(name)))
        .collect();
    let mut columns = vec![("Model, executor, batch", Column::Words)];
    columns.extend(
        headings
            .iter()
            .map(|heading| (heading.as_str(), Column::Lines)),
    );
    let rows = results.latency.iter().map(|latency| {
        let cell = |name: &&str| {
            let variant = latency
                .variants
                .iter()
                .find(|variant| variant.activation == **name);
            match variant.and_then(|variant| Some((variant, Saving::of(variant)?))) {
                Some((variant, saving)) => format!("{}\n{}", saved(variant), saving.words()),
                None => "not measured".to_owned(),
            }
        };
        [combination(latency)]
            .into_iter()
            .chain(names.iter().map(cell))
            .collect()
    });
    table(
        "Share by which ReLU takes less time, with the 95\u{a0}% interval",
        &columns,
        rows,
    )
}

/// The saved share of a variant with its interval.
pub fn saved(variant: &VariantLatency) -> String {
    match variant.saved {
        Some([low, median, high]) => {
            let [low, high] = [low, high].map(|share| fixed(share * 100.0, 1));
            format!("{} ({low} to {high})", percent(median, 1))
        }
        None => "–".into(),
    }
}

/// An activation in words, if it is one of those known.
pub fn activation(name: &str) -> &str {
    match name {
        "relu" => "ReLU",
        "table" => "GELU, table",
        "i-gelu" => "GELU, i-gelu",
        "shift-gelu" => "GELU, shift-gelu",
        FLOAT_PASS => "GELU, float pass",
        other => other,
    }
}

#[cfg(test)]
mod tests;
