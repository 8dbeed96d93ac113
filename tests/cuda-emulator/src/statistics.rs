//! What kernels did: counted while they run, by kernel name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the launches of one kernel did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How often it was launched.
    pub launches: u64,
    /// How many blocks ran.
    pub blocks: u64,
    /// Warp-instructions: matrix products.
    pub mma: u64,
    /// Warp-instructions: shared memory, with asynchronous copies and matrix loads.
    pub shared: u64,
    /// Warp-instructions: global, local, constant and parameter memory.
    pub global: u64,
    /// Warp-instructions: integers, bits, comparisons and moves.
    pub integer: u64,
    /// Warp-instructions: floats.
    pub float: u64,
    /// Warp-instructions: branches, barriers, shuffles and votes.
    pub control: u64,
    /// Bytes that lanes read from and wrote to global memory.
    pub global_bytes: u64,
    /// Accesses of a warp to global memory.
    pub global_accesses: u64,
    /// Sectors of 32 bytes that those touched, each counted once an access.
    pub sectors: u64,
    /// Accesses of a warp to shared memory.
    pub shared_accesses: u64,
    /// Passes over the banks of shared memory beyond those that conflict-free accesses need.
    pub bank_conflicts: u64,
    /// Nanoseconds the launches took here, which says nothing about a card.
    pub nanoseconds: u64,
}

impl Statistics {
    /// All warp-instructions.
    pub fn instructions(&self) -> u64 {
        self.mma + self.shared + self.global + self.integer + self.float + self.control
    }

    /// Adds what another launch did.
    pub fn add(&mut self, other: &Self) {
        self.launches += other.launches;
        self.blocks += other.blocks;
        self.mma += other.mma;
        self.shared += other.shared;
        self.global += other.global;
        self.integer += other.integer;
        self.float += other.float;
        self.control += other.control;
        self.global_bytes += other.global_bytes;
        self.global_accesses += other.global_accesses;
        self.sectors += other.sectors;
        self.shared_accesses += other.shared_accesses;
        self.bank_conflicts += other.bank_conflicts;
        self.nanoseconds += other.nanoseconds;
    }
}

/// Statistics by kernel name as a table of aligned columns.
pub fn table(kernels: &BTreeMap<String, Statistics>) -> String {
    let head = [
        "kernel",
        "launches",
        "blocks",
        "mma",
        "shared",
        "global",
        "integer",
        "float",
        "control",
        "bytes",
        "accesses",
        "sectors",
        "s.access",
        "conflicts",
        "ms",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for (name, s) in kernels {
        let numbers = [
            s.launches,
            s.blocks,
            s.mma,
            s.shared,
            s.global,
            s.integer,
            s.float,
            s.control,
            s.global_bytes,
            s.global_accesses,
            s.sectors,
            s.shared_accesses,
            s.bank_conflicts,
            s.nanoseconds / 1_000_000,
        ];
        rows.push(std::array::from_fn(|at| match at {
            0 => name.clone(),
            at => numbers[at - 1].to_string(),
        }));
    }
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
    let widths: [usize; 15] = std::array::from_fn(width);
    let mut out = String::new();
    for row in &rows {
        let _ = write!(out, "{:<width$}", row[0], width = widths[0]);
        for at in 1..row.len() {
            let _ = write!(out, "  {:>width$}", row[at], width = widths[at]);
        }
        out.push('\n');
    }
    out
}
