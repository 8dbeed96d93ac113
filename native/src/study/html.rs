//! Bits of HTML: text, tables, figures.

use std::fmt::{self, Display, Write};

use plotters::style::RGBColor;

/// Shows text as text, between tags and in quoted attributes.
pub struct Text<'a>(pub &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not allowed in HTML, not even as references.
                control if control.is_control() && control != '\n' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// What is in a column of a table.
#[derive(Clone, Copy, PartialEq)]
pub enum Column {
    /// Words.
    Words,
    /// Figures, to be lined up on the right.
    Figures,
    /// Words in several lines.
    Lines,
    /// Names and digests to be copied.
    Code,
}

/// A table with a caption; the first cell of a row names the row. Everything is escaped.
pub fn table(
    caption: &str,
    columns: &[(&str, Column)],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let caption = Text(caption);
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n\
         <table><caption><span>{caption}</span></caption>\n<thead><tr>"
    );
    for (name, column) in columns {
        let (class, name) = (class(*column), Text(name));
        html += &format!("<th scope=\"col\"{class}>{name}</th>");
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html += "<tr>";
        for (at, (cell, (_, column))) in row.iter().zip(columns).enumerate() {
            let (class, cell) = (class(*column), Text(cell));
            html += &match at {
                0 => format!("<th scope=\"row\"{class}>{cell}</th>"),
                _ => format!("<td{class}>{cell}</td>"),
            };
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

/// A table of what is named and its value.
pub fn facts<const N: usize>(caption: &str, rows: [(&str, String); N]) -> String {
    let columns = [("What", Column::Words), ("Value", Column::Words)];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    table(caption, &columns, rows)
}

fn class(column: Column) -> &'static str {
    match column {
        Column::Words => "",
        Column::Figures => " class=\"figures\"",
        Column::Lines => " class=\"lines\"",
        Column::Code => " class=\"code\"",
    }
}

/// A chart with what it shows in words; `caption` is HTML.
pub fn figure(svg: &str, alt: &str, caption: &str) -> String {
    let alt = Text(alt);
    let labelled = format!("<svg role=\"img\" aria-label=\"{alt}\" ");
    let svg = svg.replacen("<svg ", &labelled, 1);
    format!(
        "<figure>\n<div class=\"scroll card\" role=\"region\" tabindex=\"0\" aria-label=\"{alt}\">\
         {svg}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n"
    )
}

/// Coloured squares with what they stand for.
pub fn legend<'a>(entries: impl IntoIterator<Item = (RGBColor, &'a str)>) -> String {
    let mut html = String::from("<span class=\"legend\">");
    for (RGBColor(red, green, blue), name) in entries {
        let (colour, name) = (format!("#{red:02x}{green:02x}{blue:02x}"), Text(name));
        html += &format!("<span><i style=\"background:{colour}\"></i>{name}</span> ");
    }
    html + "</span>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_files_cannot_become_markup() {
        let evil = "<script>alert('a' & \"b\")</script>\u{0}";
        let shown = "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;\u{fffd}";
        assert_eq!(Text(evil).to_string(), shown);
        let table = table(evil, &[(evil, Column::Words)], [vec![evil.into()]]);
        assert!(!table.contains("<script"));
        assert!(!figure("<svg >", evil, "").contains("<script"));
    }
}
