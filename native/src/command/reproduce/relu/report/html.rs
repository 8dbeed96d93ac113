//! Bits of HTML, and how figures are written in it.

use std::fmt::{self, Display, Write};

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
) -> Result<String, fmt::Error> {
    let caption = Text(caption);
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n\
         <table><caption><span>{caption}</span></caption>\n<thead><tr>"
    );
    for (name, column) in columns {
        write!(
            html,
            "<th scope=\"col\"{}>{}</th>",
            class(*column),
            Text(name)
        )?;
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (at, (cell, (_, column))) in row.iter().zip(columns).enumerate() {
            let (tag, scope) = if at == 0 {
                ("th", " scope=\"row\"")
            } else {
                ("td", "")
            };
            write!(
                html,
                "<{tag}{scope}{}>{}</{tag}>",
                class(*column),
                Text(cell)
            )?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    Ok(html)
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
    let svg = svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{alt}\" "),
        1,
    );
    format!(
        "<figure>\n<div class=\"scroll card\" role=\"region\" tabindex=\"0\" aria-label=\"{alt}\">\
         {svg}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n"
    )
}

/// Coloured squares with what they stand for.
pub fn legend<'a>(
    entries: impl IntoIterator<Item = (plotters::style::RGBColor, &'a str)>,
) -> Result<String, fmt::Error> {
    let mut html = String::from("<span class=\"legend\">");
    for (colour, name) in entries {
        let (red, green, blue) = (colour.0, colour.1, colour.2);
        write!(
            html,
            "<span><i style=\"background:#{red:02x}{green:02x}{blue:02x}\"></i>{}</span> ",
            Text(name)
        )?;
    }
    html.push_str("</span>");
    Ok(html)
}

/// A number with so many decimals; a dash for what is none.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let text = format!("{:.decimals$}", value.abs());
    let zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    if value < 0.0 && !zero {
        format!("−{text}")
    } else {
        text
    }
}

/// A difference of shares in points, with its sign.
pub fn points(difference: f64) -> String {
    let text = fixed(difference * 100.0, 2);
    if difference > 0.0 && text != "0.00" && text != "–" {
        format!("+{text}")
    } else {
        text
    }
}

/// A share in percent.
pub fn percent(share: f64, decimals: usize) -> String {
    format!("{}\u{a0}%", fixed(share * 100.0, decimals))
}

/// Milliseconds to about three digits.
pub fn milliseconds(value: f64) -> String {
    fixed(
        value,
        if value < 1.0 {
            3
        } else if value < 10.0 {
            2
        } else {
            usize::from(value < 100.0)
        },
    )
}

/// A count, in groups of three digits.
pub fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_files_cannot_become_markup() {
        let evil = "<script>alert('a' & \"b\")</script>\u{0}";
        let shown = "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;\u{fffd}";
        assert_eq!(Text(evil).to_string(), shown);
        let table = table(evil, &[(evil, Column::Words)], [vec![evil.into()]]).unwrap();
        assert!(!table.contains("<script"));
        assert!(!figure("<svg >", evil, "").contains("<script"));
    }

    #[test]
    fn figures_have_signs_and_no_negative_zero() {
        assert_eq!(points(0.001_24), "+0.12");
        assert_eq!(points(-0.001_24), "−0.12");
        assert_eq!(points(-0.000_01), "0.00");
        assert_eq!(points(0.000_01), "0.00");
        assert_eq!(points(f64::NAN), "–");
        assert_eq!(percent(0.984_5, 2), "98.45\u{a0}%");
        assert_eq!(milliseconds(0.1234), "0.123");
        assert_eq!(milliseconds(1234.5), "1234");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
