//! What an access costs on a card: sectors of global memory, and passes over the banks.

/// The bytes of a sector.
const SECTOR: u64 = 32;
/// The banks of shared memory, each a word wide.
const BANKS: usize = 32;

/// How many sectors the accesses of a warp touch; each is `bytes` long and aligned to it.
pub(crate) fn sectors(addresses: &[u64], bytes: u32) -> u64 {
    let first = |address: u64| address / SECTOR;
    let last = |address: u64| (address + u64::from(bytes) - 1) / SECTOR;
    let mut count = 0;
    let mut previous = None;
    let mut ordered = true;
    for &address in addresses {
        let sector = first(address);
        if previous != Some(sector) {
            ordered &= previous.is_none_or(|previous| previous < sector);
            count += 1;
        }
        count += last(address) - sector;
        previous = Some(last(address));
    }
    if ordered {
        return count;
    }
    let mut all: Vec<u64> = (addresses.iter().map(|address| first(*address))).collect();
    all.sort_unstable();
    all.dedup();
    all.len() as u64
}

/// How many passes over the banks of shared memory come on top of those that a conflict-free access
/// of `bytes` a lane needs. `offsets` are those of the active lanes.
pub(crate) fn conflicts(offsets: &[u32], bytes: u32) -> u64 {
    let lanes = match bytes {
        16 => 8,
        8 => 16,
        _ => 32,
    };
    let groups = offsets.chunks(lanes);
    groups
        .map(|group| passes(group, bytes.div_ceil(4)) - 1)
        .sum()
}

/// How many passes one group of lanes needs: the most different words in one bank.
fn passes(offsets: &[u32], words: u32) -> u64 {
    let mut held = [u32::MAX; BANKS];
    let mut free = true;
    for offset in offsets {
        for word in offset / 4..offset / 4 + words {
            let bank = &mut held[word as usize % BANKS];
            free &= *bank == u32::MAX || *bank == word;
            *bank = word;
        }
    }
    if free {
        return 1;
    }
    let first = offsets.iter().map(|offset| offset / 4);
    let mut all: Vec<u32> = first.flat_map(|word| word..word + words).collect();
    all.sort_unstable();
    all.dedup();
    let mut counts = [0; BANKS];
    for word in all {
        counts[word as usize % BANKS] += 1;
    }
    counts.into_iter().max().unwrap_or(1)
}
