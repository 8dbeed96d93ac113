//! What calls leave: dictionaries, storages and tensors where torch makes them, else closed objects.

use std::rc::Rc;

use super::{
    super::{
        malformed,
        value::{self, Id, Storage, Tensor, Value},
    },
    MAX_VALUES, Machine,
};
use crate::Result;

/// Entries of a module's dictionary among which its tables are; it makes them first.
const TABLES: usize = 64;

impl Machine {
    /// `("storage", class, key, device, elements[, (key of a view, first element, elements)])`.
    pub(super) fn storage(&mut self, id: Id) -> Option<Storage> {
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
    pub(super) fn call(&mut self, callable: Id, arguments: Id, depth: usize) -> Result<Value> {
        let class = self.class(callable);
        let given = match &self.values[arguments as usize] {
            Value::Tuple(parts) => parts.as_slice(),
            _ => &[],
        };
        match &*class {
            "collections.OrderedDict" | "collections.defaultdict" => {
                // An OrderedDict of Python 2 is made of a list of pairs.
                let parts = given.first().and_then(|&list| self.parts(list));
                let parts = parts.unwrap_or_default();
                let scanned = parts.len();
                let items = parts.iter();
                let items = items.filter_map(|&pair| match self.parts(pair) {
                    Some(&[key, value]) => Some((key, value)),
                    _ => None,
                });
                let items: Vec<_> = items.collect();
                self.copied += scanned;
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
    pub(super) fn has_tables(&self, state: Id) -> bool {
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
