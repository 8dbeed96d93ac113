//! Bits: logic, shifts, fields, permutations, counts.

use super::bits::{long, long_by, word, word_by};
use super::decoder::Decoder;
use super::{Class, Op};
use crate::ptx::{Operand, Type};

impl Decoder<'_> {
    /// Emits an operation on bits, or says that `parts` is none.
    pub(super) fn logic(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        let Some(kind) = parts.iter().rev().find_map(|name| Type::parse(name)) else {
            return Ok(false);
        };
        match (parts[0], operands) {
            ("and" | "or" | "xor", [d, a, b]) => self.binary(parts[0], kind, d, a, b)?,
            ("not" | "cnot", [d, a]) => self.not(parts[0], kind, d, a)?,
            ("shl" | "shr", [d, a, b]) => self.shift(parts[0], kind, d, a, b)?,
            ("shf", [d, a, b, c]) => self.funnel(parts, d, a, b, c)?,
            ("lop3", [d, a, b, c, table]) => {
                let table = self
                    .constant(table)
                    .ok_or("the table must be an immediate")? as u8;
                let registers = [self.word(d)?, self.word(a)?, self.word(b)?, self.word(c)?];
                self.emit(Class::Integer, Op::Lop3(registers, table));
            }
            ("prmt", [d, a, b, c]) => self.permute(parts, d, a, b, c)?,
            ("bfe", [d, a, b, c]) => self.extract(kind, d, a, b, c)?,
            ("bfi", [d, a, b, c, e]) => self.insert(kind, [d, a, b, c, e])?,
            ("bfind" | "brev" | "clz" | "popc", [d, a]) => self.count(parts, kind, d, a)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn binary(
        &mut self,
        name: &str,
        kind: Type,
        d: &Operand,
        a: &Operand,
        b: &Operand,
    ) -> Result<(), String> {
        let op = if kind.bits() == 64 {
            let f = match name {
                "and" => long!(|a, b| a & b) as fn(&_, &_) -> _,
                "or" => long!(|a, b| a | b),
                _ => long!(|a, b| a ^ b),
            };
            Op::Long2(f, [self.long(d)?, self.long(a)?, self.long(b)?])
        } else {
            let f = match name {
                "and" => word!(|a, b| a & b) as fn(&_, &_) -> _,
                "or" => word!(|a, b| a | b),
                _ => word!(|a, b| a ^ b),
            };
            let registers = [
                self.half_or_word(d, kind)?,
                self.half_or_word(a, kind)?,
                self.half_or_word(b, kind)?,
            ];
            Op::Word2(f, registers)
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    fn not(&mut self, name: &str, kind: Type, d: &Operand, a: &Operand) -> Result<(), String> {
        let op = match (name, kind.bits()) {
            ("not", 64) => Op::Long1(long!(|a| !a), [self.long(d)?, self.long(a)?]),
            (_, 64) => Op::Long1(long!(|a| u64::from(a == 0)), [self.long(d)?, self.long(a)?]),
            ("not", 16) => Op::Word1(word!(|a| !a & 0xffff), [self.half(d)?, self.half(a)?]),
            ("not", _) => Op::Word1(word!(|a| !a), [self.word(d)?, self.word(a)?]),
            _ => {
                let registers = [self.half_or_word(d, kind)?, self.half_or_word(a, kind)?];
                Op::Word1(word!(|a| u32::from(a == 0)), registers)
            }
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    /// Shifts by more than the width give zero, or the sign.
    fn shift(
        &mut self,
        name: &str,
        kind: Type,
        d: &Operand,
        a: &Operand,
        b: &Operand,
    ) -> Result<(), String> {
        let by = self.constant(b).map(|by| (by as u32).min(64));
        let left = name == "shl";
        let op = if kind.bits() == 64 {
            let (d, a) = (self.long(d)?, self.long(a)?);
            match by {
                Some(by) => {
                    let f = match (left, kind.signed()) {
                        (true, _) => {
                            long_by!(|a, n| a.checked_shl(n).unwrap_or(0)) as fn(&_, u32) -> _
                        }
                        (false, false) => long_by!(|a, n| a.checked_shr(n).unwrap_or(0)),
                        (false, true) => long_by!(|a, n| ((a as i64) >> n.min(63)) as u64),
                    };
                    Op::LongBy(f, [d, a], by)
                }
                None => {
                    let f = match (left, kind.signed()) {
                        (true, _) => {
                            long!(|a: u64, n: u32| a.checked_shl(n).unwrap_or(0)) as fn(&_, &_) -> _
                        }
                        (false, false) => {
                            long!(|a: u64, n: u32| a.checked_shr(n).unwrap_or(0))
                        }
                        (false, true) => {
                            long!(|a: u64, n: u32| ((a as i64) >> n.min(63)) as u64)
                        }
                    };
                    Op::LongWord(f, [d, a, self.word(b)?])
                }
            }
        } else {
            let (d, a) = (self.half_or_word(d, kind)?, self.half_or_word(a, kind)?);
            let half_width = kind.bits() == 16;
            match by {
                Some(by) => {
                    let f = match (left, kind.signed(), half_width) {
                        (true, _, false) => {
                            word_by!(|a, n| a.checked_shl(n).unwrap_or(0)) as fn(&_, u32) -> _
                        }
                        (true, _, true) => {
                            word_by!(|a, n| a.checked_shl(n).unwrap_or(0) & 0xffff)
                        }
                        (false, false, _) => word_by!(|a, n| a.checked_shr(n).unwrap_or(0)),
                        (false, true, false) => {
                            word_by!(|a, n| ((a as i32) >> n.min(31)) as u32)
                        }
                        (false, true, true) => {
                            word_by!(|a, n| (super::bits::half(a) >> n.min(31)) as u32 & 0xffff)
                        }
                    };
                    Op::WordBy(f, [d, a], by)
                }
                None => {
                    let f = match (left, kind.signed(), half_width) {
                        (true, _, false) => {
                            word!(|a, n| a.checked_shl(n).unwrap_or(0)) as fn(&_, &_) -> _
                        }
                        (true, _, true) => word!(|a, n| a.checked_shl(n).unwrap_or(0) & 0xffff),
                        (false, false, _) => word!(|a, n| a.checked_shr(n).unwrap_or(0)),
                        (false, true, false) => word!(|a, n| ((a as i32) >> n.min(31)) as u32),
                        (false, true, true) => {
                            word!(|a, n| (super::bits::half(a) >> n.min(31)) as u32 & 0xffff)
                        }
                    };
                    Op::Word2(f, [d, a, self.word(b)?])
                }
            }
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    fn funnel(
        &mut self,
        parts: &[&str],
        d: &Operand,
        a: &Operand,
        b: &Operand,
        c: &Operand,
    ) -> Result<(), String> {
        let f = match (parts[1], parts[2]) {
            ("l", "wrap") => {
                word!(|a, b, n| (join(a, b) << (n & 31) >> 32) as u32) as fn(&_, &_, &_) -> _
            }
            ("l", "clamp") => word!(|a, b, n| (join(a, b) << n.min(32) >> 32) as u32),
            ("r", "wrap") => word!(|a, b, n| (join(a, b) >> (n & 31)) as u32),
            ("r", "clamp") => word!(|a, b, n| (join(a, b) >> n.min(32)) as u32),
            _ => return Err("expected .l or .r with .wrap or .clamp".into()),
        };
        let registers = [self.word(d)?, self.word(a)?, self.word(b)?, self.word(c)?];
        self.emit(Class::Integer, Op::Word3(f, registers));
        Ok(())
    }

    fn permute(
        &mut self,
        parts: &[&str],
        d: &Operand,
        a: &Operand,
        b: &Operand,
        c: &Operand,
    ) -> Result<(), String> {
        let (registers, selector) = ([self.word(d)?, self.word(a)?, self.word(b)?], self.word(c)?);
        let mode = parts.get(2).copied();
        if let (None, Some(selector)) = (mode, self.constant(c)) {
            let op = Op::Permute(registers, selector as u32);
            self.emit(Class::Integer, op);
            return Ok(());
        }
        let f = match mode {
            None => word!(|a, b, c| permute(a, b, c)) as fn(&_, &_, &_) -> _,
            Some("f4e") => {
                word!(|a, b, c| permute(a, b, [0x3210, 0x4321, 0x5432, 0x6543][c as usize & 3]))
            }
            Some("b4e") => {
                word!(|a, b, c| permute(a, b, [0x5670, 0x6701, 0x7012, 0x0123][c as usize & 3]))
            }
            Some("rc8") => {
                word!(|a, b, c| permute(a, b, [0x0000, 0x1111, 0x2222, 0x3333][c as usize & 3]))
            }
            Some("ecl") => {
                word!(|a, b, c| permute(a, b, [0x3210, 0x3211, 0x3222, 0x3333][c as usize & 3]))
            }
            Some("ecr") => {
                word!(|a, b, c| permute(a, b, [0x0000, 0x1110, 0x2210, 0x3210][c as usize & 3]))
            }
            Some("rc16") => {
                word!(|a, b, c| permute(a, b, [0x1010, 0x3232, 0x1010, 0x3232][c as usize & 3]))
            }
            Some(other) => return Err(format!("mode {other} is not known")),
        };
        let [d, a, b] = registers;
        self.emit(Class::Integer, Op::Word3(f, [d, a, b, selector]));
        Ok(())
    }

    fn extract(
        &mut self,
        kind: Type,
        d: &Operand,
        a: &Operand,
        b: &Operand,
        c: &Operand,
    ) -> Result<(), String> {
        let op = if kind.bits() == 64 {
            let f = if kind.signed() {
                long!(|a: u64, b: u32, c: u32| field(a, 64, b, c, true)) as fn(&_, &_, &_) -> _
            } else {
                long!(|a: u64, b: u32, c: u32| field(a, 64, b, c, false))
            };
            let registers = [self.long(d)?, self.long(a)?, self.word(b)?, self.word(c)?];
            Op::LongWord2(f, registers)
        } else {
            let f = if kind.signed() {
                word!(|a, b, c| field(a.into(), 32, b, c, true) as u32) as fn(&_, &_, &_) -> _
            } else {
                word!(|a, b, c| field(a.into(), 32, b, c, false) as u32)
            };
            let registers = [self.word(d)?, self.word(a)?, self.word(b)?, self.word(c)?];
            Op::Word3(f, registers)
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    fn insert(&mut self, kind: Type, operands: [&Operand; 5]) -> Result<(), String> {
        let [d, a, b, c, e] = operands;
        let op = if kind.bits() == 64 {
            let f = long!(|a: u64, b: u64, c: u32, e: u32| {
                let mask = ones(e & 0xff).checked_shl(c & 0xff).unwrap_or(0);
                (b & !mask) | (a.checked_shl(c & 0xff).unwrap_or(0) & mask)
            });
            let registers = [
                self.long(d)?,
                self.long(a)?,
                self.long(b)?,
                self.word(c)?,
                self.word(e)?,
            ];
            Op::Long2Word2(f, registers)
        } else {
            let f = word!(|a, b, c, e| {
                let mask = (ones(e & 0xff) as u32).checked_shl(c & 0xff).unwrap_or(0);
                (b & !mask) | (a.checked_shl(c & 0xff).unwrap_or(0) & mask)
            });
            let registers = [
                self.word(d)?,
                self.word(a)?,
                self.word(b)?,
                self.word(c)?,
                self.word(e)?,
            ];
            Op::Word4(f, registers)
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    fn count(
        &mut self,
        parts: &[&str],
        kind: Type,
        d: &Operand,
        a: &Operand,
    ) -> Result<(), String> {
        let amount = parts.contains(&"shiftamt");
        let long = kind.bits() == 64;
        let op = match (parts[0], long) {
            ("brev", false) => {
                Op::Word1(word!(|a| a.reverse_bits()), [self.word(d)?, self.word(a)?])
            }
            ("brev", true) => {
                Op::Long1(long!(|a| a.reverse_bits()), [self.long(d)?, self.long(a)?])
            }
            ("clz", false) => {
                Op::Word1(word!(|a| a.leading_zeros()), [self.word(d)?, self.word(a)?])
            }
            ("popc", false) => Op::Word1(word!(|a| a.count_ones()), [self.word(d)?, self.word(a)?]),
            ("clz", true) => Op::Narrow1(
                |a| a.map(u64::leading_zeros),
                [self.word(d)?, self.long(a)?],
            ),
            ("popc", true) => {
                Op::Narrow1(|a| a.map(u64::count_ones), [self.word(d)?, self.long(a)?])
            }
            (_, false) => {
                let f = match (kind.signed(), amount) {
                    (false, false) => word!(|a| highest(a.into(), 32, false)) as fn(&_) -> _,
                    (false, true) => word!(|a| highest(a.into(), 32, true)),
                    (true, false) => word!(|a| highest((a ^ sign(a)).into(), 32, false)),
                    (true, true) => word!(|a| highest((a ^ sign(a)).into(), 32, true)),
                };
                Op::Word1(f, [self.word(d)?, self.word(a)?])
            }
            (_, true) => {
                let f: fn(&super::Long) -> super::Word = match (kind.signed(), amount) {
                    (false, false) => |a| a.map(|a| highest(a, 64, false)),
                    (false, true) => |a| a.map(|a| highest(a, 64, true)),
                    (true, false) => |a| a.map(|a| highest(a ^ sign64(a), 64, false)),
                    (true, true) => |a| a.map(|a| highest(a ^ sign64(a), 64, true)),
                };
                Op::Narrow1(f, [self.word(d)?, self.long(a)?])
            }
        };
        self.emit(Class::Integer, op);
        Ok(())
    }
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn sign(a: u32) -> u32 {
    ((a as i32) >> 31) as u32
}

fn sign64(a: u64) -> u64 {
    ((a as i64) >> 63) as u64
}

/// `count` ones from the lowest bit.
fn ones(count: u32) -> u64 {
    1u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1)
}

/// `prmt` in its default mode: a nibble of `selector` names a byte of `b:a`, or its sign.
pub(crate) fn permute(a: u32, b: u32, selector: u32) -> u32 {
    let bytes = join(a, b).to_le_bytes();
    let mut out = 0;
    for at in 0..4 {
        let nibble = selector >> (4 * at) & 15;
        let byte = bytes[nibble as usize & 7];
        let byte = if nibble & 8 == 0 {
            byte
        } else {
            ((byte as i8) >> 7) as u8
        };
        out |= u32::from(byte) << (8 * at);
    }
    out
}

/// `bfe` as the ISA defines it, of a value with `bits` bits.
fn field(a: u64, bits: u32, position: u32, length: u32, signed: bool) -> u64 {
    let (position, length) = (position & 0xff, length & 0xff);
    let bit = |at: u32| a >> at.min(bits - 1) & 1;
    let low = a.checked_shr(position).unwrap_or(0) & ones(length);
    if !signed || length == 0 {
        return low;
    }
    let sign = bit((position + length - 1).min(bits - 1));
    // Bits past the end of the value are the sign too.
    let kept = length.min(bits.saturating_sub(position));
    if sign == 1 {
        low | !ones(kept)
    } else {
        low & ones(kept)
    }
}

/// The place of the highest set bit, or how far to shift it left to the top.
fn highest(a: u64, bits: u32, amount: bool) -> u32 {
    match a.checked_ilog2() {
        None => u32::MAX,
        Some(place) if amount => bits - 1 - place,
        Some(place) => place,
    }
}
