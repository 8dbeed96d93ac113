//! The product of four rows with eight columns, in registers, and the layouts that feed it.

use bytemuck::cast;
use wide::{i16x8, i32x4, u32x4};

/// Rows of a tile.
pub const ROWS: usize = 4;

/// Columns of a tile.
pub const COLS: usize = 8;

/// Elements of a row in a [`Left`] block, and of a column in a [`Right`] block.
pub const DEPTH: usize = 8;

/// Eight int16 of each of four rows, two to a word.
pub type Left = [[i32; DEPTH / 2]; ROWS];

/// Eight int16 of each of eight columns: for each pair, four columns and then the other four.
pub type Right = [[i16x8; 2]; DEPTH / 2];

/// The sums of four rows with eight columns.
pub type Tile = [[i32x4; 2]; ROWS];

/// `start` plus the products of the rows of `left` with the columns of `right`.
#[inline]
pub fn tile(left: &[Left], right: &[Right], start: [i32x4; 2]) -> Tile {
    let mut sums = [start; ROWS];
    for (left, right) in left.iter().zip(right) {
        for (pair, columns) in right.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(left) {
                let row: i16x8 = cast(i32x4::splat(row[pair]));
                sums[0] += row.dot(columns[0]);
                sums[1] += row.dot(columns[1]);
            }
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
    for (block, bytes) in left.iter_mut().zip(values.chunks_exact(DEPTH)) {
        block[row] = cast(widen(bytes));
    }
}

/// Sets the columns of `right`, each a multiple of eight long.
pub fn put_columns(right: &mut [Right], columns: [&[i8]; COLS]) {
    for (at, block) in right.iter_mut().enumerate() {
        for half in 0..2 {
            let columns: [u32x4; 4] = std::array::from_fn(|column| {
                cast(widen(&columns[4 * half + column][DEPTH * at..][..DEPTH]))
            });
            for (pair, columns) in u32x4::transpose(columns).into_iter().enumerate() {
                block[pair][half] = cast(columns);
            }
        }
    }
}
