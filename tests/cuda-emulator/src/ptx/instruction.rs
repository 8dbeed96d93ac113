//! One instruction with its operands.

use super::kernel::Body;
use super::lexer::Token;
use super::parser::Parser;
use super::{Operand, Statement};

impl Parser<'_> {
    /// An instruction from its guard to its semicolon.
    pub(super) fn instruction(&mut self, body: &Body) -> Result<Statement, String> {
        let mut guard = None;
        if self.take('@') {
            let negated = self.take('!');
            let line = self.line();
            let name = self.word()?;
            let register = body
                .register(name)
                .ok_or_else(|| format!("line {line}: predicate {name} is not declared"))?;
            guard = Some((register, negated));
        }
        let line = self.line();
        let opcode = self.word()?.to_owned();
        let mut operands = Vec::new();
        while !self.take(';') {
            operands.push(self.operand(body)?);
            if !self.take(',') && self.peek() != Some(Token::Mark(';')) {
                let found = self.peek();
                return Err(format!(
                    "line {line}: {opcode}: expected ',' or ';', found {found:?}"
                ));
            }
        }
        Ok(Statement {
            line,
            guard,
            opcode,
            operands,
            scope: body.scope(),
        })
    }

    fn operand(&mut self, body: &Body) -> Result<Operand, String> {
        let line = self.line();
        if self.take('{') {
            let mut parts = Vec::new();
            while !self.take('}') {
                parts.push(self.operand(body)?);
                self.take(',');
            }
            return Ok(Operand::Vector(parts));
        }
        if self.take('[') {
            let base = self.operand(body)?;
            let signed = self.take('+') || self.peek() == Some(Token::Mark('-'));
            let offset = if signed { self.integer()? as i64 } else { 0 };
            self.expect(']')?;
            return Ok(Operand::Address(Box::new(base), offset));
        }
        if self.take('!') {
            let name = self.word()?;
            return body
                .register(name)
                .map(Operand::Not)
                .ok_or_else(|| format!("line {line}: predicate {name} is not declared"));
        }
        let operand = match self.peek() {
            Some(Token::Mark('-') | Token::Integer(_)) => Operand::Integer(self.integer()?),
            _ => match self.next()? {
                Token::Single(bits) => Operand::Single(bits),
                Token::Word("_") => Operand::Sink,
                Token::Word(name) => match body.register(name) {
                    Some(register) => Operand::Register(register),
                    None if name.starts_with('%') => Operand::Special(name.to_owned()),
                    None => Operand::Name(name.to_owned()),
                },
                found => return Err(format!("line {line}: {found:?} is not an operand")),
            },
        };
        if self.take('|') {
            let second = self.operand(body)?;
            return Ok(Operand::Pair(Box::new(operand), Box::new(second)));
        }
        // `name+16` outside of brackets: the address of a part of a variable.
        if matches!(operand, Operand::Name(_)) && self.take('+') {
            let offset = self.integer()? as i64;
            return Ok(Operand::Address(Box::new(operand), offset));
        }
        Ok(operand)
    }
}
