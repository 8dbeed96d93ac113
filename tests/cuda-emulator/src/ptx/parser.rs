//! The directives of a module.

use super::lexer::{Token, tokens};
use super::{Source, Space, Type, Variable};

/// Parses a module; an error names the line.
pub(crate) fn parse(text: &str) -> Result<Source, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    let mut source = Source::default();
    while parser.at < parser.tokens.len() {
        parser.directive(&mut source)?;
    }
    if source.target == 0 {
        return Err("PTX needs a .target, found none".into());
    }
    Ok(source)
}

/// A place in the tokens.
pub(super) struct Parser<'a> {
    tokens: Vec<(Token<'a>, u32)>,
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    pub(super) fn after(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at + 1).map(|(token, _)| *token)
    }

    /// The line of the next token.
    pub(super) fn line(&self) -> u32 {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens
            .get(self.at.min(last))
            .map_or(0, |(_, line)| *line)
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, String> {
        let token = self.peek().ok_or("PTX ends inside of a statement")?;
        self.at += 1;
        Ok(token)
    }

    /// Takes `mark` if it is next.
    pub(super) fn take(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(Token::Mark(mark));
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, mark: char) -> Result<(), String> {
        let line = self.line();
        match self.next()? {
            Token::Mark(found) if found == mark => Ok(()),
            found => Err(format!("line {line}: expected '{mark}', found {found:?}")),
        }
    }

    pub(super) fn word(&mut self) -> Result<&'a str, String> {
        let line = self.line();
        match self.next()? {
            Token::Word(word) => Ok(word),
            found => Err(format!("line {line}: expected a name, found {found:?}")),
        }
    }

    pub(super) fn integer(&mut self) -> Result<u64, String> {
        let line = self.line();
        let negative = self.take('-');
        match self.next()? {
            Token::Integer(value) if negative => Ok(value.wrapping_neg()),
            Token::Integer(value) => Ok(value),
            found => Err(format!("line {line}: expected an integer, found {found:?}")),
        }
    }

    pub(super) fn skip_past(&mut self, mark: char) -> Result<(), String> {
        while self.next()? != Token::Mark(mark) {}
        Ok(())
    }

    /// Skips a directive that ends with its line.
    pub(super) fn skip_line(&mut self) {
        let line = self.line();
        while self.at < self.tokens.len() && self.line() == line {
            self.at += 1;
        }
    }

    /// Skips `{ … }` with all that is inside.
    fn skip_braces(&mut self) -> Result<(), String> {
        self.expect('{')?;
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn directive(&mut self, source: &mut Source) -> Result<(), String> {
        let line = self.line();
        match self.word()? {
            ".version" => {
                let version = self.word()?;
                source.version = (version.replace('.', "").parse())
                    .map_err(|_| format!("line {line}: .version {version} is not a number"))?;
            }
            ".target" => {
                let name = self.word()?;
                let digits: String = name.chars().filter(char::is_ascii_digit).collect();
                source.target = digits
                    .parse()
                    .map_err(|_| format!("line {line}: .target {name} is unknown"))?;
                while self.take(',') {
                    self.word()?;
                }
            }
            ".address_size" => {
                let bits = self.integer()?;
                if bits != 64 {
                    return Err(format!("line {line}: addresses have 64 bits, not {bits}"));
                }
            }
            ".file" | ".loc" => {
                self.at -= 1;
                self.skip_line();
            }
            ".section" => {
                self.word()?;
                self.skip_braces()?;
            }
            ".visible" | ".weak" | ".common" => {}
            ".extern" if self.peek() == Some(Token::Word(".func")) => self.skip_past(';')?,
            ".extern" => {
                let variable = self.variable()?;
                if variable.space != Space::Shared {
                    let name = variable.name;
                    return Err(format!("line {line}: {name} is defined in no module here"));
                }
                source.variables.push(variable);
            }
            ".entry" => {
                let kernel = self.kernel()?;
                source.kernels.push(kernel);
            }
            // A function is reached by a call, and a call is refused where it stands.
            ".func" => {
                while !matches!(self.peek(), Some(Token::Mark('{' | ';')) | None) {
                    self.at += 1;
                }
                if !self.take(';') {
                    self.skip_braces()?;
                }
            }
            ".global" | ".const" | ".shared" => {
                self.at -= 1;
                let variable = self.variable()?;
                source.variables.push(variable);
            }
            other => return Err(format!("line {line}: directive {other} is unknown")),
        }
        Ok(())
    }

    /// A variable from its space to its semicolon.
    pub(super) fn variable(&mut self) -> Result<Variable, String> {
        let variable = self.declaration()?;
        self.expect(';')?;
        Ok(variable)
    }

    /// A variable or parameter from its space to its initialiser.
    pub(super) fn declaration(&mut self) -> Result<Variable, String> {
        let line = self.line();
        let space = match self.word()? {
            ".global" => Space::Global,
            ".const" => Space::Const,
            ".shared" => Space::Shared,
            ".local" => Space::Local,
            ".param" => Space::Param,
            other => return Err(format!("line {line}: {other} is not a state space")),
        };
        let mut align = 0;
        let mut lanes = 1;
        let element = loop {
            match self.word()? {
                ".align" => align = self.integer()? as u32,
                ".ptr" | ".managed" | ".global" | ".const" | ".shared" | ".local" => {}
                ".v2" => lanes = 2,
                ".v4" => lanes = 4,
                ".attribute" => self.skip_past(')')?,
                word => {
                    break Type::parse(word.trim_start_matches('.'))
                        .filter(|t| *t != Type::Pred)
                        .ok_or_else(|| format!("line {line}: {word} is not a type"))?;
                }
            }
        };
        // `.ptr .global .align 4` follows the type of a parameter.
        while matches!(
            self.peek(),
            Some(Token::Word(
                ".ptr" | ".global" | ".const" | ".shared" | ".local" | ".align"
            ))
        ) {
            // The alignment is of what the pointer points to, which no check here needs.
            if self.word()? == ".align" {
                self.integer()?;
            }
        }
        let name = self.word()?.to_owned();
        let mut count = 1;
        while self.take('[') {
            if self.take(']') {
                count = 0;
            } else {
                count *= self.integer()?;
                self.expect(']')?;
            }
        }
        let mut bytes = Vec::new();
        if self.take('=') {
            self.initializer(element, &mut bytes)?;
        }
        let size = (u64::from(element.bytes()) * lanes * count).max(bytes.len() as u64);
        Ok(Variable {
            name,
            space,
            align: align.max(element.bytes() * lanes as u32),
            size: u32::try_from(size)
                .map_err(|_| format!("line {line}: a variable of {size} bytes is too large"))?,
            bytes,
        })
    }

    fn initializer(&mut self, element: Type, bytes: &mut Vec<u8>) -> Result<(), String> {
        if self.take('{') {
            while !self.take('}') {
                self.initializer(element, bytes)?;
                self.take(',');
            }
            return Ok(());
        }
        let line = self.line();
        let negative = self.take('-');
        let value = match self.next()? {
            Token::Integer(value) if negative => value.wrapping_neg(),
            Token::Integer(value) | Token::Double(value) => value,
            Token::Single(value) => value.into(),
            found => return Err(format!("line {line}: cannot initialise with {found:?}")),
        };
        bytes.extend_from_slice(&value.to_le_bytes()[..element.bytes() as usize]);
        Ok(())
    }
}
