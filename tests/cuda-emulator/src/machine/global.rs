//! Which blocks of a launch touched each byte of global memory, to find races between them.

use std::collections::HashMap;

/// Bytes that share an entry of the table.
const PAGE: u64 = 4096;

/// The blocks that touched a byte, each one more than its number.
#[derive(Clone, Copy, Default)]
struct Byte {
    writer: u32,
    reader: u32,
    /// Several blocks read it.
    many: bool,
    atomic: bool,
}

/// The bytes that a launch touched.
#[derive(Default)]
pub(crate) struct Global {
    pages: HashMap<u64, Vec<Byte>>,
}

impl Global {
    /// An access of `block`, which is a race if another block wrote there, or if this writes where
    /// another one was.
    pub(super) fn access(
        &mut self,
        block: u64,
        address: u64,
        length: u32,
        writes: bool,
        atomic: bool,
    ) -> Result<(), String> {
        let own = block as u32 + 1;
        for address in address..address + u64::from(length) {
            let page = self.pages.entry(address / PAGE);
            let page = page.or_insert_with(|| vec![Byte::default(); PAGE as usize]);
            let byte = &mut page[(address % PAGE) as usize];
            let other = |what: &str, block: u32| {
                let does = if writes { "writes" } else { "reads" };
                let block = block - 1;
                Err(format!(
                    "{does} global memory at {address:#x} that block number {block} of the same \
                     launch {what}: a race"
                ))
            };
            if byte.writer != 0 && byte.writer != own && !(atomic && byte.atomic) {
                return other("wrote", byte.writer);
            }
            if writes && byte.reader != 0 && (byte.reader != own || byte.many) {
                return other("read", byte.reader);
            }
            if writes {
                byte.writer = own;
                byte.atomic = atomic;
            } else {
                byte.many |= byte.reader != 0 && byte.reader != own;
                byte.reader = own;
            }
        }
        Ok(())
    }
}
