//! Device memory: allocations at virtual addresses with gaps between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Where the window of shared memory starts in the generic address space.
pub(crate) const SHARED: u64 = 1 << 40;
/// Where the window of local memory starts.
pub(crate) const LOCAL: u64 = 2 << 40;
/// Where the window of the kernel's parameters starts.
pub(crate) const PARAMETERS: u64 = 3 << 40;
/// How long each window is.
pub(crate) const WINDOW: u64 = 1 << 32;

/// The first address that is allocated.
const FIRST: u64 = 0x7f00_0000_0000;
/// What an allocation's address is a multiple of, as on a card.
const ALIGN: u64 = 512;
/// At least so many bytes after an allocation belong to none.
const GAP: u64 = 64 * 1024;
/// What memory holds before it is written.
const FILL: u32 = 0xcdcd_cdcd;

/// One allocation. Blocks run on several threads, so its words are atomic.
#[derive(Debug)]
pub(crate) struct Allocation {
    base: u64,
    size: u64,
    words: Box<[AtomicU32]>,
    /// For each word the last launch that noted something of it, and what: 24 bits, then a bit for each byte
    /// that it reads as constant and for each that it writes.
    notes: Box<[AtomicU32]>,
}

impl Allocation {
    /// Its first address.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether `length` bytes from `address` are inside.
    pub(crate) fn contains(&self, address: u64, length: u64) -> bool {
        address >= self.base && address - self.base + length <= self.size
    }

    fn word(&self, address: u64) -> &AtomicU32 {
        &self.words[((address - self.base) / 4) as usize]
    }

    /// Up to 16 bytes at an address that is a multiple of their number.
    pub(crate) fn load(&self, address: u64, bytes: u32) -> u128 {
        let word = |at: u64| u128::from(self.word(address + 4 * at).load(Relaxed));
        match bytes {
            1 => word(0) >> (8 * (address & 3)) & 0xff,
            2 => word(0) >> (8 * (address & 3)) & 0xffff,
            4 => word(0),
            8 => word(0) | word(1) << 32,
            _ => word(0) | word(1) << 32 | word(2) << 64 | word(3) << 96,
        }
    }

    /// Stores up to 16 bytes at an address that is a multiple of their number.
    pub(crate) fn store(&self, address: u64, bytes: u32, value: u128) {
        match bytes {
            1 | 2 => {
                let shift = 8 * (address & 3) as u32;
                let mask = if bytes == 1 { 0xff } else { 0xffff };
                let value = (value as u32 & mask) << shift;
                let mask = mask << shift;
                self.update(address, |old| old & !mask | value);
            }
            _ => {
                for at in 0..u64::from(bytes / 4) {
                    let part = (value >> (32 * at)) as u32;
                    self.word(address + 4 * at).store(part, Relaxed);
                }
            }
        }
    }

    /// Changes a word at once, and gives what it was.
    pub(crate) fn update(&self, address: u64, f: impl Fn(u32) -> u32) -> u32 {
        let word = self.word(address);
        let mut old = word.load(Relaxed);
        loop {
            match word.compare_exchange_weak(old, f(old), Relaxed, Relaxed) {
                Ok(old) => return old,
                Err(now) => old = now,
            }
        }
    }

    /// Notes that launch `launch` reads bytes as constant or writes them. Whether it now does both to some.
    pub(crate) fn note(&self, launch: u32, address: u64, bytes: u32, writes: bool) -> bool {
        let mut both = false;
        let first = (address - self.base) / 4;
        for word in first..=first + u64::from(bytes - 1) / 4 {
            let mask = match bytes {
                1 | 2 => ((1 << bytes) - 1) << (address & 3),
                _ => 15,
            };
            let mask: u32 = if writes { mask } else { mask << 4 };
            let note = &self.notes[word as usize];
            let mut old = note.load(Relaxed);
            loop {
                let new = if old >> 8 == launch { old } else { launch << 8 } | mask;
                both |= new >> 4 & new & 15 != 0;
                if new == old {
                    break;
                }
                match note.compare_exchange_weak(old, new, Relaxed, Relaxed) {
                    Ok(_) => break,
                    Err(now) => old = now,
                }
            }
        }
        both
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, address: u64, to: &mut [u8]) {
        let mut address = address;
        let mut to = to;
        while !to.is_empty() {
            let skip = (address & 3) as usize;
            let bytes = self.word(address).load(Relaxed).to_le_bytes();
            let count = to.len().min(4 - skip);
            let (now, rest) = to.split_at_mut(count);
            now.copy_from_slice(&bytes[skip..skip + count]);
            to = rest;
            address += count as u64;
        }
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, address: u64, from: &[u8]) {
        let mut address = address;
        let mut from = from;
        while !from.is_empty() {
            let skip = (address & 3) as usize;
            let count = from.len().min(4 - skip);
            let mut bytes = [0; 4];
            if count < 4 {
                bytes = self.word(address).load(Relaxed).to_le_bytes();
            }
            bytes[skip..skip + count].copy_from_slice(&from[..count]);
            self.word(address).store(u32::from_le_bytes(bytes), Relaxed);
            from = &from[count..];
            address += count as u64;
        }
    }
}

/// The allocations in the order of their addresses.
pub(crate) type Allocations = Arc<Vec<Arc<Allocation>>>;

/// The allocation that holds `length` bytes from `address`.
pub(crate) fn find(list: &[Arc<Allocation>], address: u64, length: u64) -> Option<&Allocation> {
    let after = list.partition_point(|allocation| allocation.base <= address);
    let allocation = &list[after.checked_sub(1)?];
    allocation.contains(address, length).then_some(allocation)
}

/// All memory of a device.
#[derive(Debug)]
pub(crate) struct Memory {
    list: Allocations,
    next: u64,
    used: u64,
    total: u64,
}

impl Memory {
    /// Memory of `total` bytes.
    pub(crate) fn new(total: u64) -> Self {
        Self {
            list: Arc::default(),
            next: FIRST,
            used: 0,
            total,
        }
    }

    /// How many bytes are not allocated, and how many there are.
    pub(crate) fn info(&self) -> (u64, u64) {
        (self.total - self.used, self.total)
    }

    /// The allocations as they are now.
    pub(crate) fn snapshot(&self) -> Allocations {
        self.list.clone()
    }

    /// Allocates `size` bytes, or none if there are not so many.
    pub(crate) fn allocate(&mut self, size: u64) -> Option<u64> {
        if size > self.total - self.used {
            return None;
        }
        let count = size.div_ceil(4) as usize;
        let mut words = Vec::new();
        words.try_reserve_exact(count).ok()?;
        words.extend((0..count).map(|_| AtomicU32::new(FILL)));
        // Zeros that take no memory before they are touched.
        let notes = bytemuck::allocation::try_zeroed_slice_box(count).ok()?;
        let base = self.next;
        self.next = (base + size + GAP).next_multiple_of(ALIGN);
        self.used += size;
        Arc::make_mut(&mut self.list).push(Arc::new(Allocation {
            base,
            size,
            words: words.into_boxed_slice(),
            notes,
        }));
        Some(base)
    }

    /// Frees the allocation that starts at `address`, if one does.
    pub(crate) fn free(&mut self, address: u64) -> bool {
        let Ok(at) = (self.list).binary_search_by_key(&address, |allocation| allocation.base)
        else {
            return false;
        };
        let freed = Arc::make_mut(&mut self.list).remove(at);
        self.used -= freed.size;
        true
    }
}
