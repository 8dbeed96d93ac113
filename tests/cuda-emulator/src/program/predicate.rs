//! Comparisons, selections and logic of predicates.

use super::bits::{float, half, mask, word};
use super::decoder::Decoder;
use super::{Class, Combine, Index, Op, Outcome, Slot};
use crate::ptx::{Operand, Type};

type CompareWord = fn(&super::Word, &super::Word) -> u32;
type CompareLong = fn(&super::Long, &super::Long) -> u32;

impl Decoder<'_> {
    /// Emits an operation with predicates, or says that `parts` is none.
    pub(super) fn predicate(
        &mut self,
        parts: &[&str],
        operands: &[Operand],
    ) -> Result<bool, String> {
        let kind = parts.last().and_then(|name| Type::parse(name));
        match (parts[0], operands) {
            ("setp", [result, a, b, rest @ ..]) => {
                let (p, q) = match result {
                    Operand::Pair(p, q) => {
                        (self.predicate_result(p)?, Some(self.predicate_result(q)?))
                    }
                    p => (self.predicate_result(p)?, None),
                };
                self.compare(parts, kind, p, q, a, b, rest)?;
            }
            ("set", [d, a, b, rest @ ..]) => {
                let d = self.word(d)?;
                let result = parts.iter().filter_map(|name| Type::parse(name)).next();
                let value = match result {
                    Some(Type::F(32)) => 1f32.to_bits(),
                    Some(Type::U(32) | Type::S(32)) => u32::MAX,
                    other => return Err(format!("a result of type {other:?} is not supported")),
                };
                let p = self.scratch_predicate();
                self.compare(parts, kind, p, None, a, b, rest)?;
                self.emit(Class::Integer, Op::FromPredicate(d, p, value));
            }
            ("selp", [d, a, b, p]) => {
                let (p, negated) = self.predicate_source(p)?;
                let (a, b) = if negated { (b, a) } else { (a, b) };
                let bits = kind.map_or(32, Type::bits);
                let op = if bits == 64 {
                    Op::SelectLong([self.long(d)?, self.long(a)?, self.long(b)?, p])
                } else {
                    let kind = Type::B(bits as u8);
                    let registers = [d, a, b].map(|o| self.half_or_word(o, kind));
                    let [d, a, b] = registers;
                    Op::SelectWord([d?, a?, b?, p])
                };
                self.emit(Class::Integer, op);
            }
            ("slct", [d, a, b, c]) => {
                let f = match kind {
                    Some(Type::F(32)) => {
                        word!(|a, b, c| if float(c) >= 0.0 { a } else { b }) as fn(&_, &_, &_) -> _
                    }
                    _ => word!(|a, b, c| if c as i32 >= 0 { a } else { b }),
                };
                let registers = [self.word(d)?, self.word(a)?, self.word(b)?, self.word(c)?];
                self.emit(Class::Integer, Op::Word3(f, registers));
            }
            ("and" | "or" | "xor", [d, a, b]) if kind == Some(Type::Pred) => {
                let f: fn(u32, u32) -> u32 = match parts[0] {
                    "and" => |a, b| a & b,
                    "or" => |a, b| a | b,
                    _ => |a, b| a ^ b,
                };
                self.combine(f, d, a, b)?;
            }
            ("not", [d, a]) if kind == Some(Type::Pred) => self.combine(|a, _| !a, d, a, a)?,
            ("mov", [d, a]) if kind == Some(Type::Pred) => {
                let (_, negated) = self.predicate_source(a)?;
                let f: fn(u32, u32) -> u32 = if negated { |a, _| !a } else { |a, _| a };
                self.combine(f, d, a, a)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn combine(
        &mut self,
        f: fn(u32, u32) -> u32,
        d: &Operand,
        a: &Operand,
        b: &Operand,
    ) -> Result<(), String> {
        let (a, _) = self.predicate_source(a)?;
        let (b, _) = self.predicate_source(b)?;
        let op = Op::Predicates(f, [self.predicate_result(d)?, a, b]);
        self.emit(Class::Integer, op);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the operands of one instruction")]
    fn compare(
        &mut self,
        parts: &[&str],
        kind: Option<Type>,
        p: Index,
        q: Option<Index>,
        a: &Operand,
        b: &Operand,
        rest: &[Operand],
    ) -> Result<(), String> {
        let kind = kind.ok_or("expected a type")?;
        let combine = match parts {
            _ if rest.is_empty() => Combine::None,
            parts if parts.contains(&"and") => Combine::And,
            parts if parts.contains(&"or") => Combine::Or,
            parts if parts.contains(&"xor") => Combine::Xor,
            _ => return Err("expected .and, .or or .xor".into()),
        };
        let (with, negated) = match rest {
            [] => (0, false),
            [with] => self.predicate_source(with)?,
            _ => return Err("too many operands".into()),
        };
        let outcome = Outcome {
            p,
            q,
            combine,
            with,
            negated,
        };
        let (a, b) = (self.slot(a, kind.bits())?, self.slot(b, kind.bits())?);
        let unknown = || format!("comparison {} is not known", parts[1]);
        let op = match (a, b) {
            (Slot::Long(a), Slot::Long(b)) => {
                let f = compare_long(parts[1], kind).ok_or_else(unknown)?;
                Op::CompareLong(f, [a, b], outcome)
            }
            (Slot::Half(a) | Slot::Word(a), Slot::Half(b) | Slot::Word(b)) => {
                let f = compare_word(parts[1], kind).ok_or_else(unknown)?;
                Op::CompareWord(f, [a, b], outcome)
            }
            _ => return Err("the operands have different sizes".into()),
        };
        self.emit(Class::Integer, op);
        Ok(())
    }
}

fn compare_word(name: &str, kind: Type) -> Option<CompareWord> {
    if let Type::F(32) = kind {
        return compare_float(name);
    }
    Some(match (name, kind.signed(), kind.bits()) {
        ("eq", ..) => mask!(|a, b: u32| a == b),
        ("ne", ..) => mask!(|a, b: u32| a != b),
        ("lt", true, 32) => mask!(|a, b: u32| (a as i32) < b as i32),
        ("le", true, 32) => mask!(|a, b: u32| a as i32 <= b as i32),
        ("gt", true, 32) => mask!(|a, b: u32| a as i32 > b as i32),
        ("ge", true, 32) => mask!(|a, b: u32| a as i32 >= b as i32),
        ("lt", true, 16) => mask!(|a, b: u32| half(a) < half(b)),
        ("le", true, 16) => mask!(|a, b: u32| half(a) <= half(b)),
        ("gt", true, 16) => mask!(|a, b: u32| half(a) > half(b)),
        ("ge", true, 16) => mask!(|a, b: u32| half(a) >= half(b)),
        ("lt" | "lo", false, _) => mask!(|a, b: u32| a < b),
        ("le" | "ls", false, _) => mask!(|a, b: u32| a <= b),
        ("gt" | "hi", false, _) => mask!(|a, b: u32| a > b),
        ("ge" | "hs", false, _) => mask!(|a, b: u32| a >= b),
        _ => return None,
    })
}

fn compare_long(name: &str, kind: Type) -> Option<CompareLong> {
    if let Type::F(_) = kind {
        return None;
    }
    Some(match (name, kind.signed()) {
        ("eq", _) => mask!(|a, b: u64| a == b),
        ("ne", _) => mask!(|a, b: u64| a != b),
        ("lt", true) => mask!(|a, b: u64| (a as i64) < b as i64),
        ("le", true) => mask!(|a, b: u64| a as i64 <= b as i64),
        ("gt", true) => mask!(|a, b: u64| a as i64 > b as i64),
        ("ge", true) => mask!(|a, b: u64| a as i64 >= b as i64),
        ("lt" | "lo", false) => mask!(|a, b: u64| a < b),
        ("le" | "ls", false) => mask!(|a, b: u64| a <= b),
        ("gt" | "hi", false) => mask!(|a, b: u64| a > b),
        ("ge" | "hs", false) => mask!(|a, b: u64| a >= b),
        _ => return None,
    })
}

/// A `u` comparison also holds where an operand is not a number.
fn compare_float(name: &str) -> Option<CompareWord> {
    Some(match name {
        "eq" => mask!(|a, b: u32| float(a) == float(b)),
        "ne" => mask!(|a, b: u32| float(a) < float(b) || float(a) > float(b)),
        "lt" => mask!(|a, b: u32| float(a) < float(b)),
        "le" => mask!(|a, b: u32| float(a) <= float(b)),
        "gt" => mask!(|a, b: u32| float(a) > float(b)),
        "ge" => mask!(|a, b: u32| float(a) >= float(b)),
        "equ" => mask!(|a, b: u32| !(float(a) < float(b) || float(a) > float(b))),
        "neu" => mask!(|a, b: u32| float(a) != float(b)),
        "ltu" => mask!(|a, b: u32| !matches!(
            float(a).partial_cmp(&float(b)),
            Some(std::cmp::Ordering::Greater | std::cmp::Ordering::Equal)
        )),
        "leu" => {
            mask!(|a, b: u32| float(a).partial_cmp(&float(b)) != Some(std::cmp::Ordering::Greater))
        }
        "gtu" => mask!(|a, b: u32| !matches!(
            float(a).partial_cmp(&float(b)),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        )),
        "geu" => {
            mask!(|a, b: u32| float(a).partial_cmp(&float(b)) != Some(std::cmp::Ordering::Less))
        }
        "num" => mask!(|a, b: u32| !float(a).is_nan() && !float(b).is_nan()),
        "nan" => mask!(|a, b: u32| float(a).is_nan() || float(b).is_nan()),
        _ => return None,
    })
}
