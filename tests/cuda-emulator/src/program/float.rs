//! Arithmetic of 32-bit floats. What a card only approximates is computed exactly here.

use super::bits::{float, word};
use super::decoder::Decoder;
use super::{Class, Op};
use crate::ptx::Operand;

type Word1 = fn(&super::Word) -> super::Word;
type Word2 = fn(&super::Word, &super::Word) -> super::Word;
type Word3 = fn(&super::Word, &super::Word, &super::Word) -> super::Word;

impl Decoder<'_> {
    /// Emits a float operation, or says that `parts` is none.
    pub(super) fn float(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        if parts.last() != Some(&"f32") {
            return Ok(false);
        }
        if let Some(other) = parts
            .iter()
            .find(|p| matches!(**p, "rz" | "rm" | "rp" | "NaN"))
        {
            return Err(format!("modifier {other} is not supported"));
        }
        let op = match operands {
            [d, a] => {
                let Some(f) = float1(parts[0]) else {
                    return Ok(false);
                };
                Op::Word1(f, [self.word(d)?, self.word(a)?])
            }
            [d, a, b] => {
                let Some(f) = float2(parts[0]) else {
                    return Ok(false);
                };
                Op::Word2(f, [self.word(d)?, self.word(a)?, self.word(b)?])
            }
            [d, a, b, c] => {
                let Some(f) = float3(parts[0]) else {
                    return Ok(false);
                };
                let registers = [self.word(d)?, self.word(a)?, self.word(b)?, self.word(c)?];
                Op::Word3(f, registers)
            }
            _ => return Ok(false),
        };
        let flush = parts.contains(&"ftz");
        if flush {
            self.flushed(operands, op)?;
        } else {
            self.emit(Class::Float, op);
        }
        if parts.contains(&"sat") {
            let d = self.word(&operands[0])?;
            let f = word!(|a| saturated(float(a)).to_bits());
            self.emit(Class::Float, Op::Word1(f, [d, d]));
        }
        Ok(true)
    }

    /// The operation with subnormal operands and results replaced by zeros.
    fn flushed(&mut self, operands: &[Operand], mut op: Op) -> Result<(), String> {
        let f = word!(|a| flush(a));
        let sources: &mut [u32] = match &mut op {
            Op::Word1(_, registers) => &mut registers[1..],
            Op::Word2(_, registers) => &mut registers[1..],
            Op::Word3(_, registers) => &mut registers[1..],
            _ => &mut [],
        };
        for source in sources {
            let flushed = self.scratch_word();
            self.emit(Class::Float, Op::Word1(f, [flushed, *source]));
            *source = flushed;
        }
        self.emit(Class::Float, op);
        let d = self.word(&operands[0])?;
        self.emit(Class::Float, Op::Word1(f, [d, d]));
        Ok(())
    }
}

fn flush(bits: u32) -> u32 {
    if float(bits).is_subnormal() {
        bits & 1 << 31
    } else {
        bits
    }
}

/// Clamped to 0…1, a NaN being zero.
pub(super) fn saturated(value: f32) -> f32 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

fn float1(name: &str) -> Option<Word1> {
    Some(match name {
        "neg" => word!(|a| a ^ 1 << 31),
        "abs" => word!(|a| a & !(1 << 31)),
        "rcp" => word!(|a| (1.0 / float(a)).to_bits()),
        "sqrt" => word!(|a| float(a).sqrt().to_bits()),
        "rsqrt" => word!(|a| (1.0 / float(a).sqrt()).to_bits()),
        "ex2" => word!(|a| float(a).exp2().to_bits()),
        "lg2" => word!(|a| float(a).log2().to_bits()),
        "tanh" => word!(|a| float(a).tanh().to_bits()),
        "sin" => word!(|a| float(a).sin().to_bits()),
        "cos" => word!(|a| float(a).cos().to_bits()),
        _ => return None,
    })
}

fn float2(name: &str) -> Option<Word2> {
    Some(match name {
        "add" => word!(|a, b| (float(a) + float(b)).to_bits()),
        "sub" => word!(|a, b| (float(a) - float(b)).to_bits()),
        "mul" => word!(|a, b| (float(a) * float(b)).to_bits()),
        "div" => word!(|a, b| (float(a) / float(b)).to_bits()),
        "min" => word!(|a, b| float(a).min(float(b)).to_bits()),
        "max" => word!(|a, b| float(a).max(float(b)).to_bits()),
        "copysign" => word!(|a, b| b & !(1 << 31) | a & 1 << 31),
        _ => return None,
    })
}

fn float3(name: &str) -> Option<Word3> {
    Some(match name {
        "fma" | "mad" => word!(|a, b, c| float(a).mul_add(float(b), float(c)).to_bits()),
        _ => return None,
    })
}
