//! An entry: its head, and the directives, labels and braces of its body.

use std::collections::HashMap;

use super::lexer::Token;
use super::parser::Parser;
use super::{Kernel, Label, Register, Targets, Type};

/// What the names of a body mean while it is read.
pub(super) struct Body {
    pub(super) kernel: Kernel,
    /// The registers declared in each of the open braces, outermost first.
    names: Vec<HashMap<String, Register>>,
    /// The open braces, innermost last.
    open: Vec<usize>,
}

impl Body {
    /// The register `name`, if one is declared.
    pub(super) fn register(&self, name: &str) -> Option<Register> {
        let mut inner = self.names.iter().rev();
        inner.find_map(|names| names.get(name).copied())
    }

    /// The innermost open braces.
    pub(super) fn scope(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    fn enter(&mut self) {
        let scope = self.kernel.scopes.len();
        let outer = self.open.last().copied().unwrap_or(scope);
        self.kernel.scopes.push(outer);
        self.open.push(scope);
        self.names.push(HashMap::new());
    }

    fn leave(&mut self) {
        self.open.pop();
        self.names.pop();
    }

    fn declare(&mut self, name: String, kind: Type) {
        let register = self.kernel.registers.len() as Register;
        self.kernel.registers.push(kind);
        if let Some(names) = self.names.last_mut() {
            names.insert(name, register);
        }
    }
}

impl Parser<'_> {
    /// A kernel after `.entry`.
    pub(super) fn kernel(&mut self) -> Result<Kernel, String> {
        let mut kernel = Kernel {
            name: self.word()?.to_owned(),
            ..Kernel::default()
        };
        if self.take('(') {
            while !self.take(')') {
                kernel.parameters.push(self.declaration()?);
                self.take(',');
            }
        }
        while self.peek() != Some(Token::Mark('{')) {
            self.performance(&mut kernel)?;
        }
        self.expect('{')?;
        let mut body = Body {
            kernel,
            names: Vec::new(),
            open: Vec::new(),
        };
        body.enter();
        while !body.open.is_empty() {
            self.statement(&mut body)?;
        }
        Ok(body.kernel)
    }

    /// A directive between the parameters and the body.
    fn performance(&mut self, kernel: &mut Kernel) -> Result<(), String> {
        let line = self.line();
        match self.word()? {
            name @ (".maxntid" | ".reqntid") => {
                let mut threads = self.integer()?;
                while self.take(',') {
                    threads *= self.integer()?;
                }
                kernel.max_threads = Some(threads as u32);
                kernel.exact_threads = name == ".reqntid";
            }
            // What a compiler makes of its registers: nothing to an interpreter.
            ".minnctapersm" | ".maxnctapersm" | ".maxnreg" => {
                self.integer()?;
            }
            ".pragma" => self.skip_past(';')?,
            other => return Err(format!("line {line}: directive {other} is unknown")),
        }
        Ok(())
    }

    fn statement(&mut self, body: &mut Body) -> Result<(), String> {
        if self.take('{') {
            body.enter();
            return Ok(());
        }
        if self.take('}') {
            body.leave();
            return Ok(());
        }
        if self.take(';') {
            return Ok(());
        }
        let line = self.line();
        match (self.peek(), self.after()) {
            (Some(Token::Word(name)), Some(Token::Mark(':'))) => {
                self.word()?;
                self.expect(':')?;
                if self.peek() == Some(Token::Word(".branchtargets")) {
                    return self.targets(name, body);
                }
                body.kernel.labels.push(Label {
                    scope: body.scope(),
                    name: name.to_owned(),
                    statement: body.kernel.statements.len(),
                });
                Ok(())
            }
            (Some(Token::Word(word)), _) if word.starts_with('.') => match word {
                ".reg" => self.registers(body),
                ".shared" | ".local" => {
                    let variable = self.variable()?;
                    body.kernel.variables.push(variable);
                    Ok(())
                }
                ".pragma" => self.skip_past(';'),
                ".loc" | ".file" => {
                    self.skip_line();
                    Ok(())
                }
                other => Err(format!("line {line}: directive {other} is unknown")),
            },
            _ => {
                let statement = self.instruction(body)?;
                body.kernel.statements.push(statement);
                Ok(())
            }
        }
    }

    fn targets(&mut self, name: &str, body: &mut Body) -> Result<(), String> {
        self.word()?;
        let mut labels = vec![self.word()?.to_owned()];
        while self.take(',') {
            labels.push(self.word()?.to_owned());
        }
        self.expect(';')?;
        body.kernel.targets.push(Targets {
            scope: body.scope(),
            name: name.to_owned(),
            labels,
        });
        Ok(())
    }

    /// `.reg .b32 %r<961>;` or `.reg .b32 a, b;`
    fn registers(&mut self, body: &mut Body) -> Result<(), String> {
        let line = self.line();
        self.word()?;
        let name = self.word()?;
        let kind = Type::parse(name.trim_start_matches('.'))
            .filter(|kind| kind.bits() <= 64)
            .ok_or_else(|| format!("line {line}: registers of type {name} are not supported"))?;
        loop {
            let name = self.word()?;
            if self.take('<') {
                let count = self.integer()?;
                self.expect('>')?;
                for number in 0..count {
                    body.declare(format!("{name}{number}"), kind);
                }
            } else {
                body.declare(name.to_owned(), kind);
            }
            if !self.take(',') {
                break;
            }
        }
        self.expect(';')
    }
}
