//! The stack machine that pickles are programs of.
//!
//! It builds values and calls nothing. Python's own machine imports what a pickle names and calls
//! it; here such a call leaves an object that stays closed, but for those that make tensors.

use std::{
    collections::HashMap,
    io::{self, BufRead, Read},
    rc::Rc,
};

use super::{
    malformed,
    value::{self, Id, Storage, Tensor, Value},
};
use crate::Result;

/// Values of one pickle; each takes some 40 bytes.
const MAX_VALUES: usize = 2 << 20;
/// Tensors of one pickle, those of an optimizer among them.
const MAX_TENSORS: usize = 1 << 17;
/// Sides of a tensor.
const MAX_SIDES: usize = 8;
/// Entries of a module's dictionary among which its tables are; it makes them first.
const TABLES: usize = 64;
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

    /// `("storage", class, key, device, elements[, (key of a view, first element, elements)])`.
    fn storage(&mut self, id: Id) -> Option<Storage> {
        let &[_, class, key, _, elements, ref view @ ..] = self.parts(id)? else {
            return None;
        };
        let class = match &self.values[class as usize] {
            Value::Global(name) | Value::Text(name) => value::element(name),
            _ => return None,
        };
        let key = self.text_of(key)?;
        let start = match view.first().and_then(|&view| self.parts(view)) {
            Some(&[_, start, _]) => self.number(start)?,
            _ => 0,
        };
        let elements = self.number(elements)? as u64;
        let bytes = value::size(&class).and_then(|size| elements.checked_mul(size as u64));
        self.storages.insert(key.clone(), bytes);
        Some(Storage {
            element: class,
            key,
            start,
        })
    }

    /// What a call leaves: a dictionary, a list or a tensor where torch saves one, else an object.
    fn call(&mut self, callable: Id, arguments: Id, depth: usize) -> Result<Value> {
        let class = self.class(callable);
        let given = match &self.values[arguments as usize] {
            Value::Tuple(parts) => parts.as_slice(),
            _ => &[],
        };
        match &*class {
            "collections.OrderedDict" | "collections.defaultdict" => {
                // An OrderedDict of Python 2 is made of a list of pairs.
                let parts = given.first().and_then(|&list| self.parts(list));
                let items = parts.unwrap_or_default().iter();
                let items = items.filter_map(|&pair| match self.parts(pair) {
                    Some(&[key, value]) => Some((key, value)),
                    _ => None,
                });
                let items: Vec<_> = items.collect();
                self.copied += items.len();
                match self.copied > MAX_VALUES {
                    true => Err(malformed("a pickle of too many values")),
                    false => Ok(Value::Dict(items)),
                }
            }
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
                self.tensor(given, None)
            }
            "torch._utils._rebuild_tensor_v3" => self.tensor(given, given.get(6).copied()),
            "torch._utils._rebuild_parameter"
            | "torch._utils._rebuild_parameter_with_state"
            | "torch.nn.parameter.Parameter" => match given.first() {
                Some(&data) => Ok(self.same(data)),
                None => Err(malformed("a parameter without a tensor")),
            },
            // A tensor of a subclass: the function that makes it and its arguments.
            "torch._tensor._rebuild_from_type_v2" if depth < 4 => match *given {
                [callable, _, arguments, ..] => self.call(callable, arguments, depth + 1),
                _ => Err(malformed("a tensor without its parts")),
            },
            _ => Ok(Value::Object {
                class,
                module: false,
            }),
        }
    }

    /// The same tensor once more.
    fn same(&self, id: Id) -> Value {
        match &self.values[id as usize] {
            Value::Tensor(tensor) => Value::Tensor(tensor.clone()),
            _ => Value::Nothing,
        }
    }

    /// `(storage, first element, shape, strides, …)`.
    fn tensor(&self, given: &[Id], element: Option<Id>) -> Result<Value> {
        let odd = || malformed("a tensor without a storage, a place, a shape and strides");
        let &[storage, offset, shape, strides, ..] = given else {
            return Err(odd());
        };
        let Value::Storage(storage) = &self.values[storage as usize] else {
            return Err(odd());
        };
        let element = match element {
            Some(id) => value::element(&self.class(id)),
            None => storage.element.clone(),
        };
        let offset = self.number(offset).ok_or_else(odd)?;
        let tensor = Tensor {
            element,
            key: storage.key.clone(),
            offset: storage.start.checked_add(offset).ok_or_else(odd)?,
            shape: self.numbers(shape).ok_or_else(odd)?,
            strides: self.numbers(strides).ok_or_else(odd)?,
        };
        Ok(Value::Tensor(Rc::new(tensor)))
    }

    /// Whether `state` has the tables that every torch.nn.Module keeps its tensors in.
    fn has_tables(&self, state: Id) -> bool {
        let Value::Dict(pairs) = &self.values[state as usize] else {
            return false;
        };
        let has = |name: &str| {
            let named = |key: Id| matches!(&self.values[key as usize], Value::Text(text) if &**text == name);
            pairs.iter().take(TABLES).any(|&(key, _)| named(key))
        };
        has("_parameters") && has("_buffers") && has("_modules")
    }
}

/// Keys and values in turns; a key without a value is left out.
fn pairs(parts: &[Id]) -> Vec<(Id, Id)> {
    let (pairs, _) = parts.as_chunks::<2>();
    pairs.iter().map(|&[key, value]| (key, value)).collect()
}

fn end(error: io::Error) -> crate::Error {
    malformed(&format!(
        "the end of the file inside of its pickle ({error})"
    ))
}

fn bytes<const N: usize>(source: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes).map_err(end)?;
    Ok(bytes)
}

fn skip(source: &mut impl Read, length: u64) -> Result<()> {
    let skipped = io::copy(&mut source.by_ref().take(length), &mut io::sink()).map_err(end)?;
    match skipped == length {
        true => Ok(()),
        false => Err(malformed("the end of the file inside of its pickle")),
    }
}

/// The text up to the end of the line.
fn line(source: &mut impl BufRead) -> Result<String> {
    let mut bytes = Vec::new();
    let read = source.take(MAX_TEXT).read_until(b'\n', &mut bytes);
    read.map_err(end)?;
    if bytes.pop() != Some(b'\n') {
        return Err(malformed("a line without end in the pickle"));
    }
    Ok(String::from_utf8_lossy(&bytes)
        .trim_end_matches('\r')
        .to_owned())
}
