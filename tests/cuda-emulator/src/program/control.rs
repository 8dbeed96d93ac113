//! Branches, barriers, and what a warp decides together.

use super::decoder::Decoder;
use super::{Ballot, Barrier, Class, Op, Pick, Reduction, Shuffle};
use crate::ptx::{Operand, Type};

impl Decoder<'_> {
    /// Emits control flow or a collective, or says that `parts` is none.
    pub(super) fn control(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        let op = match (parts[0], operands) {
            ("bra", [Operand::Name(label)]) => Op::Branch(self.target(label)?),
            ("brx", [index, Operand::Name(table)]) => {
                let kernel = self.kernel;
                let table = (kernel.table(table, self.scope()))
                    .ok_or_else(|| format!("branch table {table} is not defined"))?;
                let targets: Result<Vec<u32>, String> = table
                    .labels
                    .iter()
                    .map(|label| self.target(label))
                    .collect();
                Op::BranchTable(self.word(index)?, targets?)
            }
            ("ret" | "exit", []) => Op::Exit,
            ("trap" | "brkpt", []) => Op::Trap,
            ("bar" | "barrier", operands) => return self.barrier(parts, operands),
            ("membar" | "fence" | "griddepcontrol" | "nanosleep", _) => Op::Nop,
            ("shfl", [d, a, b, c, members]) => self.shuffle(parts, d, a, b, c, members)?,
            ("vote", [d, a, members]) => {
                let ballot = match parts[2] {
                    "all" => Ballot::All,
                    "any" => Ballot::Any,
                    "uni" => Ballot::Uniform,
                    "ballot" => Ballot::Which,
                    other => return Err(format!("vote {other} is not known")),
                };
                Op::Vote {
                    ballot,
                    d: match ballot {
                        Ballot::Which => self.word(d)?,
                        _ => self.predicate_result(d)?,
                    },
                    a: self.predicate_source(a)?,
                    members: self.word(members)?,
                }
            }
            ("match", [d, a, members]) => {
                let (d, p) = match d {
                    Operand::Pair(d, p) => (self.word(d)?, Some(self.predicate_result(p)?)),
                    d => (self.word(d)?, None),
                };
                let bits = parts.last().and_then(|name| Type::parse(name));
                Op::Match {
                    all: parts[1] == "all",
                    d,
                    p,
                    a: self.slot(a, bits.map_or(32, Type::bits))?,
                    members: self.word(members)?,
                }
            }
            ("redux", [d, a, members]) => {
                let kind = parts.last().and_then(|name| Type::parse(name));
                Op::Reduce {
                    f: reduction(parts[2], kind.is_some_and(Type::signed))?,
                    d: self.word(d)?,
                    a: self.word(a)?,
                    members: self.word(members)?,
                }
            }
            ("activemask", [d]) => Op::ActiveMask(self.word(d)?),
            ("call", _) => return Err("calls are not supported: inline the function".into()),
            _ => return Ok(false),
        };
        self.emit(Class::Control, op);
        Ok(true)
    }

    /// `bar{.cta}.sync a{, b}`, `.arrive a, b`, `.red.op d, a{, b}, p`, `bar.warp.sync m`.
    fn barrier(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        let parts: Vec<&str> = parts.iter().copied().filter(|p| *p != "cta").collect();
        if parts.get(1) == Some(&"warp") {
            let [members] = operands else {
                return Err("expected the members".into());
            };
            let members = self.word(members)?;
            self.emit(Class::Control, Op::WarpBarrier(members));
            return Ok(true);
        }
        let mut operands = operands;
        let mut reduction = Reduction::None;
        let mut predicate = (0, false);
        if parts.get(1) == Some(&"red") {
            let [d, rest @ .., p] = operands else {
                return Err("expected a result, a barrier and a predicate".into());
            };
            predicate = self.predicate_source(p)?;
            reduction = match parts[2] {
                "popc" => Reduction::Count(self.word(d)?),
                "and" => Reduction::All(self.predicate_result(d)?),
                "or" => Reduction::Any(self.predicate_result(d)?),
                other => return Err(format!("reduction {other} is not known")),
            };
            operands = rest;
        }
        let (id, threads) = match operands {
            [id] => (id, None),
            [id, threads] => (id, Some(self.word(threads)?)),
            _ => return Err("expected a barrier and perhaps a number of threads".into()),
        };
        let barrier = Barrier {
            id: self.word(id)?,
            threads,
            aligned: parts[0] == "bar" || parts.contains(&"aligned"),
            waits: parts.get(1) != Some(&"arrive"),
            reduction,
            predicate,
        };
        self.emit(Class::Control, Op::Barrier(Box::new(barrier)));
        Ok(true)
    }

    fn shuffle(
        &mut self,
        parts: &[&str],
        d: &Operand,
        a: &Operand,
        b: &Operand,
        c: &Operand,
        members: &Operand,
    ) -> Result<Op, String> {
        let pick = match parts[2] {
            "up" => Pick::Up,
            "down" => Pick::Down,
            "bfly" => Pick::Butterfly,
            "idx" => Pick::Lane,
            other => return Err(format!("shuffle {other} is not known")),
        };
        let (d, p) = match d {
            Operand::Pair(d, p) => (&**d, Some(self.predicate_result(p)?)),
            d => (d, None),
        };
        let shuffle = Shuffle {
            pick,
            d: self.word(d)?,
            p,
            a: self.word(a)?,
            b: self.word(b)?,
            c: self.word(c)?,
            members: self.word(members)?,
        };
        Ok(Op::Shuffle(Box::new(shuffle)))
    }

    /// The words of a vector operand.
    pub(super) fn vector(&mut self, operand: &Operand) -> Result<Vec<u32>, String> {
        let parts = match operand {
            Operand::Vector(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        };
        parts.iter().map(|part| self.word(part)).collect()
    }
}

fn reduction(name: &str, signed: bool) -> Result<fn(u32, u32) -> u32, String> {
    Ok(match (name, signed) {
        ("add", _) => u32::wrapping_add,
        ("and", _) => |a, b| a & b,
        ("or", _) => |a, b| a | b,
        ("xor", _) => |a, b| a ^ b,
        ("min", false) => u32::min,
        ("max", false) => u32::max,
        ("min", true) => |a, b| (a as i32).min(b as i32) as u32,
        ("max", true) => |a, b| (a as i32).max(b as i32) as u32,
        (other, _) => return Err(format!("reduction {other} is not known")),
    })
}
