//! Dot products of bytes, and arithmetic of four bytes or two halves at once.

use super::bits::word;
use super::decoder::Decoder;
use super::{Class, Op};
use crate::ptx::{Operand, Type};

impl Decoder<'_> {
    /// Emits a packed operation, or says that `parts` is none.
    pub(super) fn simd(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        let signed = |at: usize| {
            parts
                .get(at)
                .and_then(|name| Type::parse(name))
                .is_some_and(Type::signed)
        };
        match (parts[0], operands) {
            ("dp4a", [d, a, b, c]) => {
                let f = match (signed(1), signed(2)) {
                    (true, true) => {
                        word!(|a, b, c| dot4(a, b, c, true, true)) as fn(&_, &_, &_) -> _
                    }
                    (true, false) => word!(|a, b, c| dot4(a, b, c, true, false)),
                    (false, true) => word!(|a, b, c| dot4(a, b, c, false, true)),
                    (false, false) => word!(|a, b, c| dot4(a, b, c, false, false)),
                };
                self.emit_packed(f, [d, a, b, c])?;
            }
            ("dp2a", [d, a, b, c]) => {
                let f = match (parts[1] == "hi", signed(2), signed(3)) {
                    (false, true, true) => {
                        word!(|a, b, c| dot2(a, b, c, true, true)) as fn(&_, &_, &_) -> _
                    }
                    (false, true, false) => word!(|a, b, c| dot2(a, b, c, true, false)),
                    (false, false, true) => word!(|a, b, c| dot2(a, b, c, false, true)),
                    (false, false, false) => word!(|a, b, c| dot2(a, b, c, false, false)),
                    (true, true, true) => word!(|a, b, c| dot2(a, b >> 16, c, true, true)),
                    (true, true, false) => word!(|a, b, c| dot2(a, b >> 16, c, true, false)),
                    (true, false, true) => word!(|a, b, c| dot2(a, b >> 16, c, false, true)),
                    (true, false, false) => word!(|a, b, c| dot2(a, b >> 16, c, false, false)),
                };
                self.emit_packed(f, [d, a, b, c])?;
            }
            (name, [d, a, b, c]) if name.starts_with('v') => {
                // All operands have one type, nothing is saturated or added up.
                let same = parts.len() == 4 && parts[1] == parts[2] && parts[2] == parts[3];
                let Some(f) = packed(name, signed(1)).filter(|_| same) else {
                    return Ok(false);
                };
                self.emit_packed(f, [d, a, b, c])?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn emit_packed(
        &mut self,
        f: fn(&super::Word, &super::Word, &super::Word) -> super::Word,
        operands: [&Operand; 4],
    ) -> Result<(), String> {
        let [d, a, b, c] = operands;
        let registers = [self.word(d)?, self.word(a)?, self.word(b)?, self.word(c)?];
        self.emit(Class::Integer, Op::Word3(f, registers));
        Ok(())
    }
}

/// A byte of `a` as a number.
fn byte(a: u32, at: u32, signed: bool) -> i32 {
    let byte = (a >> (8 * at)) as u8;
    if signed {
        (byte as i8).into()
    } else {
        byte.into()
    }
}

fn dot4(a: u32, b: u32, c: u32, a_signed: bool, b_signed: bool) -> u32 {
    let term = |at| byte(a, at, a_signed) * byte(b, at, b_signed);
    c.wrapping_add_signed(term(0) + term(1) + term(2) + term(3))
}

fn dot2(a: u32, b: u32, c: u32, a_signed: bool, b_signed: bool) -> u32 {
    let term = |at: u32| {
        let half = a >> (16 * at);
        let half = if a_signed {
            super::bits::half(half)
        } else {
            (half & 0xffff) as i32
        };
        half * byte(b, at, b_signed)
    };
    c.wrapping_add_signed(term(0).wrapping_add(term(1)))
}

fn bytes(a: u32, b: u32, f: impl Fn(u8, u8) -> u8) -> u32 {
    let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
    u32::from_le_bytes(std::array::from_fn(|at| f(a[at], b[at])))
}

fn halves(a: u32, b: u32, f: impl Fn(u16, u16) -> u16) -> u32 {
    let low = f(a as u16, b as u16);
    let high = f((a >> 16) as u16, (b >> 16) as u16);
    u32::from(low) | u32::from(high) << 16
}

/// The third operand would fill the parts that a mask leaves out; without a mask it is not read.
fn packed(
    name: &str,
    signed: bool,
) -> Option<fn(&super::Word, &super::Word, &super::Word) -> super::Word> {
    Some(match (name, signed) {
        ("vadd4", _) => word!(|a, b, _c| bytes(a, b, u8::wrapping_add)),
        ("vsub4", _) => word!(|a, b, _c| bytes(a, b, u8::wrapping_sub)),
        ("vmin4", false) => word!(|a, b, _c| bytes(a, b, u8::min)),
        ("vmax4", false) => word!(|a, b, _c| bytes(a, b, u8::max)),
        ("vmin4", true) => word!(|a, b, _c| bytes(a, b, |a, b| (a as i8).min(b as i8) as u8)),
        ("vmax4", true) => word!(|a, b, _c| bytes(a, b, |a, b| (a as i8).max(b as i8) as u8)),
        ("vabsdiff4", false) => word!(|a, b, _c| bytes(a, b, u8::abs_diff)),
        ("vabsdiff4", true) => {
            word!(|a, b, _c| bytes(a, b, |a, b| (a as i8).abs_diff(b as i8)))
        }
        ("vavrg4", false) => {
            word!(|a, b, _c| bytes(a, b, |a, b| u16::from(a).midpoint(u16::from(b) + 1) as u8))
        }
        ("vadd2", _) => word!(|a, b, _c| halves(a, b, u16::wrapping_add)),
        ("vsub2", _) => word!(|a, b, _c| halves(a, b, u16::wrapping_sub)),
        ("vmin2", false) => word!(|a, b, _c| halves(a, b, u16::min)),
        ("vmax2", false) => word!(|a, b, _c| halves(a, b, u16::max)),
        ("vmin2", true) => {
            word!(|a, b, _c| halves(a, b, |a, b| (a as i16).min(b as i16) as u16))
        }
        ("vmax2", true) => {
            word!(|a, b, _c| halves(a, b, |a, b| (a as i16).max(b as i16) as u16))
        }
        ("vabsdiff2", false) => word!(|a, b, _c| halves(a, b, u16::abs_diff)),
        ("vabsdiff2", true) => {
            word!(|a, b, _c| halves(a, b, |a, b| (a as i16).abs_diff(b as i16)))
        }
        _ => return None,
    })
}
