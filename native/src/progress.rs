//! Progress bars on the standard error, hidden where that is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Globals;

impl Globals {
    /// A bar over `length` pieces of the work `what`.
    pub fn bar(&self, what: &'static str, length: usize) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template(
            "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec:.0} eta {eta}",
        );
        let bar = ProgressBar::new(length as u64).with_message(what);
        match style {
            Ok(style) => bar.with_style(style.progress_chars("=> ")),
            Err(_) => bar,
        }
    }

    /// Says what was noticed on the way, a line each.
    pub fn notes(&self, notes: &[String]) {
        for note in notes {
            self.note(&format!("note: {note}"));
        }
    }

    /// Says `sentence` on the standard error, unless told to be quiet.
    pub fn note(&self, sentence: &str) {
        if !self.quiet {
            eprintln!("{sentence}");
        }
    }
}
