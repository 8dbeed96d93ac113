//! The page of a study: one HTML file with all in it.

use super::html::Text;

const STYLE: &str = include_str!("style.css");

/// What a page shows; it needs no other file and no network. What is HTML must have its text escaped.
pub struct Page<'a> {
    /// The title.
    pub title: &'a str,
    /// What the study is about, as HTML.
    pub lead: String,
    /// What makes the figures mean little.
    pub warnings: &'a [&'a str],
    /// Whether the claim holds, as HTML.
    pub verdict: String,
    /// Title and content of the sections, the latter as HTML.
    pub sections: Vec<(&'a str, String)>,
}

impl Page<'_> {
    /// The file.
    pub fn html(&self) -> String {
        let title = Text(self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header>\n<h1>{title}</h1>\n{}</header>\n\
             <section class=\"verdict\" aria-labelledby=\"verdict\">\n\
             <h2 id=\"verdict\">Does it hold?</h2>\n",
            self.lead
        );
        for warning in self.warnings {
            let warning = Text(warning);
            html += &format!("<p class=\"warning\"><strong>Mind:</strong> {warning}</p>\n");
        }
        html += &self.verdict;
        html += "</section>\n";
        for (title, content) in &self.sections {
            let title = Text(title);
            html += &format!("<section>\n<h2>{title}</h2>\n{content}</section>\n");
        }
        html + "</main>\n</body>\n</html>\n"
    }
}

/// Checks that a page needs nothing else and that its elements end.
#[cfg(test)]
pub fn check(page: &str) {
    for outside in ["src=\"http", "<link", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for tag in [
        "section",
        "figure",
        "table",
        "div",
        "ul",
        "li",
        "span",
        "svg",
        "blockquote",
    ] {
        let [open, close] = [format!("<{tag}"), format!("</{tag}>")];
        let starts =
            page.matches(&format!("{open}>")).count() + page.matches(&format!("{open} ")).count();
        assert_eq!(starts, page.matches(&close).count(), "{tag}");
    }
}
