//! The variants of a kernel, which its source lists: `#variant NAME: SYMBOL CONSTANT=4 ...` in WGSL,
//! `#pragma variant ...` in CUDA C, a line for each, the preferred one first.

/// One kernel to make: a source with its symbols and constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The kernel, also the name of its file.
    pub kernel: String,
    /// The variant's name, unique within the kernel.
    pub name: String,
    /// Symbols; those with a number are constants of the kernel as well.
    pub symbols: Vec<(String, Option<u32>)>,
}

/// The variants that `source` of `kernel` lists, and the source without the list. The error names
/// the line.
pub fn parse(kernel: &str, source: &str) -> Result<(Vec<Variant>, String), String> {
    let mut variants: Vec<Variant> = Vec::new();
    let mut rest = String::new();
    for (number, line) in source.lines().enumerate() {
        let listed = ["#variant ", "#pragma variant "]
            .into_iter()
            .find_map(|directive| line.strip_prefix(directive));
        let Some(listed) = listed else {
            rest += line;
            rest.push('\n');
            continue;
        };
        let fail = |what: &str| Err(format!("{kernel}, line {}: {what}", number + 1));
        let Some((name, words)) = listed.split_once(':') else {
            return fail("expected `name: SYMBOL CONSTANT=4 ...`");
        };
        let name = name.trim().to_string();
        if variants.iter().any(|other| other.name == name) {
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
            kernel: kernel.to_string(),
            name,
            symbols,
        });
    }
    match variants.is_empty() {
        true => Err(format!("{kernel}: its source lists no variant")),
        false => Ok((variants, rest)),
    }
}
