//! The product of four rows with eight columns, in registers, and the layouts that feed it.

use bytemuck::cast;
use wide::{i16x8, i32x4, u32x4};

/// Rows of a tile.
pub const ROWS: usize = 4;

/// Columns of a tile.
pub const COLS: usize = 8;

/// Elements of a row or a column that are widened at once.
pub const DEPTH: usize = 8;

/// Two int16 of each of four rows.
pub type Left = [i32; ROWS];

/// Two int16 of each of eight columns.
pub type Right = [i16x8; 2];

/// The sums of four rows with eight columns.
pub type Tile = [[i32x4; 2]; ROWS];

/// `start` plus the products of the rows of `left` with the columns of `right`.
#[inline]
pub fn tile(left: &[Left], right: &[Right], start: [i32x4; 2]) -> Tile {
    let mut sums = [start; ROWS];
    for (left, right) in left.iter().zip(right) {
        for (sums, &row) in sums.iter_mut().zip(left) {
            let row: i16x8 = cast(i32x4::splat(row));
            sums[0] += row.dot(right[0]);
            sums[1] += row.dot(right[1]);
        }
    }
    sums
}

/// Eight bytes as int16.
#[inline]
fn widen(bytes: &[i8]) -> [i16; DEPTH] {
    let bytes: &[i8; DEPTH] = bytes.try_into().expect("eight bytes");
    bytes.map(i16::from)
}

/// Sets row `row` of `left` to `values`, a multiple of eight.
pub fn put_row(left: &mut [Left], row: usize, values: &[i8]) {
    let blocks = left.chunks_exact_mut(DEPTH / 2);
    for (block, bytes) in blocks.zip(values.chunks_exact(DEPTH)) {
        put_eight(block, row, widen(bytes));
    }
}

/// Sets row `row` of four pairs.
#[inline]
pub fn put_eight(block: &mut [Left], row: usize, values: [i16; DEPTH]) {
    let pairs: [i32; DEPTH / 2] = cast(values);
    for (left, pair) in block.iter_mut().zip(pairs) {
        left[row] = pair;
    }
}

/// Sets the columns of `right`, each a multiple of eight long.
pub fn put_columns(right: &mut [Right], columns: [&[i8]; COLS]) {
    for (at, block) in right.chunks_exact_mut(DEPTH / 2).enumerate() {
        for half in 0..2 {
            let columns: [u32x4; 4] = std::array::from_fn(|column| {
                cast(widen(&columns[4 * half + column][DEPTH * at..][..DEPTH]))
            });
            for (right, columns) in block.iter_mut().zip(u32x4::transpose(columns)) {
                right[half] = cast(columns);
            }
        }
    }
}
