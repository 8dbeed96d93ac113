//! Matrix loads and products against plain loops, by the fragment layouts of the PTX ISA.

#[allow(dead_code, reason = "shared by several tests")]
mod common;

use common::{Words, run, words};

/// Byte `k` of row `row` of A as lane registers hold it: depth 16 or 32.
fn a_byte(input: &[Words], row: usize, k: usize) -> u8 {
    let register = row / 8 + 2 * (k / 16);
    let lane = row % 8 * 4 + k % 16 / 4;
    input[lane][register].to_le_bytes()[k % 4]
}

/// Byte `k` of column `column` of B.
fn b_byte(input: &[Words], k: usize, column: usize) -> u8 {
    let lane = column * 4 + k % 16 / 4;
    input[lane][k / 16].to_le_bytes()[k % 4]
}

fn number(byte: u8, signed: bool) -> i64 {
    if signed {
        i64::from(byte as i8)
    } else {
        i64::from(byte)
    }
}

fn product(types: (bool, bool), depth: usize, saturate: bool) {
    let name = |signed: bool| if signed { "s8" } else { "u8" };
    let (a, b) = match depth {
        32 => ("{%r1, %r2, %r3, %r4}", "{%r20, %r21}"),
        _ => ("{%r1, %r2}", "{%r20}"),
    };
    let flag = if saturate { "satfinite." } else { "" };
    // B and C are other inputs: the words turned by 7 bits, and the words themselves.
    let body = format!(
        "shf.l.wrap.b32 %r20, %r3, %r3, 7; shf.l.wrap.b32 %r21, %r4, %r4, 7;
         mma.sync.aligned.m16n8k{depth}.row.col.{flag}s32.{}.{}.s32
         {{%r5, %r6, %r7, %r8}}, {a}, {b}, {{%r1, %r2, %r3, %r4}};",
        name(types.0),
        name(types.1)
    );
    for seed in 0..20 {
        let input = words(32, seed);
        let found = run(32, &body, &input).unwrap();
        let turned: Vec<Words> = input
            .iter()
            .map(|words| [words[2].rotate_left(7), words[3].rotate_left(7), 0, 0])
            .collect();
        for row in 0..16 {
            for column in 0..8 {
                let (lane, register) = (row % 8 * 4 + column / 2, row / 8 * 2 + column % 2);
                let sum: i64 = (0..depth)
                    .map(|k| {
                        number(a_byte(&input, row, k), types.0)
                            * number(b_byte(&turned, k, column), types.1)
                    })
                    .sum();
                let sum = sum + i64::from(input[lane][register] as i32);
                let expected = if saturate {
                    sum.clamp(i32::MIN.into(), i32::MAX.into()) as u32
                } else {
                    sum as u32
                };
                assert_eq!(
                    found[lane][register], expected,
                    "row {row} column {column}: {body}"
                );
            }
        }
    }
}

#[test]
fn products_of_all_types() {
    for types in [(true, true), (true, false), (false, true), (false, false)] {
        for depth in [16, 32] {
            product(types, depth, false);
            product(types, depth, true);
        }
    }
}

/// Each thread puts its words into a row of shared memory, of which matrices are loaded.
fn load(transposed: bool) {
    let flag = if transposed { ".trans" } else { "" };
    let body = format!(
        "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 16, %d4;
         st.shared.v4.u32 [%d5], {{%r1, %r2, %r3, %r4}}; bar.sync 0;
         xor.b32 %r9, %r0, 5; mad.wide.u32 %d6, %r9, 16, %d4; cvt.u32.u64 %r10, %d6;
         ldmatrix.sync.aligned.m8n8.x4{flag}.shared.b16 {{%r5, %r6, %r7, %r8}}, [%r10];"
    );
    let input = words(32, 3);
    let found = run(32, &body, &input).unwrap();
    // Matrix `m` has its row `r` at the address of lane `8 m + r`, which is that of another row here.
    let half = |matrix: usize, row: usize, column: usize| {
        let words = input[(8 * matrix + row) ^ 5];
        (words[column / 2] >> (16 * (column % 2))) & 0xffff
    };
    for (lane, found) in found.iter().enumerate() {
        for (matrix, found) in found.iter().enumerate() {
            let (row, column) = (lane / 4, lane % 4 * 2);
            let expected = if transposed {
                half(matrix, column, row) | half(matrix, column + 1, row) << 16
            } else {
                half(matrix, row, column) | half(matrix, row, column + 1) << 16
            };
            assert_eq!(*found, expected, "lane {lane} matrix {matrix}");
        }
    }
}

#[test]
fn matrices_and_their_transposes() {
    load(false);
    load(true);
}
