//! The list of variants: `wgsl/variants`.

/// One shader to make: a kernel's file with its symbols and constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The kernel, also the name of its file.
    pub kernel: String,
    /// The variant's name, unique within the kernel.
    pub name: String,
    /// Symbols; those with a number are constants of the shader as well.
    pub symbols: Vec<(String, Option<u32>)>,
}

/// Reads the list: a kernel's name on a line of its own, then `+ variant: SYMBOL CONSTANT=4 ...`
/// for each variant; `#` starts a comment. The error names the line.
pub fn parse(text: &str) -> Result<Vec<Variant>, String> {
    let mut kernel = None;
    let mut variants: Vec<Variant> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fail = |what: &str| Err(format!("variants, line {}: {what}", number + 1));
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let Some(variant) = line.strip_prefix('+') else {
            kernel = Some(line.to_string());
            continue;
        };
        let Some(kernel) = &kernel else {
            return fail("a variant before any kernel");
        };
        let (name, words) = variant.split_once(':').unwrap_or((variant, ""));
        let name = name.trim().to_string();
        if (variants.iter()).any(|other| other.kernel == *kernel && other.name == name) {
            return fail("a second variant of this name");
        }
        let mut symbols = Vec::new();
        for word in words.split_whitespace() {
            symbols.push(match word.split_once('=') {
                None => (word.to_string(), None),
                Some((symbol, value)) => match value.parse() {
                    Ok(value) => (symbol.to_string(), Some(value)),
                    Err(_) => return fail("a constant that is no number"),
                },
            });
        }
        variants.push(Variant {
            kernel: kernel.clone(),
            name,
            symbols,
        });
    }
    Ok(variants)
}
