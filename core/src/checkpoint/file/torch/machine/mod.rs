//! The stack machine that pickles are programs of.
//!
//! It builds values and calls nothing. Python's own machine imports what a pickle names and calls
//! it; here such a call leaves an object that stays closed, but for those that make tensors.

mod objects;
mod read;

use std::{collections::HashMap, io::BufRead, rc::Rc};

use read::{bytes, end, line, skip};

use super::{
    malformed,
    value::{Id, Value},
};
use crate::Result;

/// Values of one pickle; each takes some 40 bytes.
const MAX_VALUES: usize = 2 << 20;
/// Tensors of one pickle, those of an optimizer among them.
const MAX_TENSORS: usize = 1 << 17;
/// Sides of a tensor.
const MAX_SIDES: usize = 8;
/// Instructions of one pickle.
const MAX_STEPS: usize = 32 << 20;
/// Bytes of a text that is kept; longer ones name no tensor.
const MAX_TEXT: u64 = 4096;
/// Bytes of all texts that are kept.
const MAX_TEXTS: usize = 64 << 20;

/// What a pickle describes.
pub(super) struct Pickle {
    values: Vec<Value>,
    pub(super) root: Id,
    /// Bytes of each storage by its key, if its element type is known.
    pub(super) storages: HashMap<Rc<str>, Option<u64>>,
}

impl Pickle {
    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    pub(super) fn root_value(&self) -> &Value {
        self.value(self.root)
    }

    /// A text, or a whole number as one.
    pub(super) fn text(&self, id: Id) -> Option<Rc<str>> {
        text(self.value(id))
    }

    /// The entry `name` of the root, if that is a dictionary.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        let Value::Dict(pairs) = self.root_value() else {
            return None;
        };
        let known = |&&(key, _): &&(Id, Id)| self.text(key).as_deref() == Some(name);
        pairs
            .iter()
            .find(known)
            .map(|&(_, value)| self.value(value))
    }
}

fn text(value: &Value) -> Option<Rc<str>> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// A pickle half read.
#[derive(Default)]
pub(super) struct Machine {
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack where a group of values begins.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: HashMap<Rc<str>, Option<u64>>,
    texts: usize,
    tensors: usize,
    /// Entries of dictionaries that were made from lists.
    copied: usize,
}

impl Machine {
    /// Reads one pickle from `source` and stops behind it.
    pub(super) fn run(mut self, source: &mut impl BufRead) -> Result<Pickle> {
        for _ in 0..MAX_STEPS {
            let [code] = bytes(source)?;
            if code == b'.' {
                let root = self.pop()?;
                return Ok(Pickle {
                    values: self.values,
                    root,
                    storages: self.storages,
                });
            }
            self.step(code, source)?;
            if self.stack.len().max(self.memo.len()).max(self.marks.len()) > MAX_VALUES {
                return Err(malformed("a pickle of too many values"));
            }
        }
        Err(malformed("a pickle of too many instructions"))
    }

    fn step(&mut self, code: u8, source: &mut impl BufRead) -> Result<()> {
        match code {
            // The version, and how long a part of the pickle is.
            0x80 => {
                let [version] = bytes(source)?;
                if version > 5 {
                    return Err(malformed(&format!("a pickle of version {version}")));
                }
            }
            0x95 => drop(bytes::<8>(source)?),

            // Values without parts.
            b'N' => self.push(Value::Nothing)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'I' => {
                let value = match line(source)?.as_str() {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    number => number.parse().map_or(Value::Nothing, Value::Int),
                };
                self.push(value)?;
            }
            b'L' => {
                let number = line(source)?;
                let number = number.strip_suffix('L').unwrap_or(&number).parse();
                self.push(number.map_or(Value::Nothing, Value::Int))?;
            }
            b'J' => {
                let number = i32::from_le_bytes(bytes(source)?);
                self.push(Value::Int(number.into()))?;
            }
            b'K' => {
                let [number] = bytes(source)?;
                self.push(Value::Int(number.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(bytes(source)?);
                self.push(Value::Int(number.into()))?;
            }
            0x8a => {
                let [length] = bytes(source)?;
                self.long(source, length.into())?;
            }
            0x8b => {
                let length = u32::from_le_bytes(bytes(source)?);
                self.long(source, length.into())?;
            }
            b'F' => {
                line(source)?;
                self.push(Value::Nothing)?;
            }
            b'G' => {
                bytes::<8>(source)?;
                self.push(Value::Nothing)?;
            }
            b'V' | b'S' => {
                let text = line(source)?;
                let quotes = ['\'', '"'];
                let text = match code {
                    b'S' => text.trim_matches(quotes).to_owned(),
                    _ => text,
                };
                self.keep(text)?;
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(bytes(source)?);
                self.text(source, length.into())?;
            }
            0x8c | b'U' => {
                let [length] = bytes(source)?;
                self.text(source, length.into())?;
            }
            0x8d => {
                let length = u64::from_le_bytes(bytes(source)?);
                self.text(source, length)?;
            }
            b'C' => {
                let [length] = bytes(source)?;
                self.skipped(source, length.into())?;
            }
            b'B' => {
                let length = u32::from_le_bytes(bytes(source)?);
                self.skipped(source, length.into())?;
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(bytes(source)?);
                self.skipped(source, length)?;
            }
            b'c' => {
                let (module, name) = (line(source)?, line(source)?);
                self.global(&module, &name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.text_of(module), self.text_of(name)) else {
                    return Err(malformed("a class without a name"));
                };
                self.global(&module, &name)?;
            }

            // Values with parts.
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b']' | 0x8f => self.push(Value::List(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b't' => {
                let parts = self.group()?;
                self.push(Value::Tuple(parts))?;
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(count);
                let start =
                    start.filter(|&start| self.marks.last().is_none_or(|&mark| mark <= start));
                let start = start.ok_or_else(|| malformed("a tuple of missing values"))?;
                let parts = self.stack.split_off(start);
                self.push(Value::Tuple(parts))?;
            }
            b'l' | 0x91 => {
                let parts = self.group()?;
                self.push(Value::List(parts))?;
            }
            b'd' => {
                let parts = self.group()?;
                self.push(Value::Dict(pairs(&parts)))?;
            }
            b'a' => {
                let part = self.pop()?;
                self.extend(&[part])?;
            }
            b'e' | 0x90 => {
                let parts = self.group()?;
                self.extend(&parts)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend(&[key, value])?;
            }
            b'u' => {
                let parts = self.group()?;
                self.extend(&parts)?;
            }

            // The stack and the memo.
            b'0' => match self.marks.last() == Some(&self.stack.len()) {
                true => drop(self.marks.pop()),
                false => drop(self.pop()?),
            },
            b'1' => drop(self.group()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'g' => {
                let place = line(source)?.parse();
                self.recall(
                    place.map_err(|_| malformed("a place of the memo that is no number"))?,
                )?;
            }
            b'h' => {
                let [place] = bytes(source)?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(bytes(source)?);
                self.recall(place)?;
            }
            b'p' => {
                let place = line(source)?.parse();
                let place =
                    place.map_err(|_| malformed("a place of the memo that is no number"))?;
                let top = self.top()?;
                self.memo.insert(place, top);
            }
            b'q' => {
                let [place] = bytes(source)?;
                let top = self.top()?;
                self.memo.insert(place.into(), top);
            }
            b'r' => {
                let place = u32::from_le_bytes(bytes(source)?);
                let top = self.top()?;
                self.memo.insert(place, top);
            }
            0x94 => {
                let (place, top) = (self.memo.len() as u32, self.top()?);
                self.memo.insert(place, top);
            }

            // Objects.
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id);
                let storage =
                    storage.ok_or_else(|| malformed("a storage without a description"))?;
                self.push(Value::Storage(Rc::new(storage)))?;
            }
            b'R' => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let made = self.call(callable, arguments, 0)?;
                self.tensors += usize::from(matches!(made, Value::Tensor(_)));
                if self.tensors > MAX_TENSORS {
                    return Err(malformed("a pickle of too many tensors"));
                }
                self.push(made)?;
            }
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                self.object(class)?;
            }
            0x92 => {
                let (_, _, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.object(class)?;
            }
            b'o' => {
                let parts = self.group()?;
                let class = parts.first().copied();
                self.object(class.ok_or_else(|| malformed("an object without a class"))?)?;
            }
            b'i' => {
                let (module, name) = (line(source)?, line(source)?);
                self.group()?;
                self.global(&module, &name)?;
                let class = self.pop()?;
                self.object(class)?;
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                let tables = self.has_tables(state);
                if let Value::Object { module, .. } = &mut self.values[object as usize] {
                    *module |= tables;
                }
            }
            other => {
                return Err(malformed(&format!(
                    "an instruction {other:#04x} in the pickle"
                )));
            }
        }
        Ok(())
    }

    fn add(&mut self, value: Value) -> Result<Id> {
        if self.values.len() >= MAX_VALUES {
            return Err(malformed("a pickle of too many values"));
        }
        self.values.push(value);
        Ok((self.values.len() - 1) as Id)
    }

    fn push(&mut self, value: Value) -> Result<()> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }

    fn keep(&mut self, text: String) -> Result<()> {
        self.texts += text.len();
        if self.texts > MAX_TEXTS {
            return Err(malformed("a pickle of too much text"));
        }
        self.push(Value::Text(text.into()))
    }

    fn text(&mut self, source: &mut impl BufRead, length: u64) -> Result<()> {
        if length > MAX_TEXT {
            return self.skipped(source, length);
        }
        let mut bytes = vec![0; length as usize];
        source.read_exact(&mut bytes).map_err(end)?;
        match String::from_utf8(bytes) {
            Ok(text) => self.keep(text),
            // Python 2 keeps arrays in texts.
            Err(_) => self.push(Value::Nothing),
        }
    }

    fn skipped(&mut self, source: &mut impl BufRead, length: u64) -> Result<()> {
        skip(source, length)?;
        self.push(Value::Nothing)
    }

    fn long(&mut self, source: &mut impl BufRead, length: u64) -> Result<()> {
        if length > 8 {
            return self.skipped(source, length);
        }
        let mut bytes = [0; 8];
        source
            .read_exact(&mut bytes[..length as usize])
            .map_err(end)?;
        let unused = 64 - 8 * length as u32;
        let number = i64::from_le_bytes(bytes).checked_shl(unused).unwrap_or(0);
        self.push(Value::Int(number.checked_shr(unused).unwrap_or(0)))
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        let name = format!("{module}.{name}");
        self.texts += name.len();
        if self.texts > MAX_TEXTS {
            return Err(malformed("a pickle of too much text"));
        }
        self.push(Value::Global(name.into()))
    }

    fn object(&mut self, class: Id) -> Result<()> {
        let class = self.class(class);
        let module = false;
        self.push(Value::Object { class, module })
    }

    /// The name of a class or function.
    fn class(&self, id: Id) -> Rc<str> {
        match &self.values[id as usize] {
            Value::Global(name) => name.clone(),
            Value::Object { class, .. } => class.clone(),
            _ => "object".into(),
        }
    }

    fn pop(&mut self) -> Result<Id> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn top(&self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.get(floor..).and_then(<[Id]>::last) {
            Some(&id) => Ok(id),
            None => Err(malformed("a value missing on the stack")),
        }
    }

    /// Everything above the last mark.
    fn group(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| malformed("a group of values without a start"))?;
        Ok(self.stack.split_off(mark))
    }

    fn recall(&mut self, place: u32) -> Result<()> {
        let id = self.memo.get(&place);
        let id = *id.ok_or_else(|| malformed("a value that was never kept"))?;
        self.stack.push(id);
        Ok(())
    }

    /// Adds `parts` to the value on top: as elements of a list, as keys and values of a dictionary;
    /// an object stays closed.
    fn extend(&mut self, parts: &[Id]) -> Result<()> {
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::List(list) => list.extend(parts),
            Value::Dict(dict) => dict.extend(pairs(parts)),
            Value::Object { .. } => {}
            _ => return Err(malformed("parts of a value that has none")),
        }
        Ok(())
    }

    fn text_of(&self, id: Id) -> Option<Rc<str>> {
        text(&self.values[id as usize])
    }

    fn number(&self, id: Id) -> Option<usize> {
        match self.values[id as usize] {
            Value::Int(number) => number.try_into().ok(),
            _ => None,
        }
    }

    fn numbers(&self, id: Id) -> Option<Vec<usize>> {
        let parts = self.parts(id).filter(|parts| parts.len() <= MAX_SIDES);
        parts?.iter().map(|&id| self.number(id)).collect()
    }

    fn parts(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id as usize] {
            Value::List(parts) | Value::Tuple(parts) => Some(parts),
            _ => None,
        }
    }
}

/// Keys and values in turns; a key without a value is left out.
fn pairs(parts: &[Id]) -> Vec<(Id, Id)> {
    let (pairs, _) = parts.as_chunks::<2>();
    pairs.iter().map(|&[key, value]| (key, value)).collect()
}
