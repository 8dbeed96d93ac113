//! Who touched each byte of a block's shared memory, to find races and reads of unwritten bytes.
//!
//! A cell stands for 16 bytes. It splits into four cells of a word, and those into cells of a byte,
//! once an access touches only a part, so that a whole row of a matrix costs one check.

/// Several threads wrote it atomically.
const MANY: u16 = u16::MAX;

/// The accesses to some bytes that still matter.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// The block's stamp at the last write; zero if there was none.
    written: u32,
    /// The stamp of the writer's warp at that time.
    write_sync: u32,
    writer: u16,
    /// Written by a `cp.async`, which only a barrier shows to other threads.
    copied: bool,
    atomic: bool,
    write_line: u32,
    /// One more than the thread whose `cp.async` is on its way; zero if there is none.
    pending: u16,
    /// The stamp of the last reads since the write.
    read: u32,
    /// The warps that read at that stamp.
    readers: u32,
    /// The last warp that read, its own stamp then, and which of its lanes did.
    read_warp: u16,
    read_sync: u32,
    read_lanes: u32,
    read_line: u32,
    /// Where the cells of the parts are; zero if it is whole.
    parts: u32,
}

/// The thread that touches memory, or all of a warp that do so at once, and what is ordered before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub warp: u32,
    /// One lane, or all of them for a read.
    pub lanes: u32,
    /// The block's stamp, which every barrier raises.
    pub stamp: u32,
    /// The warp's stamp, which every barrier of its lanes raises.
    pub sync: u32,
    pub line: u32,
    /// For each lane of the warp, up to which stamp of the warp its accesses come before these.
    pub before: &'a [u32; 32],
    /// For each warp, up to which stamp of the block its accesses come before these.
    pub seen: &'a [u32; 32],
}

impl Who<'_> {
    /// The thread, or the first of them.
    fn thread(&self) -> u16 {
        (self.warp * 32 + self.lanes.trailing_zeros()) as u16
    }

    /// Whether it is this thread and no other.
    fn is(&self, thread: u16) -> bool {
        self.warp == u32::from(thread / 32) && self.lanes == 1 << (thread % 32)
    }
}

/// How memory is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// By a store. If it changes nothing, two threads may do it at once.
    Store { same: bool },
    /// By an atomic.
    Atomic,
}

/// The cells of a block's shared memory.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    cells: Vec<Cell>,
    whole: usize,
}

impl Shadow {
    /// Forgets everything, for a block with `bytes` of shared memory.
    pub(crate) fn reset(&mut self, bytes: usize) {
        // One more, so that no part has index zero.
        self.whole = bytes.div_ceil(16) + 1;
        self.cells.clear();
        self.cells.resize(self.whole, Cell::default());
    }

    /// Calls `f` with each cell of `length` bytes from `offset`.
    fn visit(
        &mut self,
        offset: u32,
        length: u32,
        mut f: impl FnMut(&mut Cell) -> Result<(), String>,
    ) -> Result<(), String> {
        let end = offset + length;
        for granule in offset / 16..end.div_ceil(16) {
            let start = granule * 16;
            let at = granule as usize;
            if self.cells[at].parts == 0 {
                if offset <= start && start + 16 <= end {
                    f(&mut self.cells[at])?;
                    continue;
                }
                self.split(at);
            }
            let words = self.cells[at].parts as usize;
            for word in 0..4 {
                let (at, start) = (words + word, start + 4 * word as u32);
                if start + 4 <= offset || start >= end {
                    continue;
                }
                if self.cells[at].parts == 0 {
                    if offset <= start && start + 4 <= end {
                        f(&mut self.cells[at])?;
                        continue;
                    }
                    self.split(at);
                }
                let bytes = self.cells[at].parts as usize;
                for byte in 0..4 {
                    let start = start + byte as u32;
                    if (offset..end).contains(&start) {
                        f(&mut self.cells[bytes + byte])?;
                    }
                }
            }
        }
        Ok(())
    }

    fn split(&mut self, at: usize) {
        let cell = self.cells[at];
        let parts = self.cells.len();
        self.cells.extend([cell; 4]);
        self.cells[at].parts = parts as u32;
    }

    /// A read.
    pub(crate) fn read(&mut self, offset: u32, length: u32, who: &Who<'_>) -> Result<(), String> {
        self.visit(offset, length, |cell| {
            if cell.written == 0 && cell.pending == 0 {
                return Err("reads shared memory that the block has not written".into());
            }
            cell.not_pending("reads", who)?;
            cell.after_write("reads", who)?;
            cell.note_read(who);
            Ok(())
        })
    }

    /// A write, or an atomic, which reads too.
    pub(crate) fn write(
        &mut self,
        offset: u32,
        length: u32,
        who: &Who<'_>,
        how: Write,
    ) -> Result<(), String> {
        self.visit(offset, length, |cell| {
            cell.not_pending("writes", who)?;
            let atomic = how == Write::Atomic;
            if atomic && cell.written == 0 {
                return Err(
                    "changes shared memory atomically that the block has not written".into(),
                );
            }
            let shared = atomic && cell.atomic || how == Write::Store { same: true };
            if !shared {
                cell.after_write("writes", who)?;
            }
            cell.after_reads(who)?;
            let other = !who.is(cell.writer);
            let together = atomic && cell.atomic && other && cell.unordered(who);
            cell.note_write(who, false, atomic);
            if together {
                cell.writer = MANY;
            }
            Ok(())
        })
    }

    /// A `cp.async` begins: from now on nobody may touch the bytes.
    pub(crate) fn begin_copy(
        &mut self,
        offset: u32,
        length: u32,
        who: &Who<'_>,
    ) -> Result<(), String> {
        self.visit(offset, length, |cell| {
            cell.not_pending("copies to", who)?;
            cell.after_write("copies to", who)?;
            cell.after_reads(who)?;
            cell.pending = who.thread() + 1;
            cell.write_line = who.line;
            Ok(())
        })
    }

    /// The thread has waited for its `cp.async`.
    pub(crate) fn end_copy(&mut self, offset: u32, length: u32, who: &Who<'_>) {
        let done = self.visit(offset, length, |cell| {
            let line = cell.write_line;
            cell.pending = 0;
            cell.note_write(who, true, false);
            cell.write_line = line;
            Ok(())
        });
        debug_assert!(done.is_ok());
    }
}

impl Cell {
    fn not_pending(&self, does: &str, who: &Who<'_>) -> Result<(), String> {
        if self.pending == 0 {
            return Ok(());
        }
        let (thread, line) = (self.pending - 1, self.write_line);
        let own = if who.is(thread) { " of its own" } else { "" };
        Err(format!(
            "{does} shared memory that a cp.async{own} (thread {thread}, line {line}) may still be \
             writing"
        ))
    }

    /// Whether the last write is not ordered before `who`.
    fn unordered(&self, who: &Who<'_>) -> bool {
        if self.writer == MANY {
            return self.written == who.stamp;
        }
        let warp = u32::from(self.writer) / 32;
        if warp == who.warp {
            self.write_sync > who.before[usize::from(self.writer) % 32]
        } else {
            self.written > who.seen[warp as usize]
        }
    }

    fn after_write(&self, does: &str, who: &Who<'_>) -> Result<(), String> {
        if self.written == 0 || who.is(self.writer) || !self.unordered(who) {
            return Ok(());
        }
        let line = self.write_line;
        let by = match self.writer {
            MANY => "several threads".into(),
            thread => format!("thread {thread}"),
        };
        let how = if self.copied { "copied to" } else { "wrote" };
        let missing = if u32::from(self.writer) / 32 == who.warp {
            "__syncwarp"
        } else {
            "barrier"
        };
        Err(format!(
            "{does} shared memory that {by} {how} (line {line}) with no {missing} in between: a race"
        ))
    }

    fn after_reads(&self, who: &Who<'_>) -> Result<(), String> {
        if self.read == 0 {
            return Ok(());
        }
        let line = self.read_line;
        let own = 1 << who.warp;
        let mut others = self.readers & !own;
        while others != 0 {
            let warp = others.trailing_zeros();
            if self.read > who.seen[warp as usize] {
                return Err(format!(
                    "writes shared memory that warp {warp} read (line {line}) with no barrier in \
                     between: a race"
                ));
            }
            others &= others - 1;
        }
        let late = |lane: usize| u32::from(self.read_sync > who.before[lane]) << lane;
        let unordered = || (0..32).fold(0, |lanes, lane| lanes | late(lane));
        let same_warp = u32::from(self.read_warp) == who.warp;
        if same_warp && self.read_lanes & !who.lanes & unordered() != 0 {
            return Err(format!(
                "writes shared memory that another lane of the warp read (line {line}) with no \
                 __syncwarp in between: a race"
            ));
        }
        Ok(())
    }

    fn note_read(&mut self, who: &Who<'_>) {
        if self.read != who.stamp {
            self.read = who.stamp;
            self.readers = 0;
            self.read_lanes = 0;
        }
        let warp = who.warp;
        self.readers |= 1 << warp;
        if u32::from(self.read_warp) != warp || self.read_sync != who.sync {
            self.read_warp = warp as u16;
            self.read_sync = who.sync;
            self.read_lanes = 0;
        }
        self.read_lanes |= who.lanes;
        self.read_line = who.line;
    }

    fn note_write(&mut self, who: &Who<'_>, copied: bool, atomic: bool) {
        self.written = who.stamp;
        self.write_sync = who.sync;
        self.writer = who.thread();
        self.copied = copied;
        self.atomic = atomic;
        self.write_line = who.line;
        self.read = 0;
        self.readers = 0;
        self.read_lanes = 0;
    }
}
