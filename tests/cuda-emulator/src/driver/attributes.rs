//! What the device says of itself: the limits of a capability.

use crate::machine::{BLOCK, GRID, MAX_THREADS};

/// Limits that depend on the compute capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// The compute capability, 80 for 8.0.
    pub(super) capability: u32,
    pub(super) processors: u32,
    /// Shared memory of a multiprocessor.
    pub(super) shared: u32,
    /// Threads and blocks of a multiprocessor.
    pub(super) threads: u32,
    pub(super) blocks: u32,
}

/// Shared memory of a multiprocessor that each block takes besides its own.
pub(super) const RESERVED: u32 = 1024;
/// Few multiprocessors, so that launches that spread work over them leave each block more than one part.
const PROCESSORS: u32 = 4;
/// Shared memory that a block may have without asking.
pub(super) const SHARED: u32 = 48 * 1024;

impl Limits {
    /// The limits of a capability; of one that is not known, those of 8.0.
    pub(super) fn new(capability: u32) -> Self {
        let (kilobytes, threads, blocks) = match capability {
            86 => (100, 1536, 16),
            89 => (100, 1536, 24),
            90 => (228, 2048, 32),
            _ => (164, 2048, 32),
        };
        Self {
            capability: if matches!(capability, 86 | 89 | 90) {
                capability
            } else {
                80
            },
            processors: PROCESSORS,
            shared: kilobytes * 1024,
            threads,
            blocks,
        }
    }

    /// The limits of the capability that the environment names.
    pub(super) fn from_environment() -> Self {
        let named = std::env::var("INTFORMER_CUDA_EMULATOR_SM").ok();
        Self::new(named.and_then(|named| named.parse().ok()).unwrap_or(80))
    }

    /// The most shared memory of a block that asks for it.
    pub(super) fn shared_opt_in(&self) -> u32 {
        self.shared - RESERVED
    }

    /// The name of the device.
    pub(super) fn name(&self) -> String {
        format!("Emulated sm_{} (no GPU)", self.capability)
    }

    /// The attribute with this number in `CUdevice_attribute`; what is not here is zero: clocks among them,
    /// which would make peaks of a card that there is none of.
    pub(super) fn attribute(&self, number: u32) -> u32 {
        match number {
            1 => MAX_THREADS,                    // threads of a block
            2..=4 => BLOCK[number as usize - 2], // the same by x, y and z
            5..=7 => GRID[number as usize - 5],  // blocks by x, y and z
            8 => SHARED,                         // shared memory of a block
            9 => 65_536,                         // constant memory
            10 => 32,                            // threads of a warp
            11 => i32::MAX as u32,               // pitch
            12 | 82 => 65_536,                   // registers of a block and of a multiprocessor
            14 => 512,                           // alignment of textures
            15 | 31 | 41 => 1,                   // overlap, concurrent kernels, one address space
            16 => self.processors,               // multiprocessors
            38 => 40 << 20,                      // bytes of the second-level cache
            39 => self.threads,                  // threads of a multiprocessor
            40 => 3,                             // copy engines
            75 => self.capability / 10,
            76 => self.capability % 10,
            78..=80 => 1,      // priorities of streams, first-level caches
            81 => self.shared, // shared memory of a multiprocessor
            97 => self.shared_opt_in(),
            106 => self.blocks, // blocks of a multiprocessor
            111 => RESERVED,
            115 => 1, // allocations on a stream
            _ => 0,
        }
    }
}
