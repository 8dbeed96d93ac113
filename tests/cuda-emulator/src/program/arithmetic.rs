//! Integer arithmetic.

use super::bits::{half, long, word};
use super::decoder::Decoder;
use super::{Class, Op, Slot};
use crate::ptx::{Operand, Type};

type Word1 = fn(&super::Word) -> super::Word;
type Word2 = fn(&super::Word, &super::Word) -> super::Word;
type Word3 = fn(&super::Word, &super::Word, &super::Word) -> super::Word;
type Long1 = fn(&super::Long) -> super::Long;
type Long2 = fn(&super::Long, &super::Long) -> super::Long;

impl Decoder<'_> {
    /// Emits an integer operation, or says that `parts` is none.
    pub(super) fn arithmetic(
        &mut self,
        parts: &[&str],
        operands: &[Operand],
    ) -> Result<bool, String> {
        let Some(kind) = parts.last().and_then(|name| Type::parse(name)) else {
            return Ok(false);
        };
        if matches!(kind, Type::F(_) | Type::Pred) {
            return Ok(false);
        }
        let carries = parts.contains(&"cc") || matches!(parts[0], "addc" | "subc");
        if carries {
            return self.carry(parts, operands, kind);
        }
        let wide = parts.contains(&"wide");
        match (parts[0], operands) {
            ("mul", [d, a, b]) if wide => self.multiply_wide(kind, d, a, b, None)?,
            ("mad", [d, a, b, c]) if wide => self.multiply_wide(kind, d, a, b, Some(c))?,
            ("mad" | "mad24" | "sad", [d, a, b, c]) => {
                let high = parts.contains(&"hi");
                return self.three(parts[0], high, kind, [d, a, b, c]);
            }
            (name, [d, a]) => {
                if kind.bits() == 64 {
                    let Some(f) = long1(name) else {
                        return Ok(false);
                    };
                    let registers = [self.long(d)?, self.long(a)?];
                    self.emit(Class::Integer, Op::Long1(f, registers));
                } else {
                    let Some(f) = word1(name, kind.bits() == 16) else {
                        return Ok(false);
                    };
                    let registers = [self.half_or_word(d, kind)?, self.half_or_word(a, kind)?];
                    self.emit(Class::Integer, Op::Word1(f, registers));
                }
            }
            (name, [d, a, b]) => {
                let high = parts.contains(&"hi");
                let saturate = parts.contains(&"sat");
                if kind.bits() == 64 {
                    let Some(f) = long2(name, high, kind.signed()) else {
                        return Ok(false);
                    };
                    let registers = [self.long(d)?, self.long(a)?, self.long(b)?];
                    self.emit(Class::Integer, Op::Long2(f, registers));
                } else {
                    let found = if kind.bits() == 16 {
                        half2(name, high, kind.signed())
                    } else {
                        word2(name, high, saturate, kind.signed())
                    };
                    let Some(f) = found else {
                        return Ok(false);
                    };
                    let registers = [
                        self.half_or_word(d, kind)?,
                        self.half_or_word(a, kind)?,
                        self.half_or_word(b, kind)?,
                    ];
                    self.emit(Class::Integer, Op::Word2(f, registers));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The register of a 16- or 32-bit operand.
    pub(super) fn half_or_word(&mut self, operand: &Operand, kind: Type) -> Result<u32, String> {
        if kind.bits() == 32 {
            self.word(operand)
        } else {
            self.half(operand)
        }
    }

    fn multiply_wide(
        &mut self,
        kind: Type,
        d: &Operand,
        a: &Operand,
        b: &Operand,
        c: Option<&Operand>,
    ) -> Result<(), String> {
        let (a, b) = (self.half_or_word(a, kind)?, self.half_or_word(b, kind)?);
        if kind.bits() == 16 {
            let f: Word2 = if kind.signed() {
                word!(|a, b| half(a).wrapping_mul(half(b)) as u32)
            } else {
                word!(|a, b| a.wrapping_mul(b))
            };
            let d = self.word(d)?;
            self.emit(Class::Integer, Op::Word2(f, [d, a, b]));
            if let Some(c) = c {
                let c = self.word(c)?;
                let add: Word2 = word!(|a, b| a.wrapping_add(b));
                self.emit(Class::Integer, Op::Word2(add, [d, d, c]));
            }
            return Ok(());
        }
        let d = self.long(d)?;
        let op = match (c, kind.signed()) {
            (None, true) => {
                let f = long!(|a: u32, b: u32| (i64::from(a as i32) * i64::from(b as i32)) as u64);
                Op::Widen2(f, [d, a, b])
            }
            (None, false) => {
                let f = long!(|a: u32, b: u32| u64::from(a) * u64::from(b));
                Op::Widen2(f, [d, a, b])
            }
            (Some(c), true) => {
                let f = long!(|a: u32, b: u32, c: u64| c
                    .wrapping_add_signed(i64::from(a as i32) * i64::from(b as i32)));
                Op::Widen3(f, [d, a, b, self.long(c)?])
            }
            (Some(c), false) => {
                let f = long!(|a: u32, b: u32, c: u64| c.wrapping_add(u64::from(a) * u64::from(b)));
                Op::Widen3(f, [d, a, b, self.long(c)?])
            }
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    fn three(
        &mut self,
        name: &str,
        high: bool,
        kind: Type,
        operands: [&Operand; 4],
    ) -> Result<bool, String> {
        let [d, a, b, c] = operands;
        if kind.bits() == 64 {
            if name != "mad" || high {
                return Ok(false);
            }
            let f = long!(|a, b, c| a.wrapping_mul(b).wrapping_add(c));
            let registers = [self.long(d)?, self.long(a)?, self.long(b)?, self.long(c)?];
            self.emit(Class::Integer, Op::Long3(f, registers));
            return Ok(true);
        }
        let f: Word3 = match (name, kind.bits(), high, kind.signed()) {
            ("mad", 16, false, _) => {
                word!(|a, b, c| a.wrapping_mul(b).wrapping_add(c) & 0xffff)
            }
            ("mad", 32, false, _) => word!(|a, b, c| a.wrapping_mul(b).wrapping_add(c)),
            ("mad", 32, true, true) => word!(|a, b, c| high_signed(a, b).wrapping_add(c)),
            ("mad", 32, true, false) => word!(|a, b, c| high_unsigned(a, b).wrapping_add(c)),
            ("mad24", 32, false, true) => {
                word!(|a, b, c| (signed24(a).wrapping_mul(signed24(b)) as u32).wrapping_add(c))
            }
            ("mad24", 32, false, false) => {
                word!(|a, b, c| (a & 0xff_ffff).wrapping_mul(b & 0xff_ffff).wrapping_add(c))
            }
            ("sad", 32, _, true) => {
                word!(|a, b, c| (a as i32).abs_diff(b as i32).wrapping_add(c))
            }
            ("sad", 32, _, false) => word!(|a, b, c| a.abs_diff(b).wrapping_add(c)),
            ("sad", 16, _, true) => {
                word!(|a, b, c| half(a).abs_diff(half(b)).wrapping_add(c) & 0xffff)
            }
            ("sad", 16, _, false) => word!(|a, b, c| a.abs_diff(b).wrapping_add(c) & 0xffff),
            _ => return Ok(false),
        };
        let registers = [
            self.half_or_word(d, kind)?,
            self.half_or_word(a, kind)?,
            self.half_or_word(b, kind)?,
            self.half_or_word(c, kind)?,
        ];
        self.emit(Class::Integer, Op::Word3(f, registers));
        Ok(true)
    }

    /// `add.cc`, `addc`, `sub.cc`, `subc`.
    fn carry(&mut self, parts: &[&str], operands: &[Operand], kind: Type) -> Result<bool, String> {
        let (subtract, carry_in) = match parts[0] {
            "add" => (false, false),
            "addc" => (false, true),
            "sub" => (true, false),
            "subc" => (true, true),
            _ => return Ok(false),
        };
        let [d, a, b] = operands else {
            return Ok(false);
        };
        let slots = [
            self.slot(d, kind.bits())?,
            self.slot(a, kind.bits())?,
            self.slot(b, kind.bits())?,
        ];
        if slots.iter().any(|slot| matches!(slot, Slot::Half(_))) {
            return Ok(false);
        }
        let [d, a, b] = slots;
        let op = Op::Carry {
            d,
            a,
            b,
            subtract,
            carry_in,
            carry_out: parts.contains(&"cc"),
        };
        self.emit(Class::Integer, op);
        Ok(true)
    }
}

fn high_signed(a: u32, b: u32) -> u32 {
    ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32
}

fn high_unsigned(a: u32, b: u32) -> u32 {
    ((u64::from(a) * u64::from(b)) >> 32) as u32
}

fn signed24(a: u32) -> i32 {
    ((a << 8) as i32) >> 8
}

fn word1(name: &str, half_width: bool) -> Option<Word1> {
    Some(match (name, half_width) {
        ("neg", false) => word!(|a| a.wrapping_neg()),
        ("neg", true) => word!(|a| a.wrapping_neg() & 0xffff),
        ("abs", false) => word!(|a| (a as i32).wrapping_abs() as u32),
        ("abs", true) => word!(|a| half(a).wrapping_abs() as u32 & 0xffff),
        _ => return None,
    })
}

fn long1(name: &str) -> Option<Long1> {
    Some(match name {
        "neg" => long!(|a| a.wrapping_neg()),
        "abs" => long!(|a| (a as i64).wrapping_abs() as u64),
        _ => return None,
    })
}

/// Of 32 bits. A division by zero gives all ones, as the ISA leaves it open.
fn word2(name: &str, high: bool, saturate: bool, signed: bool) -> Option<Word2> {
    Some(match (name, high, signed) {
        ("add", ..) if saturate => word!(|a, b| (a as i32).saturating_add(b as i32) as u32),
        ("sub", ..) if saturate => word!(|a, b| (a as i32).saturating_sub(b as i32) as u32),
        ("add", ..) => word!(|a, b| a.wrapping_add(b)),
        ("sub", ..) => word!(|a, b| a.wrapping_sub(b)),
        ("mul", false, _) => word!(|a, b| a.wrapping_mul(b)),
        ("mul", true, true) => word!(|a, b| high_signed(a, b)),
        ("mul", true, false) => word!(|a, b| high_unsigned(a, b)),
        ("mul24", false, true) => word!(|a, b| signed24(a).wrapping_mul(signed24(b)) as u32),
        ("mul24", false, false) => {
            word!(|a, b| (a & 0xff_ffff).wrapping_mul(b & 0xff_ffff))
        }
        ("div", _, true) => word!(|a, b| match b {
            0 => u32::MAX,
            _ => (a as i32).wrapping_div(b as i32) as u32,
        }),
        ("div", _, false) => word!(|a, b| a.checked_div(b).unwrap_or(u32::MAX)),
        ("rem", _, true) => word!(|a, b| match b {
            0 => u32::MAX,
            _ => (a as i32).wrapping_rem(b as i32) as u32,
        }),
        ("rem", _, false) => word!(|a, b| a.checked_rem(b).unwrap_or(u32::MAX)),
        ("min", _, true) => word!(|a, b| (a as i32).min(b as i32) as u32),
        ("min", _, false) => word!(|a, b| a.min(b)),
        ("max", _, true) => word!(|a, b| (a as i32).max(b as i32) as u32),
        ("max", _, false) => word!(|a, b| a.max(b)),
        _ => return None,
    })
}

fn half2(name: &str, high: bool, signed: bool) -> Option<Word2> {
    Some(match (name, high, signed) {
        ("add", ..) => word!(|a, b| a.wrapping_add(b) & 0xffff),
        ("sub", ..) => word!(|a, b| a.wrapping_sub(b) & 0xffff),
        ("mul", false, _) => word!(|a, b| a.wrapping_mul(b) & 0xffff),
        ("mul", true, true) => word!(|a, b| (half(a) * half(b)) as u32 >> 16),
        ("mul", true, false) => word!(|a, b| a.wrapping_mul(b) >> 16),
        ("div", _, true) => word!(|a, b| match b & 0xffff {
            0 => 0xffff,
            _ => (half(a) / half(b)) as u32 & 0xffff,
        }),
        ("div", _, false) => word!(|a, b| a.checked_div(b).unwrap_or(0xffff)),
        ("rem", _, true) => word!(|a, b| match b & 0xffff {
            0 => 0xffff,
            _ => (half(a) % half(b)) as u32 & 0xffff,
        }),
        ("rem", _, false) => word!(|a, b| a.checked_rem(b).unwrap_or(0xffff)),
        ("min", _, true) => word!(|a, b| half(a).min(half(b)) as u32 & 0xffff),
        ("min", _, false) => word!(|a, b| a.min(b)),
        ("max", _, true) => word!(|a, b| half(a).max(half(b)) as u32 & 0xffff),
        ("max", _, false) => word!(|a, b| a.max(b)),
        _ => return None,
    })
}

fn long2(name: &str, high: bool, signed: bool) -> Option<Long2> {
    Some(match (name, high, signed) {
        ("add", ..) => long!(|a, b| a.wrapping_add(b)),
        ("sub", ..) => long!(|a, b| a.wrapping_sub(b)),
        ("mul", false, _) => long!(|a, b| a.wrapping_mul(b)),
        ("mul", true, true) => {
            long!(|a, b| ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64)
        }
        ("mul", true, false) => long!(|a, b| ((u128::from(a) * u128::from(b)) >> 64) as u64),
        ("div", _, true) => long!(|a, b| match b {
            0 => u64::MAX,
            _ => (a as i64).wrapping_div(b as i64) as u64,
        }),
        ("div", _, false) => long!(|a, b| a.checked_div(b).unwrap_or(u64::MAX)),
        ("rem", _, true) => long!(|a, b| match b {
            0 => u64::MAX,
            _ => (a as i64).wrapping_rem(b as i64) as u64,
        }),
        ("rem", _, false) => long!(|a, b| a.checked_rem(b).unwrap_or(u64::MAX)),
        ("min", _, true) => long!(|a, b| (a as i64).min(b as i64) as u64),
        ("min", _, false) => long!(|a, b| a.min(b)),
        ("max", _, true) => long!(|a, b| (a as i64).max(b as i64) as u64),
        ("max", _, false) => long!(|a, b| a.max(b)),
        _ => return None,
    })
}
