//! The preprocessor: imports, conditions and unrolled loops, each a directive on its own line.
//!
//! - `#import name`: the file `shared/name.wgsl`, once.
//! - `#ifdef SYMBOL`, `#else`, `#endif`: lines for variants with the symbol.
//! - `#for i COUNT`, `#endfor`: the lines COUNT times with `{i}` replaced; COUNT is a number or a
//!   constant of the variant. Unrolling here keeps accumulators in registers on every compiler.

use super::variants::Variant;
use std::collections::{BTreeMap, BTreeSet};

/// The WGSL text of a variant, its constants first. `shared` maps names of imports to their text.
pub fn preprocess(
    variant: &Variant,
    source: &str,
    shared: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut state = State {
        variant,
        shared,
        imported: BTreeSet::new(),
        output: String::new(),
    };
    for (name, value) in &variant.symbols {
        if let Some(value) = value {
            state.output += &format!("const {name}: u32 = {value}u;\n");
        }
    }
    state.emit(&lines(source))?;
    Ok(state.output)
}

struct State<'a> {
    variant: &'a Variant,
    shared: &'a BTreeMap<String, String>,
    imported: BTreeSet<String>,
    output: String,
}

fn lines(source: &str) -> Vec<String> {
    source.lines().map(str::to_string).collect()
}

impl State<'_> {
    fn emit(&mut self, lines: &[String]) -> Result<(), String> {
        let mut at = 0;
        while at < lines.len() {
            let line = &lines[at];
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["#import", name] => {
                    if self.imported.insert(name.to_string()) {
                        let text = self.shared.get(*name);
                        let text = text.ok_or_else(|| format!("no shared file `{name}`"))?;
                        self.emit(&self::lines(text))?;
                    }
                }
                ["#ifdef", symbol] => {
                    let end = block_end(lines, at)?;
                    let middle = block_else(lines, at, end);
                    let chosen = if self.symbol(symbol).is_some() {
                        &lines[at + 1..middle.unwrap_or(end)]
                    } else {
                        middle.map_or(&[][..], |middle| &lines[middle + 1..end])
                    };
                    self.emit(chosen)?;
                    at = end;
                }
                ["#for", name, count] => {
                    let end = block_end(lines, at)?;
                    let number = count.parse().ok();
                    let number = number.or_else(|| self.symbol(count).flatten());
                    let number = number.ok_or_else(|| format!("`{line}`: no such constant"))?;
                    for i in 0..number {
                        let replace =
                            |line: &String| line.replace(&format!("{{{name}}}"), &i.to_string());
                        let body: Vec<String> = lines[at + 1..end].iter().map(replace).collect();
                        self.emit(&body)?;
                    }
                    at = end;
                }
                [first, ..] if first.starts_with('#') => {
                    return Err(format!("`{line}`: not a directive, or in the wrong place"));
                }
                _ => {
                    self.output += line;
                    self.output.push('\n');
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn symbol(&self, name: &str) -> Option<Option<u32>> {
        let mut symbols = self.variant.symbols.iter();
        symbols
            .find(|(symbol, _)| symbol == name)
            .map(|&(_, value)| value)
    }
}

fn opens(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#ifdef") || line.starts_with("#for")
}

fn closes(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#endif") || line.starts_with("#endfor")
}

/// The line that closes the block opened at `start`.
fn block_end(lines: &[String], start: usize) -> Result<usize, String> {
    let mut depth = 0;
    for (at, line) in lines.iter().enumerate().skip(start) {
        if opens(line) {
            depth += 1;
        } else if closes(line) {
            depth -= 1;
            if depth == 0 {
                return Ok(at);
            }
        }
    }
    Err(format!("`{}` is never closed", lines[start]))
}

/// The `#else` of the block from `start` to `end`, if any.
fn block_else(lines: &[String], start: usize, end: usize) -> Option<usize> {
    let mut depth = 0;
    (start + 1..end).find(|&at| {
        if opens(&lines[at]) {
            depth += 1;
        } else if closes(&lines[at]) {
            depth -= 1;
        }
        depth == 0 && lines[at].trim() == "#else"
    })
}

/// The text without comments, indentation and empty lines, for embedding.
pub fn strip(source: &str) -> String {
    let mut output = String::new();
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if !line.is_empty() {
            output += line;
            output.push('\n');
        }
    }
    output
}
