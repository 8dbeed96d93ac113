//! Loads, stores, atomics and asynchronous copies.

use super::decoder::Decoder;
use super::{Access, Atomic, Class, Copy, Op, Slot, Update};
use crate::ptx::{Operand, Space, Type};

impl Decoder<'_> {
    /// Emits an access to memory, or says that `parts` is none.
    pub(super) fn memory(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        match (parts[0], operands) {
            ("ld" | "ldu", [d, a]) => {
                let (space, kind) = access(parts)?;
                let registers = self.elements(d, kind)?;
                match (space, self.constant(a)) {
                    (Space::Param, Some(offset)) => {
                        let op = Op::Parameter {
                            offset: offset as u32,
                            kind,
                            registers,
                        };
                        self.emit(Class::Global, op);
                    }
                    _ => {
                        let address = self.address(a)?;
                        let constant = parts[0] == "ldu" || parts.contains(&"nc");
                        self.program.constant |= constant;
                        let access = Access {
                            space,
                            address,
                            kind,
                            constant,
                            registers,
                        };
                        self.emit(class(space), Op::Load(Box::new(access)));
                    }
                }
            }
            ("st", [a, b]) => {
                let (space, kind) = access(parts)?;
                if matches!(space, Space::Const | Space::Param) {
                    return Err("this space is read-only".into());
                }
                let access = Access {
                    space,
                    address: self.address(a)?,
                    kind,
                    constant: false,
                    registers: self.elements(b, kind)?,
                };
                self.emit(class(space), Op::Store(Box::new(access)));
            }
            ("atom" | "red", [first, rest @ ..]) => {
                let (space, kind) = access(parts)?;
                let (result, address, rest) = match (parts[0], rest) {
                    ("atom", [address, rest @ ..]) => (Some(first), address, rest),
                    _ => (None, first, rest),
                };
                let (operand, second) = match rest {
                    [operand] => (operand, None),
                    [operand, second] => (operand, Some(second)),
                    _ => return Err("expected an address and one or two values".into()),
                };
                if kind.bits() < 32 || matches!(kind, Type::F(64)) {
                    return Err("atomics of this type are not supported".into());
                }
                let result = match result {
                    None | Some(Operand::Sink) => None,
                    Some(result) => Some(self.slot(result, kind.bits())?),
                };
                let update = Update {
                    operation: atomic(parts)?,
                    space,
                    address: self.address(address)?,
                    kind,
                    result,
                    operand: self.slot(operand, kind.bits())?,
                    second: match second {
                        Some(second) => Some(self.slot(second, kind.bits())?),
                        None => None,
                    },
                };
                self.emit(class(space), Op::Update(Box::new(update)));
            }
            ("cp", operands) if parts.get(1) == Some(&"async") => {
                return self.copy_async(parts, operands);
            }
            ("prefetch" | "prefetchu" | "applypriority" | "discard", _) => {
                self.emit(Class::Global, Op::Nop);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn copy_async(&mut self, parts: &[&str], operands: &[Operand]) -> Result<bool, String> {
        let op = match (parts[2], operands) {
            ("commit_group", []) => Op::CopyCommit,
            ("wait_all", []) => Op::CopyWaitAll,
            ("wait_group", [count]) => {
                let count = self.constant(count).ok_or("expected an immediate")?;
                Op::CopyWait(count as u32)
            }
            ("ca" | "cg", [to, from, bytes, rest @ ..]) => {
                let bytes = self.constant(bytes).ok_or("expected an immediate size")?;
                let allowed: &[u64] = if parts[2] == "cg" { &[16] } else { &[4, 8, 16] };
                if !allowed.contains(&bytes) {
                    return Err(format!("expected one of {allowed:?} bytes, found {bytes}"));
                }
                if !parts.contains(&"global") || !parts.iter().any(|p| p.starts_with("shared")) {
                    return Err("expected .shared.global".into());
                }
                let read = match rest {
                    [] => None,
                    [read] => Some(self.word(read)?),
                    _ => return Err("cache policies are not supported".into()),
                };
                let copy = Copy {
                    to: self.address(to)?,
                    from: self.address(from)?,
                    bytes: bytes as u32,
                    read,
                };
                Op::CopyAsync(Box::new(copy))
            }
            _ => return Ok(false),
        };
        self.emit(Class::Shared, op);
        Ok(true)
    }

    /// The registers of a load or store, which may be wider than the elements.
    fn elements(&mut self, operand: &Operand, kind: Type) -> Result<Vec<Option<Slot>>, String> {
        let parts = match operand {
            Operand::Vector(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        };
        let element = |operand: &Operand| match operand {
            Operand::Sink => Ok(None),
            Operand::Register(_) => {
                let slot = self.register(operand)?;
                let fits = match slot {
                    Slot::Half(_) => kind.bits() <= 16,
                    Slot::Word(_) => kind.bits() <= 32,
                    Slot::Long(_) => true,
                    Slot::Predicate(_) => false,
                };
                if fits {
                    Ok(Some(slot))
                } else {
                    Err(format!("{slot:?} cannot hold {kind:?}"))
                }
            }
            immediate => self.slot(immediate, kind.bits()).map(Some),
        };
        parts.iter().map(element).collect()
    }
}

/// The space and element type of a load, store or atomic.
fn access(parts: &[&str]) -> Result<(Space, Type), String> {
    let mut space = Space::Generic;
    let kind = (parts.last().and_then(|name| Type::parse(name)))
        .filter(|kind| !matches!(kind, Type::Pred | Type::B(128)))
        .ok_or("expected a type")?;
    for part in &parts[1..] {
        space = match *part {
            "global" => Space::Global,
            "const" => Space::Const,
            "shared" | "shared::cta" => Space::Shared,
            "local" => Space::Local,
            "param" | "param::entry" => Space::Param,
            "L2::cache_hint" | "mmio" => return Err(format!("modifier {part} is not supported")),
            _ => space,
        };
    }
    Ok((space, kind))
}

fn atomic(parts: &[&str]) -> Result<Atomic, String> {
    let found = parts.iter().find_map(|part| {
        Some(match *part {
            "add" => Atomic::Add,
            "min" => Atomic::Min,
            "max" => Atomic::Max,
            "and" => Atomic::And,
            "or" => Atomic::Or,
            "xor" => Atomic::Xor,
            "exch" => Atomic::Exchange,
            "cas" => Atomic::CompareSwap,
            "inc" => Atomic::Increment,
            "dec" => Atomic::Decrement,
            _ => return None,
        })
    });
    found.ok_or_else(|| "this atomic operation is not known".into())
}

fn class(space: Space) -> Class {
    match space {
        Space::Shared => Class::Shared,
        _ => Class::Global,
    }
}
