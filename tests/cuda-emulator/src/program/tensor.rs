//! Matrix loads and integer matrix products.

use super::decoder::Decoder;
use super::{Class, Index, Matrices, Op, Product};
use crate::ptx::Operand;

impl Decoder<'_> {
    /// Emits `ldmatrix` or `mma`, or says that `parts` is none.
    pub(super) fn tensor(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        match (parts[0], operands) {
            ("ldmatrix", [d, a]) => {
                let count = match parts {
                    ["ldmatrix", "sync", "aligned", "m8n8", count, ..] => *count,
                    _ => return Err("expected .sync.aligned.m8n8".into()),
                };
                let registers = self.vector(d)?;
                if format!("x{}", registers.len()) != count {
                    let found = registers.len();
                    return Err(format!(
                        "expected as many registers as {count} says, found {found}"
                    ));
                }
                if !parts.iter().any(|p| p.starts_with("shared")) || parts.last() != Some(&"b16") {
                    return Err("expected .shared.b16".into());
                }
                let matrices = Matrices {
                    address: self.address(a)?,
                    registers,
                    transposed: parts.contains(&"trans"),
                };
                self.emit(Class::Shared, Op::Matrices(Box::new(matrices)));
            }
            ("mma", [d, a, b, c]) => {
                let (shape, types) = match parts {
                    [
                        "mma",
                        "sync",
                        "aligned",
                        shape,
                        "row",
                        "col",
                        "satfinite",
                        types @ ..,
                    ]
                    | ["mma", "sync", "aligned", shape, "row", "col", types @ ..] => {
                        (*shape, types)
                    }
                    _ => return Err("expected .sync.aligned, a shape, and .row.col".into()),
                };
                let depth = match shape {
                    "m16n8k32" => 32,
                    "m16n8k16" => 16,
                    other => return Err(format!("shape {other} is not supported")),
                };
                let ["s32", a_type @ ("s8" | "u8"), b_type @ ("s8" | "u8"), "s32"] = types else {
                    return Err(format!("types {types:?} are not supported"));
                };
                let product = Product {
                    d: four(self.vector(d)?)?,
                    a: exactly(depth / 8, self.vector(a)?)?,
                    b: exactly(depth / 16, self.vector(b)?)?,
                    c: four(self.vector(c)?)?,
                    a_signed: *a_type == "s8",
                    b_signed: *b_type == "s8",
                    saturate: parts.contains(&"satfinite"),
                };
                self.emit(Class::Mma, Op::Product(Box::new(product)));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn exactly(count: usize, registers: Vec<Index>) -> Result<Vec<Index>, String> {
    if registers.len() == count {
        Ok(registers)
    } else {
        let found = registers.len();
        Err(format!("expected {count} registers, found {found}"))
    }
}

fn four(registers: Vec<Index>) -> Result<[Index; 4], String> {
    let found = registers.len();
    (registers.try_into()).map_err(|_| format!("expected 4 registers, found {found}"))
}
