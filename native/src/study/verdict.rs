//! Answers of a verdict, and how they are shown.

use super::html::Text;

/// How an answer stands to the claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tone {
    /// With it.
    Holds,
    /// Against it.
    Fails,
    /// Neither.
    Open,
}

/// One answer of the verdict.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it stands to the claim.
    pub tone: Tone,
    /// The answer in few words.
    pub answer: String,
    /// The figures behind it.
    pub detail: String,
}

impl Finding {
    /// An answer with its figures.
    pub fn new(tone: Tone, answer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            tone,
            answer: answer.into(),
            detail: detail.into(),
        }
    }
}

/// What makes the figures mean little: a quick run, a build without optimization.
pub fn warnings(quick: bool, release: bool) -> Vec<&'static str> {
    let quick = quick.then_some(
        "This was the quick run: it shows that everything works, and its figures mean little.",
    );
    let slow = (!release).then_some(
        "The command was not built with optimization (--release): the times mean little.",
    );
    quick.into_iter().chain(slow).collect()
}

/// Findings as a list; of a run that means little none is said to hold or not.
pub fn list(findings: &[Finding], means_little: bool) -> String {
    let mut html = String::from("<ul class=\"findings\">\n");
    for finding in findings {
        let (class, word) = match finding.tone {
            _ if means_little => ("open", "means little"),
            Tone::Holds => ("holds", "holds here"),
            Tone::Fails => ("fails", "does not hold"),
            Tone::Open => ("open", "open"),
        };
        let (answer, detail) = (Text(&finding.answer), Text(&finding.detail));
        let badge = format!("<span class=\"badge {class}\">{word}</span>");
        html += &format!("<li>{badge} <strong>{answer}.</strong> {detail}</li>\n");
    }
    html + "</ul>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_of_quick_runs_and_slow_builds() {
        assert!(warnings(false, true).is_empty());
        assert!(warnings(true, true)[0].contains("quick run"));
        assert!(warnings(false, false)[0].contains("the times mean little"));
    }
}
