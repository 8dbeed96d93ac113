//! Atomics of global and shared memory.

use std::sync::Mutex;

use super::access::{Place, Traffic, get, put, shared_race};
use super::block::Context;
use super::shadow::Write;
use super::warp::Warp;
use super::{Kind, Step, Trap};
use crate::program::{Atomic, Slot, Update};
use crate::ptx::Type;

/// Atomics of 64 bits take turns, as memory has words of 32.
static WIDE: Mutex<()> = Mutex::new(());

impl Context<'_> {
    /// Changes memory atomically, one lane after another.
    pub(super) fn update(
        &mut self,
        warp: &mut Warp,
        update: &Update,
        lanes: u32,
        line: u32,
    ) -> Step<()> {
        let bytes = update.kind.bytes();
        let mut traffic = Traffic::default();
        for lane in (0..32).filter(|lane| lanes >> lane & 1 == 1) {
            let at = lane as usize;
            let operand = warp.lane(update.operand, at);
            let second = update.second.map_or(0, |slot| warp.lane(slot, at));
            let f = |old: u64| change(update, old, operand, second);
            let old = match self.place(warp, update.space, update.address, lane, bytes)? {
                Place::Global(address) => {
                    self.note_global(address, bytes, lane, true, true)?;
                    traffic.global(address);
                    let allocation = self.allocation(address, bytes, lane, "changes atomically")?;
                    self.changes(allocation, address, bytes, lane)?;
                    if bytes == 4 {
                        u64::from(allocation.update(address, |old| f(old.into()) as u32))
                    } else {
                        let _turn = WIDE.lock().unwrap_or_else(|e| e.into_inner());
                        let old = allocation.load(address, bytes) as u64;
                        allocation.store(address, bytes, f(old).into());
                        old
                    }
                }
                Place::Shared(offset) => {
                    let who = self.barriers.who(warp, lane, line);
                    self.shadow
                        .write(offset, bytes, &who, Write::Atomic)
                        .map_err(|e| shared_race(lane, offset, &e))?;
                    traffic.shared(offset);
                    let old = get(&self.shared, offset, bytes) as u64;
                    put(&mut self.shared, offset, bytes, f(old).into());
                    old
                }
                Place::Local(_) | Place::Parameter(_) => {
                    let message = "an atomic needs global or shared memory".into();
                    return Err(Trap::new(Kind::Address, lane, message));
                }
            };
            if let Some(result) = update.result {
                warp.set_lane(result, at, old);
            }
        }
        traffic.count(self, bytes);
        Ok(())
    }
}

/// What an atomic makes of the old value.
fn change(update: &Update, old: u64, operand: u64, second: u64) -> u64 {
    if update.kind == Type::F(32) && update.operation == Atomic::Add {
        let sum = f32::from_bits(old as u32) + f32::from_bits(operand as u32);
        return sum.to_bits().into();
    }
    let narrow = matches!(update.operand, Slot::Word(_));
    let signed = |value: u64| {
        if narrow {
            i64::from(value as u32 as i32)
        } else {
            value as i64
        }
    };
    let new = match update.operation {
        Atomic::Add => old.wrapping_add(operand),
        Atomic::Min if update.kind.signed() => signed(old).min(signed(operand)) as u64,
        Atomic::Max if update.kind.signed() => signed(old).max(signed(operand)) as u64,
        Atomic::Min => old.min(operand),
        Atomic::Max => old.max(operand),
        Atomic::And => old & operand,
        Atomic::Or => old | operand,
        Atomic::Xor => old ^ operand,
        Atomic::Exchange => operand,
        Atomic::CompareSwap if old == operand => second,
        Atomic::CompareSwap => old,
        Atomic::Increment if old >= operand => 0,
        Atomic::Increment => old + 1,
        Atomic::Decrement if old == 0 || old > operand => operand,
        Atomic::Decrement => old - 1,
    };
    if narrow { new & 0xffff_ffff } else { new }
}
