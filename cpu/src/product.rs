//! The product of four rows with eight columns, in registers, and the layouts that feed it: [`dots`] takes rows
//! and columns as they lie in memory, [`tile`] two elements of each at a time.

use bytemuck::cast;
use wide::{i8x16, i16x8, i16x16, i32x4, u16x8, u32x4, u64x2};

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

/// `sums` plus the products of the rows of `left` with the columns of `right`.
#[inline(always)]
pub fn tile(left: &[Left], right: &[Right], mut sums: Tile) -> Tile {
    for (left, right) in left.iter().zip(right) {
        let &[first, second] = right;
        for row in 0..ROWS {
            let pair: i16x8 = cast(i32x4::splat(left[row]));
            sums[row][0] += pair.dot(first);
            sums[row][1] += pair.dot(second);
        }
    }
    sums
}

/// `start` plus the products of four rows, one after the other, with columns of as many bytes.
#[inline(always)]
pub fn dots(rows: &[i16x8], columns: [&[i8]; COLS], start: [i32x4; 2]) -> Tile {
    let depth = rows.len() / ROWS;
    let rows: [&[i16x8]; ROWS] = std::array::from_fn(|row| &rows[row * depth..][..depth]);
    let columns = columns.map(|column| &column.as_chunks::<DEPTH>().0[..depth]);
    let [a, b, c, d, e, f, g, h] = columns;
    let (ab, cd) = (dots_of_two(rows, [a, b]), dots_of_two(rows, [c, d]));
    let (ef, gh) = (dots_of_two(rows, [e, f]), dots_of_two(rows, [g, h]));
    std::array::from_fn(|row| {
        [
            start[0] + add_halves(ab[row], cd[row]),
            start[1] + add_halves(ef[row], gh[row]),
        ]
    })
}

/// The products of four rows with two columns, each in two parts: first, second, first, second.
///
/// Four times two sums, two columns and a row fill the sixteen registers that x86 and WebAssembly's engines have.
#[inline(always)]
fn dots_of_two(rows: [&[i16x8]; ROWS], columns: [&[[i8; DEPTH]]; 2]) -> [i32x4; ROWS] {
    let mut sums = [[i32x4::ZERO; 2]; ROWS];
    for at in 0..rows[0].len() {
        let [first, second] = columns.map(|column| wide_eight(column[at]));
        for row in 0..ROWS {
            sums[row][0] += rows[row][at].dot(first);
            sums[row][1] += rows[row][at].dot(second);
        }
    }
    sums.map(|[first, second]| {
        let [low, high] = zip32(cast(first), cast(second)).map(cast::<_, i32x4>);
        low + high
    })
}

/// The sums of `ab`, which has two parts of two columns each, and of `cd`.
#[inline(always)]
fn add_halves(ab: i32x4, cd: i32x4) -> i32x4 {
    let [low, high] = zip64(cast(ab), cast(cd)).map(cast::<_, i32x4>);
    low + high
}

/// `bytes` as int16.
pub fn widen_row(row: &mut [i16x8], bytes: &[i8]) {
    for (wide, &bytes) in row.iter_mut().zip(bytes.as_chunks().0) {
        *wide = wide_eight(bytes);
    }
}

/// Eight bytes as int16, in one instruction where there is one: compilers do not find it by themselves.
#[inline(always)]
fn wide_eight(bytes: [i8; DEPTH]) -> i16x8 {
    #[cfg(target_feature = "simd128")]
    {
        use core::arch::wasm32::{i16x8_extend_low_i8x16, i64x2};
        cast(i16x8_extend_low_i8x16(i64x2(cast(bytes), 0)))
    }
    #[cfg(not(target_feature = "simd128"))]
    {
        let [low, _]: Right = widen_all(cast([bytes, [0; DEPTH]]));
        low
    }
}

/// Sets row `row` of `left` to `values`, a multiple of eight.
pub fn put_row(left: &mut [Left], row: usize, values: &[i8]) {
    let blocks = left.chunks_exact_mut(DEPTH / 2);
    for (block, &bytes) in blocks.zip(values.as_chunks().0) {
        put_eight(block, row, wide_eight(bytes).to_array());
    }
}

/// Sets row `row` of four pairs.
#[inline(always)]
pub fn put_eight(block: &mut [Left], row: usize, values: [i16; DEPTH]) {
    let pairs: [i32; DEPTH / 2] = cast(values);
    for (left, pair) in block.iter_mut().zip(pairs) {
        left[row] = pair;
    }
}

/// Elements of a column that [`put_columns`] turns at once.
pub const TURN: usize = 16;

/// Sets the columns of `right`; each has at least as many elements, rounded up to 16.
pub fn put_columns(right: &mut [Right], columns: [&[i8]; COLS]) {
    let (whole, part) = right.as_chunks_mut::<{ TURN / 2 }>();
    let chunks = columns.map(|column| column.as_chunks::<TURN>().0);
    let [a, b, c, d, e, f, g, h] = chunks.map(|chunks| &chunks[..whole.len()]);
    for (at, right) in whole.iter_mut().enumerate() {
        turn(
            [a[at], b[at], c[at], d[at], e[at], f[at], g[at], h[at]],
            right,
        );
    }
    if !part.is_empty() {
        let mut last = [Right::default(); TURN / 2];
        turn(chunks.map(|chunks| chunks[whole.len()]), &mut last);
        part.copy_from_slice(&last[..part.len()]);
    }
}

/// Eight pairs of bytes of eight columns, pair by pair.
#[inline(always)]
fn turn(columns: [[i8; TURN]; COLS], right: &mut [Right; TURN / 2]) {
    let [a, b, c, d, e, f, g, h] = columns;
    let (ab, cd) = (zip16(cast(a), cast(b)), zip16(cast(c), cast(d)));
    let (ef, gh) = (zip16(cast(e), cast(f)), zip16(cast(g), cast(h)));
    turn_half(ab[0], cd[0], ef[0], gh[0], &mut right[..4]);
    turn_half(ab[1], cd[1], ef[1], gh[1], &mut right[4..]);
}

/// Four pairs of two columns each, pair by pair.
#[inline(always)]
fn turn_half(ab: u32x4, cd: u32x4, ef: u32x4, gh: u32x4, right: &mut [Right]) {
    let (abcd, efgh) = (zip32(ab, cd), zip32(ef, gh));
    let (first, second) = (zip64(abcd[0], efgh[0]), zip64(abcd[1], efgh[1]));
    right[0] = widen_all(cast(first[0]));
    right[1] = widen_all(cast(first[1]));
    right[2] = widen_all(cast(second[0]));
    right[3] = widen_all(cast(second[1]));
}

/// Sixteen bytes as int16.
#[inline(always)]
fn widen_all(bytes: i8x16) -> Right {
    cast(i16x16::from_i8x16(bytes))
}

/// Two keys' pairs of sixteen channels.
#[inline(always)]
pub fn pair(a: [i8; TURN], b: [i8; TURN]) -> [Right; 2] {
    let low = [
        a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3], a[4], b[4], a[5], b[5], a[6], b[6], a[7],
        b[7],
    ];
    let high = [
        a[8], b[8], a[9], b[9], a[10], b[10], a[11], b[11], a[12], b[12], a[13], b[13], a[14],
        b[14], a[15], b[15],
    ];
    [widen_all(cast(low)), widen_all(cast(high))]
}

#[inline(always)]
fn zip16(a: u16x8, b: u16x8) -> [u32x4; 2] {
    let (a, b) = (a.to_array(), b.to_array());
    [
        cast([a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]),
        cast([a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]]),
    ]
}

#[inline(always)]
fn zip32(a: u32x4, b: u32x4) -> [u64x2; 2] {
    let (a, b) = (a.to_array(), b.to_array());
    [
        cast([a[0], b[0], a[1], b[1]]),
        cast([a[2], b[2], a[3], b[3]]),
    ]
}

#[inline(always)]
fn zip64(a: u64x2, b: u64x2) -> [u64x2; 2] {
    let (a, b) = (a.to_array(), b.to_array());
    [u64x2::new([a[0], b[0]]), u64x2::new([a[1], b[1]])]
}
