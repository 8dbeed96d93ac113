//! Integer, bit and float instructions against plain Rust.

#[allow(dead_code, reason = "shared by several tests")]
mod common;

use common::{Words, check, run};

#[test]
fn sums_and_products() {
    check(
        "add.s32 %r5, %r1, %r2; sub.s32 %r6, %r1, %r2; mul.lo.s32 %r7, %r1, %r2;
         mad.lo.s32 %r8, %r1, %r2, %r3;",
        |[a, b, c, _]| {
            [
                a.wrapping_add(b),
                a.wrapping_sub(b),
                a.wrapping_mul(b),
                a.wrapping_mul(b).wrapping_add(c),
            ]
        },
    );
    check(
        "mul.hi.s32 %r5, %r1, %r2; mul.hi.u32 %r6, %r1, %r2;
         mul.wide.s32 %d4, %r1, %r2; mov.b64 {%r7, %r8}, %d4;",
        |[a, b, ..]| {
            let signed = i64::from(a as i32) * i64::from(b as i32);
            let unsigned = u64::from(a) * u64::from(b);
            [
                (signed >> 32) as u32,
                (unsigned >> 32) as u32,
                signed as u32,
                (signed >> 32) as u32,
            ]
        },
    );
    check(
        "add.cc.u32 %r5, %r1, %r3; addc.u32 %r6, %r2, %r4;
         sub.cc.u32 %r7, %r1, %r3; subc.u32 %r8, %r2, %r4;",
        |[a, b, c, d]| {
            let (x, y) = (
                u64::from(a) | u64::from(b) << 32,
                u64::from(c) | u64::from(d) << 32,
            );
            let (sum, difference) = (x.wrapping_add(y), x.wrapping_sub(y));
            [
                sum as u32,
                (sum >> 32) as u32,
                difference as u32,
                (difference >> 32) as u32,
            ]
        },
    );
}

#[test]
fn quotients_and_extremes() {
    check(
        "or.b32 %r2, %r2, 1; div.s32 %r5, %r1, %r2; rem.s32 %r6, %r1, %r2;
         div.u32 %r7, %r1, %r2; rem.u32 %r8, %r1, %r2;",
        |[a, b, ..]| {
            let b = b | 1;
            [
                (a as i32).wrapping_div(b as i32) as u32,
                (a as i32).wrapping_rem(b as i32) as u32,
                a / b,
                a % b,
            ]
        },
    );
    check(
        "min.s32 %r5, %r1, %r2; max.u32 %r6, %r1, %r2; abs.s32 %r7, %r1; neg.s32 %r8, %r1;",
        |[a, b, ..]| {
            [
                (a as i32).min(b as i32) as u32,
                a.max(b),
                (a as i32).wrapping_abs() as u32,
                (a as i32).wrapping_neg() as u32,
            ]
        },
    );
    check(
        "sad.u32 %r5, %r1, %r2, %r3; dp4a.s32.s32 %r6, %r1, %r2, %r3;
         dp4a.u32.s32 %r7, %r1, %r2, %r3; dp2a.hi.s32.s32 %r8, %r1, %r2, %r3;",
        |[a, b, c, _]| {
            let (x, y) = (a.to_le_bytes(), b.to_le_bytes());
            let signed: i32 = (0..4)
                .map(|i| i32::from(x[i] as i8) * i32::from(y[i] as i8))
                .sum();
            let mixed: i32 = (0..4)
                .map(|i| i32::from(x[i]) * i32::from(y[i] as i8))
                .sum();
            let halves = [a as u16 as i16, (a >> 16) as u16 as i16].map(i32::from);
            let pair = halves[0] * i32::from(y[2] as i8) + halves[1] * i32::from(y[3] as i8);
            [
                a.abs_diff(b).wrapping_add(c),
                c.wrapping_add_signed(signed),
                c.wrapping_add_signed(mixed),
                c.wrapping_add_signed(pair),
            ]
        },
    );
}

#[test]
fn logic_and_shifts() {
    check(
        "lop3.b32 %r5, %r1, %r2, %r3, 0x1b; and.b32 %r6, %r1, %r2; not.b32 %r7, %r1;
         xor.b32 %r8, %r1, -8;",
        |[a, b, c, _]| {
            let mut out = 0;
            for bit in 0..32 {
                let entry = (a >> bit & 1) << 2 | (b >> bit & 1) << 1 | c >> bit & 1;
                out |= (0x1b >> entry & 1) << bit;
            }
            [out, a & b, !a, a ^ 0xffff_fff8]
        },
    );
    // Amounts beyond the width give zero, or the sign.
    check(
        "and.b32 %r2, %r2, 63; shl.b32 %r5, %r1, %r2; shr.u32 %r6, %r1, %r2; shr.s32 %r7, %r1, %r2;
         shr.s32 %r8, %r1, 40;",
        |[a, n, ..]| {
            let n = n & 63;
            let sign = ((a as i32) >> 31) as u32;
            [
                if n < 32 { a << n } else { 0 },
                if n < 32 { a >> n } else { 0 },
                if n < 32 {
                    ((a as i32) >> n) as u32
                } else {
                    sign
                },
                sign,
            ]
        },
    );
    check(
        "shf.l.wrap.b32 %r5, %r1, %r2, %r3; shf.r.wrap.b32 %r6, %r1, %r2, %r3;
         shf.l.clamp.b32 %r7, %r1, %r2, %r3; shf.r.clamp.b32 %r8, %r1, %r2, %r3;",
        |[low, high, n, _]| {
            let both = u64::from(low) | u64::from(high) << 32;
            let (wrap, clamp) = (n % 32, n.min(32));
            [
                ((both << wrap) >> 32) as u32,
                (both >> wrap) as u32,
                ((both << clamp) >> 32) as u32,
                (both >> clamp) as u32,
            ]
        },
    );
    check(
        "clz.b32 %r5, %r1; popc.b32 %r6, %r1; brev.b32 %r7, %r1; bfind.u32 %r8, %r1;",
        |[a, ..]| {
            let found = (0..32).rev().find(|bit| a >> bit & 1 == 1);
            [
                a.leading_zeros(),
                a.count_ones(),
                a.reverse_bits(),
                found.unwrap_or(u32::MAX),
            ]
        },
    );
}

/// The pseudocode of the ISA, bit by bit.
fn field(a: u32, position: u32, length: u32, signed: bool) -> u32 {
    let (position, length) = (position & 0xff, length & 0xff);
    let sign = if !signed || length == 0 {
        0
    } else {
        a >> (position + length - 1).min(31) & 1
    };
    (0..32).fold(0, |out, bit| {
        let inside = bit < length && position + bit <= 31;
        let value = if inside {
            a >> (position + bit) & 1
        } else {
            sign
        };
        out | value << bit
    })
}

#[test]
fn fields() {
    check(
        "and.b32 %r2, %r2, 0x3f; and.b32 %r3, %r3, 0x3f;
         bfe.u32 %r5, %r1, %r2, %r3; bfe.s32 %r6, %r1, %r2, %r3;
         bfi.b32 %r7, %r1, %r4, %r2, %r3; bfe.s32 %r8, %r1, 8, 8;",
        |[a, position, length, b]| {
            let (position, length) = (position & 63, length & 63);
            let inserted = (0..length).fold(b, |out, bit| {
                if position + bit > 31 {
                    return out;
                }
                let bit_of_a = if bit < 32 { a >> bit & 1 } else { 0 };
                out & !(1 << (position + bit)) | bit_of_a << (position + bit)
            });
            [
                field(a, position, length, false),
                field(a, position, length, true),
                inserted,
                i32::from((a >> 8) as u8 as i8) as u32,
            ]
        },
    );
}

/// `prmt` by the table of the ISA.
fn permuted(a: u32, b: u32, selector: u32) -> u32 {
    let bytes = [a.to_le_bytes(), b.to_le_bytes()].concat();
    let parts = [0, 1, 2, 3].map(|at| {
        let nibble = selector >> (4 * at) & 15;
        let byte = bytes[nibble as usize % 8];
        match nibble / 8 {
            0 => byte,
            _ if byte >= 128 => 255,
            _ => 0,
        }
    });
    u32::from_le_bytes(parts)
}

#[test]
fn permutations() {
    check(
        "prmt.b32 %r5, %r1, %r2, %r3; prmt.b32 %r6, %r1, %r2, 0x9c4d; prmt.b32 %r7, %r1, %r2, 0x5410;
         prmt.b32.f4e %r8, %r1, %r2, %r3;",
        |[a, b, c, _]| {
            [
                permuted(a, b, c),
                permuted(a, b, 0x9c4d),
                permuted(a, b, 0x5410),
                permuted(a, b, [0x3210, 0x4321, 0x5432, 0x6543][c as usize % 4]),
            ]
        },
    );
}

#[test]
fn conversions() {
    check(
        "cvt.u16.u32 %h1, %r1; cvt.s32.s16 %r5, %h1; cvt.u32.u16 %r6, %h1; cvt.s32.s8 %r7, %r1;
         cvt.u32.u8 %r8, %r1;",
        |[a, ..]| {
            [
                i32::from(a as i16) as u32,
                u32::from(a as u16),
                i32::from(a as i8) as u32,
                u32::from(a as u8),
            ]
        },
    );
    check(
        "cvt.sat.s8.s32 %r5, %r1; cvt.sat.u8.s32 %r6, %r1; cvt.sat.s16.s32 %r7, %r1;
         cvt.sat.u8.u32 %r8, %r1;",
        |[a, ..]| {
            let signed = a as i32;
            [
                signed.clamp(-128, 127) as u32,
                signed.clamp(0, 255) as u32,
                signed.clamp(-32768, 32767) as u32,
                a.min(255),
            ]
        },
    );
    check(
        "cvt.pack.sat.s8.s32.b32 %r5, %r1, %r2, %r3; cvt.pack.sat.u16.s32 %r6, %r1, %r2;
         cvt.s64.s32 %d4, %r1; mov.b64 {%r7, %r8}, %d4;",
        |[a, b, c, _]| {
            let byte = |x: u32| u32::from((x as i32).clamp(-128, 127) as u8);
            let half = |x: u32| (x as i32).clamp(0, 65535) as u32;
            [
                byte(b) | byte(a) << 8 | c << 16,
                half(b) | half(a) << 16,
                a,
                ((a as i32) >> 31) as u32,
            ]
        },
    );
}

#[test]
fn floats() {
    let input: Vec<Words> = (0..32)
        .map(|i| {
            let a = (i as f32 - 15.5) * 3.25;
            [a.to_bits(), (i as f32 + 0.5).to_bits(), 2.5f32.to_bits(), 0]
        })
        .collect();
    let found = run(
        32,
        "fma.rn.f32 %r5, %r1, %r2, %r3; div.rn.f32 %r6, %r1, %r2; cvt.rni.s32.f32 %r7, %r1;
         cvt.rzi.s32.f32 %r8, %r1;",
        &input,
    )
    .unwrap();
    for (found, [a, b, c, _]) in found.iter().zip(&input) {
        let [a, b, c] = [a, b, c].map(|bits| f32::from_bits(*bits));
        let expected = [
            a.mul_add(b, c).to_bits(),
            (a / b).to_bits(),
            a.round_ties_even() as i32 as u32,
            a as i32 as u32,
        ];
        assert_eq!(*found, expected, "{a} {b} {c}");
    }
}

#[test]
fn comparisons_and_selections() {
    check(
        "setp.lt.s32 %p1, %r1, %r2; setp.lo.u32 %p2|%p3, %r1, %r2; selp.b32 %r5, %r3, %r4, %p1;
         selp.b32 %r6, 1, 0, %p2; selp.b32 %r7, 1, 0, %p3;
         setp.ge.and.s32 %p4, %r3, 0, !%p1; selp.b32 %r8, 1, 0, %p4;",
        |[a, b, c, d]| {
            let less = (a as i32) < (b as i32);
            [
                if less { c } else { d },
                u32::from(a < b),
                u32::from(a >= b),
                u32::from(c as i32 >= 0 && !less),
            ]
        },
    );
    check(
        "setp.gt.s32 %p1, %r1, 0; setp.gt.s32 %p2, %r2, 0; and.pred %p3, %p1, %p2; not.pred %p4, %p3;
         @%p3 mov.u32 %r5, 7; @!%p3 mov.u32 %r6, 9; set.eq.u32.u32 %r7, %r1, %r2;
         slct.b32.s32 %r8, %r3, %r4, %r1;",
        |[a, b, c, d]| {
            let both = a as i32 > 0 && b as i32 > 0;
            [
                if both { 7 } else { 0 },
                if both { 0 } else { 9 },
                if a == b { u32::MAX } else { 0 },
                if a as i32 >= 0 { c } else { d },
            ]
        },
    );
}

#[test]
fn an_unknown_instruction_is_named() {
    let text = common::module("frobnicate.b32 %r5, %r1;");
    let error = intformer_cuda_emulator::Device::default()
        .load(&text)
        .unwrap_err();
    let line = text
        .lines()
        .position(|line| line.contains("frobnicate"))
        .unwrap()
        + 1;
    let expected = format!("line {line}: frobnicate.b32: ");
    assert!(error.contains(&expected), "{error}");
}
