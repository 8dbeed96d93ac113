//! `ldmatrix` and the integer `mma.sync`, by the fragment layouts of the PTX ISA: lane `4g + t` holds
//! row `g` (and `g + 8`) of A from column `4t`, column `g` of B from row `4t`, and of C and D the
//! columns `2t` and `2t + 1` of rows `g` and `g + 8`.

use wide::{i16x8, i32x4};

use super::access::shared_race;
use super::block::Context;
use super::warp::{ALL, Warp};
use super::{Step, Trap};
use crate::program::{LANES, Matrices, Product};

impl Context<'_> {
    /// `ldmatrix`, which all lanes of the warp must execute together.
    pub(super) fn matrices(&mut self, warp: &mut Warp, load: &Matrices, line: u32) -> Step<()> {
        let mut out = [[0; LANES]; 4];
        let mut offsets = [0; LANES];
        let rows = load.registers.len() * 8;
        for row in 0..rows {
            let lane = row as u32;
            let offset = self.shared_offset(warp, load.address, lane, 16)?;
            // Four lanes load each row, whichever gives its address, and they need not wait for the others.
            let who = self.barriers.all(warp, ALL, line);
            self.shadow
                .read(offset, 16, &who)
                .map_err(|e| shared_race(lane, offset, &e))?;
            offsets[row] = offset;
            let bytes = &self.shared[offset as usize..offset as usize + 16];
            let matrix = &mut out[row / 8];
            if load.transposed {
                for (column, pair) in bytes.chunks_exact(2).enumerate() {
                    let value = u32::from(u16::from_le_bytes([pair[0], pair[1]]));
                    // Row `r` becomes the column that lanes with `t = r / 2` hold.
                    matrix[4 * column + row % 8 / 2] |= value << (16 * (row % 2));
                }
            } else {
                for (at, word) in bytes.chunks_exact(4).enumerate() {
                    let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                    matrix[row % 8 * 4 + at] = word;
                }
            }
        }
        self.count_shared(&offsets[..rows], 16);
        for (register, matrix) in load.registers.iter().zip(&out) {
            warp.words[*register as usize] = *matrix;
        }
        Ok(())
    }

    /// `mma.sync`, which all lanes of the warp must execute together.
    pub(super) fn product(&mut self, warp: &mut Warp, product: &Product) {
        let registers = |list: &[u32]| -> [[u32; LANES]; 4] {
            std::array::from_fn(|at| match list.get(at) {
                Some(register) => warp.words[*register as usize],
                None => [0; LANES],
            })
        };
        let (a, b) = (registers(&product.a), registers(&product.b));
        let c = registers(&product.c);
        let depth = product.b.len();
        let mut columns = [[[i16x8::default(); 2]; 2]; 8];
        for at in 0..depth * 4 {
            let (register, t) = (&b[at / 4], at % 4);
            let words: [u32; 8] = std::array::from_fn(|g| register[4 * g + t]);
            columns[at] = widen(words, product.b_signed).map(bytemuck::cast);
        }
        let mut sums = [[0; 8]; 16];
        for (half, registers) in a.chunks_exact(2).take(depth).enumerate() {
            for (upper, register) in registers.iter().enumerate() {
                let pairs = widen(*register, product.a_signed);
                for (g, sums) in sums[8 * upper..][..8].iter_mut().enumerate() {
                    let row = pairs.map(|pairs| std::array::from_fn(|t| pairs[4 * g + t]));
                    multiply(sums, &row, &columns[4 * half..][..4]);
                }
            }
        }
        for (at, d) in product.d.iter().enumerate() {
            let out: [u32; LANES] = std::array::from_fn(|lane| {
                let sum = sums[lane / 4 + 8 * (at / 2)][2 * (lane % 4) + at % 2];
                if product.saturate {
                    (c[at][lane] as i32).saturating_add(sum) as u32
                } else {
                    c[at][lane].wrapping_add_signed(sum)
                }
            });
            warp.words[*d as usize] = out;
        }
    }

    /// Whether all 32 lanes are there for an `.aligned` instruction. It is a fault if some have exited.
    pub(super) fn whole(&mut self, warp: &mut Warp, lanes: u32) -> Step<bool> {
        if warp.live != u32::MAX {
            let message = format!(
                "an instruction of the whole warp, of which only the lanes {:#010x} live",
                warp.live
            );
            return Err(Trap::check(lanes.trailing_zeros(), message));
        }
        self.aligned(warp, lanes)
    }
}

/// The bytes of each word as two pairs of 16 bits: those at even and those at odd places.
fn widen<const N: usize>(words: [u32; N], signed: bool) -> [[u32; N]; 2] {
    let extend = |word: u32| {
        let bytes = word & 0x00ff_00ff;
        if signed {
            // The difference is 0xff00 above each byte that has its sign set.
            let signs = bytes & 0x0080_0080;
            bytes | (signs << 9).wrapping_sub(signs << 1)
        } else {
            bytes
        }
    };
    [words.map(extend), words.map(|word| extend(word >> 8))]
}

/// Adds 16 columns of a row of A times 16 rows of B. Sums of 32 products of bytes cannot overflow.
fn multiply(sums: &mut [i32; 8], row: &[[u32; 4]; 2], columns: &[[[i16x8; 2]; 2]]) {
    let [mut low, mut high]: [i32x4; 2] = bytemuck::cast(*sums);
    for (t, columns) in columns.iter().enumerate() {
        for (pairs, columns) in row.iter().zip(columns) {
            let pair: i16x8 = bytemuck::cast([pairs[t]; 4]);
            low += pair.dot(columns[0]);
            high += pair.dot(columns[1]);
        }
    }
    *sums = bytemuck::cast([low, high]);
}
