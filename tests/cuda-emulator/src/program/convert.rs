//! Moves, packs and conversions.

use super::bits::{float, half, long, word};
use super::decoder::Decoder;
use super::{Class, Op, Slot};
use crate::ptx::{Operand, Type};

type Word1 = fn(&super::Word) -> super::Word;

impl Decoder<'_> {
    /// Emits a move or conversion, or says that `parts` is none.
    pub(super) fn convert(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        let kind = parts.last().and_then(|name| Type::parse(name));
        match (parts[0], operands) {
            ("mov", [_, _]) if kind == Some(Type::Pred) => return Ok(false),
            ("mov", [Operand::Vector(d), a]) => self.unpack(d, a)?,
            ("mov", [d, Operand::Vector(a)]) => self.pack(d, a)?,
            ("mov", [d, a]) => {
                let bits = kind.ok_or("expected a type")?.bits();
                let (d, a) = (self.slot(d, bits)?, self.slot(a, bits)?);
                self.copy(d, a)?;
            }
            // Addresses of all spaces but shared, local and parameters are generic already.
            ("cvta", [d, a]) => {
                let to = parts[1] == "to";
                let window = match parts[if to { 2 } else { 1 }] {
                    "shared" | "shared::cta" => crate::memory::SHARED,
                    "local" => crate::memory::LOCAL,
                    "param" => crate::memory::PARAMETERS,
                    _ => 0,
                };
                let window = if to { window.wrapping_neg() } else { window };
                let offset = self.long_constant(window);
                let f = long!(|a, b| a.wrapping_add(b));
                let op = Op::Long2(f, [self.long(d)?, self.long(a)?, offset]);
                self.emit(Class::Integer, op);
            }
            ("cvt", [d, a, b, rest @ ..]) if parts[1] == "pack" => {
                self.pack_saturated(parts, d, a, b, rest)?
            }
            ("cvt", [d, a]) => self.cast(parts, d, a)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn copy(&mut self, d: Slot, a: Slot) -> Result<(), String> {
        let op = match (d, a) {
            (Slot::Half(d) | Slot::Word(d), Slot::Half(a) | Slot::Word(a)) => {
                Op::Word1(word!(|a| a), [d, a])
            }
            (Slot::Long(d), Slot::Long(a)) => Op::Long1(long!(|a| a), [d, a]),
            _ => return Err("the operands have different sizes".into()),
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    fn pack(&mut self, d: &Operand, parts: &[Operand]) -> Result<(), String> {
        let op = match (self.register(d)?, parts) {
            (Slot::Long(d), [low, high]) => {
                let f = long!(|a: u32, b: u32| u64::from(a) | u64::from(b) << 32);
                Op::Widen2(f, [d, self.word(low)?, self.word(high)?])
            }
            (Slot::Word(d), [low, high]) => {
                let f = word!(|a, b| a & 0xffff | b << 16);
                Op::Word2(f, [d, self.half(low)?, self.half(high)?])
            }
            (Slot::Word(d), [a, b, c, e]) => {
                let f = word!(|a, b, c, e| {
                    a & 0xff | (b & 0xff) << 8 | (c & 0xff) << 16 | (e & 0xff) << 24
                });
                let registers = [
                    d,
                    self.half(a)?,
                    self.half(b)?,
                    self.half(c)?,
                    self.half(e)?,
                ];
                Op::Word4(f, registers)
            }
            (Slot::Long(d), [a, b, c, e]) => {
                let (low, high) = (self.scratch_word(), self.scratch_word());
                let f = word!(|a, b| a & 0xffff | b << 16);
                let first = Op::Word2(f, [low, self.half(a)?, self.half(b)?]);
                self.emit(Class::Integer, first);
                let second = Op::Word2(f, [high, self.half(c)?, self.half(e)?]);
                self.emit(Class::Integer, second);
                let f = long!(|a: u32, b: u32| u64::from(a) | u64::from(b) << 32);
                Op::Widen2(f, [d, low, high])
            }
            _ => return Err(format!("cannot pack {} parts", parts.len())),
        };
        self.emit(Class::Integer, op);
        Ok(())
    }

    /// The source is copied first, as a part may be the register that is unpacked.
    fn unpack(&mut self, parts: &[Operand], a: &Operand) -> Result<(), String> {
        let long = match self.register(a)? {
            Slot::Long(a) => a,
            Slot::Word(a) | Slot::Half(a) => {
                let wide = self.scratch_long();
                let op = Op::Widen1(long!(|a: u32| u64::from(a)), [wide, a]);
                self.emit(Class::Integer, op);
                wide
            }
            Slot::Predicate(_) => return Err("a predicate has no parts".into()),
        };
        let bits = if matches!(self.register(a)?, Slot::Long(_)) {
            64
        } else {
            32
        };
        let each = bits / parts.len() as u32;
        for (at, part) in parts.iter().enumerate() {
            if *part == Operand::Sink {
                continue;
            }
            let shift = each * at as u32;
            let f: fn(&super::Long) -> super::Word = match (each, shift) {
                (32, 0) => |a| a.map(|a| a as u32),
                (32, _) => |a| a.map(|a| (a >> 32) as u32),
                (16, 0) => |a| a.map(|a| a as u32 & 0xffff),
                (16, 16) => |a| a.map(|a| a as u32 >> 16),
                (16, 32) => |a| a.map(|a| (a >> 32) as u32 & 0xffff),
                (16, _) => |a| a.map(|a| (a >> 48) as u32),
                (8, 0) => |a| a.map(|a| a as u32 & 0xff),
                (8, 8) => |a| a.map(|a| a as u32 >> 8 & 0xff),
                (8, 16) => |a| a.map(|a| a as u32 >> 16 & 0xff),
                (8, 24) => |a| a.map(|a| a as u32 >> 24),
                _ => return Err(format!("cannot unpack {} parts", parts.len())),
            };
            let d = self.word(part)?;
            self.emit(Class::Integer, Op::Narrow1(f, [d, long]));
        }
        Ok(())
    }

    fn cast(&mut self, parts: &[&str], d: &Operand, a: &Operand) -> Result<(), String> {
        let [.., to, from] = parts else {
            return Err("expected two types".into());
        };
        let kind = |name: &str| {
            Type::parse(name)
                .filter(|kind| !matches!(kind, Type::F(16 | 64)))
                .ok_or_else(|| format!("type {name} is not supported"))
        };
        let (to, from) = (kind(to)?, kind(from)?);
        let flags = &parts[1..parts.len() - 2];
        let saturate = flags.contains(&"sat");
        let d = self.register(d)?;
        let a = match a {
            Operand::Special(_) => Slot::Word(self.word(a)?),
            Operand::Register(_) => self.register(a)?,
            _ => self.slot(a, from.bits())?,
        };
        match (to, from) {
            (Type::F(_), Type::F(_)) => {
                let f = round(flags, saturate)?;
                let (Slot::Word(d), Slot::Word(a)) = (d, a) else {
                    return Err("expected 32-bit registers".into());
                };
                self.emit(Class::Float, Op::Word1(f, [d, a]));
            }
            (Type::F(_), from) => self.integer_to_float(flags, d, a, from)?,
            (to, Type::F(_)) => self.float_to_integer(flags, d, a, to)?,
            (to, from) if saturate => self.emit(Class::Integer, Op::Clamp { d, a, from, to }),
            (to, from) => self.resize(d, a, from, to)?,
        }
        Ok(())
    }

    /// An integer cut to `to`, then widened to its register by the sign that `to` has.
    fn resize(&mut self, d: Slot, a: Slot, from: Type, to: Type) -> Result<(), String> {
        // What counts of the source is the narrower of the two types.
        let kind = if from.bits() < to.bits() { from } else { to };
        let narrow: Option<Word1> = match (kind.bits(), kind.signed()) {
            (8, true) => Some(word!(|a| i32::from(a as u8 as i8) as u32)),
            (8, false) => Some(word!(|a| a & 0xff)),
            (16, true) => Some(word!(|a| half(a) as u32)),
            (16, false) => Some(word!(|a| a & 0xffff)),
            _ => None,
        };
        let word = match a {
            Slot::Half(a) | Slot::Word(a) => a,
            Slot::Long(a) => {
                if kind.bits() == 64 {
                    return self.copy(d, Slot::Long(a));
                }
                let word = self.scratch_word();
                let f = |a: &super::Long| a.map(|a| a as u32);
                self.emit(Class::Integer, Op::Narrow1(f, [word, a]));
                word
            }
            Slot::Predicate(_) => return Err("a predicate cannot be converted".into()),
        };
        match d {
            Slot::Word(d) => {
                let f = narrow.unwrap_or(word!(|a| a));
                self.emit(Class::Integer, Op::Word1(f, [d, word]));
                // A narrow source with a sign, cut again: s8 to u16 in a word keeps 16 bits.
                if kind.signed() && kind.bits() < to.bits() && to.bits() < 32 {
                    self.emit(Class::Integer, Op::Word1(word!(|a| a & 0xffff), [d, d]));
                }
            }
            Slot::Half(d) => {
                let f = narrow.unwrap_or(word!(|a| a));
                self.emit(Class::Integer, Op::Word1(f, [d, word]));
                self.emit(Class::Integer, Op::Word1(word!(|a| a & 0xffff), [d, d]));
            }
            Slot::Long(d) => {
                let narrowed = self.scratch_word();
                let f = narrow.unwrap_or(word!(|a| a));
                self.emit(Class::Integer, Op::Word1(f, [narrowed, word]));
                let f = if kind.signed() {
                    long!(|a: u32| i64::from(a as i32) as u64) as fn(&_) -> _
                } else {
                    long!(|a: u32| u64::from(a))
                };
                self.emit(Class::Integer, Op::Widen1(f, [d, narrowed]));
            }
            Slot::Predicate(_) => return Err("a predicate cannot be converted".into()),
        }
        Ok(())
    }

    fn integer_to_float(
        &mut self,
        flags: &[&str],
        d: Slot,
        a: Slot,
        from: Type,
    ) -> Result<(), String> {
        if !flags.contains(&"rn") {
            return Err("only .rn is supported".into());
        }
        let Slot::Word(d) = d else {
            return Err("expected a 32-bit register".into());
        };
        let op = match (a, from) {
            (Slot::Long(a), kind) if kind.bits() == 64 => {
                let f: fn(&super::Long) -> super::Word = if kind.signed() {
                    |a| a.map(|a| (a as i64 as f32).to_bits())
                } else {
                    |a| a.map(|a| (a as f32).to_bits())
                };
                Op::Narrow1(f, [d, a])
            }
            (Slot::Half(a) | Slot::Word(a), kind) => {
                let f = match (kind.signed(), kind.bits()) {
                    (true, 8) => word!(|a| f32::from(a as u8 as i8).to_bits()) as fn(&_) -> _,
                    (false, 8) => word!(|a| f32::from(a as u8).to_bits()),
                    (true, 16) => word!(|a| f32::from(a as u16 as i16).to_bits()),
                    (false, 16) => word!(|a| f32::from(a as u16).to_bits()),
                    (true, _) => word!(|a| (a as i32 as f32).to_bits()),
                    (false, _) => word!(|a| (a as f32).to_bits()),
                };
                Op::Word1(f, [d, a])
            }
            _ => return Err("the register does not fit the type".into()),
        };
        self.emit(Class::Float, op);
        Ok(())
    }

    /// Rounds, then clamps to the type, as float to integer always does.
    fn float_to_integer(
        &mut self,
        flags: &[&str],
        d: Slot,
        a: Slot,
        to: Type,
    ) -> Result<(), String> {
        let Slot::Word(a) = a else {
            return Err("expected a 32-bit register".into());
        };
        let rounded = self.scratch_word();
        let f = round(flags, false)?;
        self.emit(Class::Float, Op::Word1(f, [rounded, a]));
        let op = match d {
            Slot::Long(d) => {
                let f = if to.signed() {
                    long!(|a: u32| float(a) as i64 as u64) as fn(&_) -> _
                } else {
                    long!(|a: u32| float(a) as u64)
                };
                Op::Widen1(f, [d, rounded])
            }
            Slot::Half(d) | Slot::Word(d) => {
                let f = match (to.signed(), to.bits()) {
                    (true, 8) => {
                        word!(|a| i32::from(float(a) as i8) as u32 & 0xffff) as fn(&_) -> _
                    }
                    (false, 8) => word!(|a| u32::from(float(a) as u8)),
                    (true, 16) => word!(|a| i32::from(float(a) as i16) as u32 & 0xffff),
                    (false, 16) => word!(|a| u32::from(float(a) as u16)),
                    (true, _) => word!(|a| float(a) as i32 as u32),
                    (false, _) => word!(|a| float(a) as u32),
                };
                Op::Word1(f, [d, rounded])
            }
            Slot::Predicate(_) => return Err("a predicate cannot be converted".into()),
        };
        self.emit(Class::Float, op);
        Ok(())
    }

    /// `cvt.pack.sat.{s8,u8,s16,u16}.s32{.b32} d, a, b{, c}`: `b` is the lowest part.
    fn pack_saturated(
        &mut self,
        parts: &[&str],
        d: &Operand,
        a: &Operand,
        b: &Operand,
        rest: &[Operand],
    ) -> Result<(), String> {
        let to = parts.get(3).and_then(|name| Type::parse(name));
        let to = to.ok_or("expected a type")?;
        if parts[2] != "sat" || parts.get(4) != Some(&"s32") {
            return Err("expected .sat and operands of type s32".into());
        }
        let c = match rest {
            [] => self.word_constant(0),
            [c] => self.word(c)?,
            _ => return Err("too many operands".into()),
        };
        let f = match to {
            Type::S(16) => word!(|a, b, _c| {
                clamp(b, -32768, 32767) & 0xffff | clamp(a, -32768, 32767) << 16
            }) as fn(&_, &_, &_) -> _,
            Type::U(16) => word!(|a, b, _c| clamp(b, 0, 65535) | clamp(a, 0, 65535) << 16),
            Type::S(8) => word!(|a, b, c| {
                clamp(b, -128, 127) & 0xff | (clamp(a, -128, 127) & 0xff) << 8 | c << 16
            }),
            Type::U(8) => word!(|a, b, c| clamp(b, 0, 255) | clamp(a, 0, 255) << 8 | c << 16),
            other => return Err(format!("packing {other:?} is not supported")),
        };
        let registers = [self.word(d)?, self.word(a)?, self.word(b)?, c];
        self.emit(Class::Integer, Op::Word3(f, registers));
        Ok(())
    }
}

fn clamp(a: u32, low: i32, high: i32) -> u32 {
    (a as i32).clamp(low, high) as u32
}

/// Rounding to an integer in float, by the modifiers of `cvt`.
fn round(flags: &[&str], saturate: bool) -> Result<Word1, String> {
    if flags
        .iter()
        .any(|flag| matches!(*flag, "rm" | "rp" | "rz" | "relu"))
    {
        return Err("this rounding is not supported".into());
    }
    Ok(match (flags, saturate) {
        (flags, false) if flags.contains(&"rni") => word!(|a| float(a).round_ties_even().to_bits()),
        (flags, false) if flags.contains(&"rzi") => word!(|a| float(a).trunc().to_bits()),
        (flags, false) if flags.contains(&"rmi") => word!(|a| float(a).floor().to_bits()),
        (flags, false) if flags.contains(&"rpi") => word!(|a| float(a).ceil().to_bits()),
        (_, false) => word!(|a| a),
        (flags, true)
            if flags
                .iter()
                .all(|flag| matches!(*flag, "sat" | "rn" | "ftz")) =>
        {
            word!(|a| super::float::saturated(float(a)).to_bits())
        }
        _ => return Err("this rounding is not supported with .sat".into()),
    })
}
