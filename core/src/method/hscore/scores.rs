//! The score of each example, and what rivals say of it.

use std::{fmt::Write, path::Path};

use super::{RunLog, ScoreClasses};
use crate::{Error, Result};

/// What some runs say of the examples of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Names of the runs, in order.
    pub runs: Vec<String>,
    /// Epochs of each.
    pub epochs: usize,
    /// Digest of the data set, if the runs know it.
    pub data: Option<String>,
    /// H of each example: the number of runs that were right in every epoch.
    pub h: Vec<u32>,
    /// How often a right answer was followed by a wrong one in the next epoch, the mean of all runs; of a run that was never
    /// right as many as it has epochs, more than any other can have (arXiv 1812.05159).
    pub forgetting: Vec<f64>,
    /// EL2N: the mean of all runs of the error in the first epoch (arXiv 2107.07075), if it was recorded.
    pub el2n: Option<Vec<f64>>,
    /// The standard deviation of the confidence over all epochs and runs, by which dataset cartography calls an
    /// example ambiguous (arXiv 2009.10795), if it was recorded.
    pub variability: Option<Vec<f64>>,
}

impl Scores {
    /// Of the runs `logs`.
    ///
    /// # Errors
    /// [`Error::Data`] if there is none, two have one name, or they differ in examples, epochs, data or settings.
    pub fn of(logs: &[RunLog]) -> Result<Self> {
        let Some(first) = logs.first() else {
            return Err(Error::Data("expected a run, found none".to_owned()));
        };
        logs.iter().try_for_each(|log| check(first, log))?;
        let mut known = logs
            .iter()
            .filter_map(|log| Some((log, log.data.as_ref()?)));
        if let Some((one, data)) = known.next()
            && let Some((other, found)) = known.find(|(_, found)| *found != data)
        {
            return Err(Error::Data(format!(
                "expected the data set of the run {} (digest {data}), found another in the run {} ({found})",
                one.run, other.run
            )));
        }
        let mut runs: Vec<_> = logs.iter().map(|log| log.run.clone()).collect();
        runs.sort();
        if let Some(pair) = runs.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::Data(format!(
                "expected each run once, found {} twice",
                pair[0]
            )));
        }
        let (epochs, examples) = (first.epochs(), first.examples());
        let each = 0..examples;
        let runs_right = |index: usize, log: &RunLog| (0..epochs).all(|e| log.right(e)[index]);
        let forgotten = |index: usize, log: &RunLog| {
            let pairs = (1..epochs).filter(|&e| log.right(e - 1)[index] && !log.right(e)[index]);
            match (0..epochs).any(|e| log.right(e)[index]) {
                true => pairs.count() as f64,
                false => epochs as f64,
            }
        };
        let mean = |sum: f64| sum / logs.len() as f64;
        // All or none: a mean of some runs is another figure.
        let beside: Option<Vec<_>> = logs.iter().map(RunLog::beside).collect();
        let error = |index: usize| {
            let of = |beside: &&super::Beside| f64::from(beside.error[index]);
            beside.as_ref().map(|all| mean(all.iter().map(of).sum()))
        };
        let spread = |index: usize| {
            let all = beside.as_ref()?.iter();
            let of = |e: usize| e * examples + index;
            let values: Vec<_> = all
                .flat_map(|beside| (0..epochs).map(move |e| f64::from(beside.confidence[of(e)])))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let square = values.iter().map(|value| (value - mean) * (value - mean));
            Some((square.sum::<f64>() / values.len() as f64).sqrt())
        };
        let right = |index: usize| logs.iter().filter(|log| runs_right(index, log)).count() as u32;
        Ok(Self {
            epochs,
            data: logs.iter().find_map(|log| log.data.clone()),
            h: each.clone().map(right).collect(),
            forgetting: each
                .clone()
                .map(|index| mean(logs.iter().map(|log| forgotten(index, log)).sum()))
                .collect(),
            el2n: each.clone().map(error).collect(),
            variability: each.map(spread).collect(),
            runs,
        })
    }

    /// Examples of each score from 0 to the number of runs.
    pub fn histogram(&self) -> Vec<usize> {
        let mut counts = vec![0; self.runs.len() + 1];
        self.h.iter().for_each(|&h| counts[h as usize] += 1);
        counts
    }

    /// Writes a line of JSON for each example: whole, or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut lines = String::new();
        for (index, h) in self.h.iter().enumerate() {
            let at = |numbers: &Option<Vec<f64>>| numbers.as_ref().map(|numbers| numbers[index]);
            let line = serde_json::json!({
                "index": index, "h": h, "forgetting": self.forgetting[index],
                "el2n": at(&self.el2n), "variability": at(&self.variability),
            });
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{line}");
        }
        crate::file::replace(path.as_ref(), lines.as_bytes())
    }

    /// The examples whose scores `classes` keeps.
    pub fn kept(&self, classes: &ScoreClasses) -> Vec<usize> {
        let kept = |index: &usize| classes.keeps(self.h[*index]);
        (0..self.h.len()).filter(kept).collect()
    }
}

/// Checks that `log` is a run like `first`.
fn check(first: &RunLog, log: &RunLog) -> Result<()> {
    let fail = |sentence: String| Err(Error::Data(sentence));
    let (one, other) = (&first.run, &log.run);
    let counts = [first, log].map(|log| [log.examples(), log.epochs()]);
    if counts[0] != counts[1] {
        let [[examples, epochs], [others, other_epochs]] = counts;
        return fail(format!(
            "expected {examples} examples and {epochs} epochs as in the run {one}, found {others} and \
             {other_epochs} in the run {other}"
        ));
    }
    if first.settings != log.settings {
        return fail(format!(
            "expected the settings of the run {one}, found others in the run {other}{}",
            difference(first.settings.as_deref(), log.settings.as_deref())
        ));
    }
    Ok(())
}

/// The first place where two settings differ, in words.
pub(super) fn difference(one: Option<&str>, other: Option<&str>) -> String {
    let parsed = [one, other].map(|text| {
        let object = text.and_then(|text| serde_json::from_str(text).ok());
        object.unwrap_or_else(serde_json::Map::new)
    });
    let differs = |key: &&String| parsed[0].get(*key) != parsed[1].get(*key);
    let key = parsed[0].keys().chain(parsed[1].keys()).find(differs);
    let value = |at: usize, key: &str| match parsed[at].get(key) {
        Some(value) => value.to_string(),
        None => "none".to_owned(),
    };
    key.map_or_else(String::new, |key| {
        format!(": {key} is {} there, {} here", value(0, key), value(1, key))
    })
}
