//! Loads, stores and atomics, with their checks.

use super::block::Context;
use super::copies::address;
use super::shadow::Write;
use super::warp::Warp;
use super::{Kind, Step, Trap, traffic};
use crate::memory::{self, Allocation, LOCAL, PARAMETERS, SHARED, WINDOW};
use crate::program::{Access, Address, LANES};
use crate::ptx::{Space, Type};

/// Where an address leads.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Global(u64),
    Shared(u32),
    Local(u32),
    Parameter(u32),
}

impl<'a> Context<'a> {
    /// Loads into the lanes of `lanes`.
    pub(super) fn load(
        &mut self,
        warp: &mut Warp,
        access: &Access,
        lanes: u32,
        line: u32,
    ) -> Step<()> {
        let each = access.kind.bytes();
        let bytes = each * access.registers.len() as u32;
        let mut near = None;
        let mut traffic = Traffic::default();
        for lane in (0..32).filter(|lane| lanes >> lane & 1 == 1) {
            let place = self.place(warp, access.space, access.address, lane, bytes)?;
            let value = match place {
                Place::Global(address) => {
                    let found = self.near(near, address, bytes, lane, "reads")?;
                    near = Some(found);
                    let value = found.load(address, bytes);
                    self.note_global(address, bytes, lane, false, false)?;
                    if access.constant && found.note(self.launch.number, address, bytes, false) {
                        let message = format!(
                            "reads global memory at {address:#x} through .nc that the same launch writes"
                        );
                        return Err(Trap::check(lane, message));
                    }
                    traffic.global(address);
                    value
                }
                Place::Shared(offset) => {
                    let who = self.barriers.who(warp, lane, line);
                    self.shadow
                        .read(offset, bytes, &who)
                        .map_err(|e| shared_race(lane, offset, &e))?;
                    traffic.shared(offset);
                    get(&self.shared, offset, bytes)
                }
                Place::Local(offset) => {
                    let base = self.launch.program.local * lane;
                    get(&warp.local, base + offset, bytes)
                }
                Place::Parameter(offset) => get(&self.launch.parameters, offset, bytes),
            };
            for (at, slot) in access.registers.iter().enumerate() {
                let Some(slot) = *slot else { continue };
                let part = (value >> (8 * each * at as u32)) as u64;
                warp.set_lane(slot, lane as usize, extend(part, access.kind));
            }
        }
        traffic.count(self, bytes);
        Ok(())
    }

    /// Stores from the lanes of `lanes`.
    pub(super) fn store(
        &mut self,
        warp: &mut Warp,
        access: &Access,
        lanes: u32,
        line: u32,
    ) -> Step<()> {
        let each = access.kind.bytes();
        let bytes = each * access.registers.len() as u32;
        let mask = if each == 8 {
            u64::MAX
        } else {
            (1 << (8 * each)) - 1
        };
        let mut near = None;
        let mut traffic = Traffic::default();
        for lane in (0..32).filter(|lane| lanes >> lane & 1 == 1) {
            let place = self.place(warp, access.space, access.address, lane, bytes)?;
            let mut value = 0u128;
            for (at, slot) in access.registers.iter().enumerate() {
                let part = slot.map_or(0, |slot| warp.lane(slot, lane as usize)) & mask;
                value |= u128::from(part) << (8 * each * at as u32);
            }
            match place {
                Place::Global(address) => {
                    let found = self.near(near, address, bytes, lane, "writes")?;
                    near = Some(found);
                    found.store(address, bytes, value);
                    self.changes(found, address, bytes, lane)?;
                    self.note_global(address, bytes, lane, true, false)?;
                    traffic.global(address);
                }
                Place::Shared(offset) => {
                    let same = get(&self.shared, offset, bytes) == value;
                    let who = self.barriers.who(warp, lane, line);
                    self.shadow
                        .write(offset, bytes, &who, Write::Store { same })
                        .map_err(|e| shared_race(lane, offset, &e))?;
                    put(&mut self.shared, offset, bytes, value);
                    traffic.shared(offset);
                }
                Place::Local(offset) => {
                    let base = self.launch.program.local * lane;
                    put(&mut warp.local, base + offset, bytes, value);
                }
                Place::Parameter(_) => {
                    let message = "writes to the kernel's parameters".into();
                    return Err(Trap::new(Kind::Address, lane, message));
                }
            }
        }
        traffic.count(self, bytes);
        Ok(())
    }

    /// Where the address of `lane` leads, once it is known to be aligned and inside.
    pub(super) fn place(
        &self,
        warp: &Warp,
        space: Space,
        at: Address,
        lane: u32,
        bytes: u32,
    ) -> Step<Place> {
        let address = address(warp, at, lane);
        if !address.is_multiple_of(bytes.into()) {
            let message = format!(
                "an access of {bytes} bytes at {address:#x}, which is not a multiple of its size"
            );
            return Err(Trap::new(Kind::Misaligned, lane, message));
        }
        let inside = |window: u64| address.checked_sub(window).filter(|at| *at < WINDOW);
        let (space, address) = match space {
            Space::Generic => {
                if let Some(offset) = inside(SHARED) {
                    (Space::Shared, offset)
                } else if let Some(offset) = inside(LOCAL) {
                    (Space::Local, offset)
                } else if let Some(offset) = inside(PARAMETERS) {
                    (Space::Param, offset)
                } else {
                    (Space::Global, address)
                }
            }
            space => (space, address),
        };
        let (size, place): (u32, fn(u32) -> Place) = match space {
            Space::Shared => (self.launch.shared(), Place::Shared),
            Space::Local => (self.launch.program.local, Place::Local),
            Space::Param => (self.launch.program.parameter_bytes, Place::Parameter),
            _ => return Ok(Place::Global(address)),
        };
        if address + u64::from(bytes) > size.into() {
            let message = format!(
                "an access of {bytes} bytes at {address:#x} of {} memory, which has {size} bytes",
                name(space)
            );
            return Err(Trap::new(Kind::Address, lane, message));
        }
        Ok(place(address as u32))
    }

    /// The offset of an address in shared memory.
    pub(super) fn shared_offset(
        &self,
        warp: &Warp,
        at: Address,
        lane: u32,
        bytes: u32,
    ) -> Step<u32> {
        match self.place(warp, Space::Shared, at, lane, bytes)? {
            Place::Shared(offset) => Ok(offset),
            _ => Err(Trap::check(lane, "expected shared memory".into())),
        }
    }

    /// The allocation that holds `bytes` at `address`; often it is the one of the lane before.
    pub(super) fn near(
        &self,
        before: Option<&'a Allocation>,
        address: u64,
        bytes: u32,
        lane: u32,
        does: &str,
    ) -> Step<&'a Allocation> {
        match before {
            Some(before) if before.contains(address, bytes.into()) => Ok(before),
            _ => self.allocation(address, bytes, lane, does),
        }
    }

    /// The allocation that holds `bytes` at `address`.
    pub(super) fn allocation(
        &self,
        address: u64,
        bytes: u32,
        lane: u32,
        does: &str,
    ) -> Step<&'a Allocation> {
        memory::find(&self.launch.memory, address, bytes.into()).ok_or_else(|| {
            let list = &self.launch.memory;
            let after = list.partition_point(|allocation| allocation.base() <= address);
            let near = after.checked_sub(1).map(|at| &list[at]);
            let near = near.filter(|near| address < near.base() + near.size() + 4096);
            let near = near.map_or(String::new(), |near| {
                let past = address - near.base() + u64::from(bytes) - near.size();
                let size = near.size();
                format!(", {past} bytes past the end of an allocation of {size} bytes")
            });
            let message =
                format!("{does} {bytes} bytes at {address:#x}, outside of any allocation{near}");
            Trap::new(Kind::Address, lane, message)
        })
    }

    /// Checks that nobody relies on what `lane` changes in global memory.
    pub(super) fn changes(
        &self,
        allocation: &Allocation,
        address: u64,
        bytes: u32,
        lane: u32,
    ) -> Step<()> {
        let launch = self.launch;
        if launch.program.constant && allocation.note(launch.number, address, bytes, true) {
            let message = format!(
                "writes global memory at {address:#x} that the same launch reads through .nc"
            );
            return Err(Trap::check(lane, message));
        }
        self.not_copied(address, bytes, lane)
    }

    /// Tells the check between blocks of an access to global memory, if it is on.
    pub(super) fn note_global(
        &self,
        address: u64,
        bytes: u32,
        lane: u32,
        writes: bool,
        atomic: bool,
    ) -> Step<()> {
        let Some(global) = &self.launch.global else {
            return Ok(());
        };
        let mut global = global.lock().unwrap_or_else(|e| e.into_inner());
        global
            .access(self.number, address, bytes, writes, atomic)
            .map_err(|e| Trap::check(lane, e))
    }

    /// Counts an access to global memory.
    pub(super) fn count_global(&mut self, addresses: &[u64], bytes: u32) {
        if addresses.is_empty() {
            return;
        }
        let statistics = &mut self.statistics;
        statistics.global_accesses += 1;
        statistics.global_bytes += u64::from(bytes) * addresses.len() as u64;
        statistics.sectors += traffic::sectors(addresses, bytes);
    }

    /// Counts an access to shared memory.
    pub(super) fn count_shared(&mut self, offsets: &[u32], bytes: u32) {
        if offsets.is_empty() {
            return;
        }
        self.statistics.shared_accesses += 1;
        self.statistics.bank_conflicts += traffic::conflicts(offsets, bytes);
    }
}

/// The addresses of an access, for the statistics.
#[derive(Default)]
pub(super) struct Traffic {
    globals: usize,
    shareds: usize,
    addresses: [u64; LANES],
    offsets: [u32; LANES],
}

impl Traffic {
    pub(super) fn global(&mut self, address: u64) {
        self.addresses[self.globals] = address;
        self.globals += 1;
    }

    pub(super) fn shared(&mut self, offset: u32) {
        self.offsets[self.shareds] = offset;
        self.shareds += 1;
    }

    pub(super) fn count(&self, context: &mut Context<'_>, bytes: u32) {
        context.count_global(&self.addresses[..self.globals], bytes);
        context.count_shared(&self.offsets[..self.shareds], bytes);
    }
}

fn name(space: Space) -> &'static str {
    match space {
        Space::Shared => "shared",
        Space::Local => "local",
        Space::Param => "parameter",
        _ => "global",
    }
}

pub(super) fn shared_race(lane: u32, offset: u32, message: &str) -> Box<Trap> {
    Trap::check(lane, format!("{message} (shared address {offset:#x})"))
}

pub(super) fn get(memory: &[u8], offset: u32, bytes: u32) -> u128 {
    fn part<const N: usize>(memory: &[u8]) -> [u8; 16] {
        let mut value = [0; 16];
        value[..N].copy_from_slice(&memory[..N]);
        value
    }
    let memory = &memory[offset as usize..];
    // Lengths that the compiler knows, as this is done for every lane.
    u128::from_le_bytes(match bytes {
        1 => part::<1>(memory),
        2 => part::<2>(memory),
        4 => part::<4>(memory),
        8 => part::<8>(memory),
        _ => part::<16>(memory),
    })
}

pub(super) fn put(memory: &mut [u8], offset: u32, bytes: u32, value: u128) {
    let memory = &mut memory[offset as usize..];
    let value = value.to_le_bytes();
    match bytes {
        1 => memory[0] = value[0],
        2 => memory[..2].copy_from_slice(&value[..2]),
        4 => memory[..4].copy_from_slice(&value[..4]),
        8 => memory[..8].copy_from_slice(&value[..8]),
        _ => memory[..16].copy_from_slice(&value),
    }
}

/// An element as a register holds it: widened by its sign.
pub(super) fn extend(value: u64, kind: Type) -> u64 {
    match (kind.bits(), kind.signed()) {
        (8, true) => i64::from(value as u8 as i8) as u64,
        (16, true) => i64::from(value as u16 as i16) as u64,
        (32, true) => i64::from(value as u32 as i32) as u64,
        (8, false) => value & 0xff,
        (16, false) => value & 0xffff,
        (32, false) => value & 0xffff_ffff,
        _ => value,
    }
}
