//! Splits PTX text into tokens that know their line.

/// One token of PTX.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name, register, directive or opcode, with its dots: `%tid.x`, `.reg`, `ld.param.u64`.
    Word(&'a str),
    /// An integer literal.
    Integer(u64),
    /// The bits of a `0f` literal.
    Single(u32),
    /// The bits of a `0d` literal.
    Double(u64),
    /// A quoted string, which nothing here needs the text of.
    Text,
    /// Punctuation.
    Mark(char),
}

/// All tokens of `text`, each with its line, counted from 1.
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token<'_>, u32)>, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let byte = bytes[at];
        let rest = &text[at..];
        if byte == b'\n' {
            line += 1;
            at += 1;
        } else if byte.is_ascii_whitespace() {
            at += 1;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            let end = rest
                .find("*/")
                .ok_or_else(|| format!("line {line}: a comment that starts with /* never ends"))?;
            line += rest[..end].matches('\n').count() as u32;
            at += end + 2;
        } else if byte == b'"' {
            let end = rest[1..]
                .find('"')
                .ok_or_else(|| format!("line {line}: a string never ends"))?;
            line += rest[..end].matches('\n').count() as u32;
            at += end + 2;
            out.push((Token::Text, line));
        } else if byte.is_ascii_digit() {
            let end = word_end(bytes, at);
            out.push((number(&text[at..end], line)?, line));
            at = end;
        } else if is_word(byte) || byte == b'.' {
            let end = word_end(bytes, at);
            out.push((Token::Word(&text[at..end]), line));
            at = end;
        } else if byte.is_ascii() {
            out.push((Token::Mark(byte as char), line));
            at += 1;
        } else {
            return Err(format!("line {line}: PTX is ASCII, found byte {byte:#x}"));
        }
    }
    Ok(out)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'%')
}

/// Where the word that starts at `at` ends; a `::` inside of it belongs to it, as in `L2::128B`.
fn word_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        if is_word(bytes[end]) || bytes[end] == b'.' {
            end += 1;
        } else if bytes[end..].starts_with(b"::") && bytes.get(end + 2).is_some_and(|b| is_word(*b))
        {
            end += 2;
        } else {
            break;
        }
    }
    end
}

fn number(text: &str, line: u32) -> Result<Token<'_>, String> {
    if text.contains('.') {
        // The version of `.version 8.7`; decimal fractions stand nowhere else.
        return Ok(Token::Word(text));
    }
    let bad = || format!("line {line}: {text} is not a number");
    let lower = text.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0f") {
        return u32::from_str_radix(hex, 16)
            .map(Token::Single)
            .map_err(|_| bad());
    }
    if let Some(hex) = lower.strip_prefix("0d") {
        return u64::from_str_radix(hex, 16)
            .map(Token::Double)
            .map_err(|_| bad());
    }
    let digits = lower.trim_end_matches('u');
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        u64::from_str_radix(hex, 16)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        u64::from_str_radix(binary, 2)
    } else {
        digits.parse()
    };
    value.map(Token::Integer).map_err(|_| bad())
}
