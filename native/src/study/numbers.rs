//! How numbers are written for people.

/// A number with so many decimals; a dash for what is none.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let text = format!("{:.decimals$}", value.abs());
    let zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    match value < 0.0 && !zero {
        true => format!("−{text}"),
        false => text,
    }
}

/// A difference of shares in points, with its sign.
pub fn points(difference: f64) -> String {
    let text = fixed(difference * 100.0, 2);
    match difference > 0.0 && text != "0.00" && text != "–" {
        true => format!("+{text}"),
        false => text,
    }
}

/// A share in percent.
pub fn percent(share: f64, decimals: usize) -> String {
    format!("{}\u{a0}%", fixed(share * 100.0, decimals))
}

/// Milliseconds to about three digits.
pub fn milliseconds(value: f64) -> String {
    let decimals = [1.0, 10.0, 100.0].iter().filter(|limit| value < **limit);
    fixed(value, decimals.count())
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
