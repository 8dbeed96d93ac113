//! Divergence, shuffles, votes and reductions.

#[allow(dead_code, reason = "shared by several tests")]
mod common;

use common::{Words, run, words};

/// Runs `body` in a warp and compares with `expected` of all words and the lane.
fn check(body: &str, expected: impl Fn(&[Words], usize) -> Words) {
    for seed in 0..10 {
        let input = words(32, seed);
        let found = run(32, body, &input).unwrap();
        for (lane, found) in found.iter().enumerate() {
            assert_eq!(*found, expected(&input, lane), "lane {lane}: {body}");
        }
    }
}

#[test]
fn shuffles() {
    check(
        "shfl.sync.bfly.b32 %r5, %r1, 4, 31, -1; shfl.sync.up.b32 %r6, %r1, 3, 0, -1;
         shfl.sync.down.b32 %r7|%p1, %r1, 5, 31, -1; selp.b32 %r8, 1, 0, %p1;",
        |input, lane| {
            [
                input[lane ^ 4][0],
                input[lane.checked_sub(3).unwrap_or(lane)][0],
                input[if lane + 5 < 32 { lane + 5 } else { lane }][0],
                u32::from(lane + 5 < 32),
            ]
        },
    );
    // In groups of 8 lanes: the clamp is 31 and the mask of the group 24, or for `up` the clamp is 0.
    check(
        "and.b32 %r9, %r1, 7; shfl.sync.idx.b32 %r5, %r2, %r9, 0x181f, -1;
         shfl.sync.up.b32 %r6, %r2, 2, 0x1800, -1; shfl.sync.bfly.b32 %r7, %r2, 8, 0x181f, -1;",
        |input, lane| {
            let group = lane / 8 * 8;
            let up = if lane % 8 >= 2 { lane - 2 } else { lane };
            let across = if lane ^ 8 < group + 8 { lane ^ 8 } else { lane };
            [
                input[group + input[lane][0] as usize % 8][1],
                input[up][1],
                input[across][1],
                0,
            ]
        },
    );
}

#[test]
fn reductions_and_votes() {
    check(
        "redux.sync.add.s32 %r5, %r1, -1; redux.sync.max.s32 %r6, %r1, -1;
         redux.sync.min.u32 %r7, %r1, -1; redux.sync.xor.b32 %r8, %r1, -1;",
        |input, _| {
            let all = || input.iter().map(|words| words[0]);
            [
                all().fold(0, u32::wrapping_add),
                all().map(|a| a as i32).max().unwrap() as u32,
                all().min().unwrap(),
                all().fold(0, |a, b| a ^ b),
            ]
        },
    );
    check(
        "setp.gt.s32 %p1, %r1, 100; vote.sync.ballot.b32 %r5, %p1, -1; vote.sync.any.pred %p2, %p1, -1;
         vote.sync.all.pred %p3, !%p1, -1; selp.b32 %r6, 1, 0, %p2; selp.b32 %r7, 1, 0, %p3;
         and.b32 %r9, %r2, 3; match.any.sync.b32 %r8, %r9, -1;",
        |input, lane| {
            let mask = |f: &dyn Fn(&Words) -> bool| {
                let bits = input.iter().enumerate();
                bits.fold(0u32, |mask, (at, words)| mask | u32::from(f(words)) << at)
            };
            let more = mask(&|words| words[0] as i32 > 100);
            [
                more,
                u32::from(more != 0),
                u32::from(more == 0),
                mask(&|words| words[1] % 4 == input[lane][1] % 4),
            ]
        },
    );
}

#[test]
fn lanes_part_and_come_together() {
    // Loops of different lengths, then a shuffle that needs all lanes.
    check(
        "and.b32 %r9, %r0, 7; mov.u32 %r10, 0;
         loop: setp.ge.u32 %p1, %r10, %r9; @%p1 bra done;
         add.u32 %r5, %r5, %r1; add.u32 %r10, %r10, 1; bra loop;
         done: shfl.sync.bfly.b32 %r6, %r5, 1, 31, -1; activemask.b32 %r7;",
        |input, lane| {
            let sum = |lane: usize| input[lane][0].wrapping_mul(lane as u32 % 8);
            [sum(lane), sum(lane ^ 1), u32::MAX, 0]
        },
    );
    // Either side of a branch, one of them in an inner branch.
    check(
        "and.b32 %r9, %r0, 3; setp.lt.u32 %p1, %r9, 2; @%p1 bra low;
         setp.eq.u32 %p2, %r9, 3; @!%p2 bra two; mov.u32 %r5, 33; activemask.b32 %r6; bra end;
         two: mov.u32 %r5, 22; activemask.b32 %r6; bra end;
         low: mov.u32 %r5, 11; activemask.b32 %r6;
         end: activemask.b32 %r7;",
        |_, lane| {
            let (value, mask) = match lane % 4 {
                0 | 1 => (11, 0x3333_3333),
                2 => (22, 0x4444_4444),
                _ => (33, 0x8888_8888),
            };
            [value, mask, u32::MAX, 0]
        },
    );
}

#[test]
fn a_branch_backwards_waits_for_lanes_that_come_round() {
    // The odd lanes take a way behind the loop before they come to the shuffle in it.
    check(
        "and.b32 %r9, %r0, 1; setp.eq.u32 %p1, %r9, 1; @%p1 bra odd;
         head: shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1; bra end;
         odd: mov.u32 %r6, 5; bra head;
         end: add.u32 %r7, %r6, 1;",
        |input, lane| {
            let odd = lane as u32 % 2 * 5;
            [input[lane ^ 1][0], odd, odd + 1, 0]
        },
    );
}

#[test]
fn tables_of_branches_and_scopes() {
    check(
        "and.b32 %r9, %r1, 3; setp.gt.u32 %p1, %r9, 2; @%p1 bra other;
         targets: .branchtargets zero, one, two;
         brx.idx %r9, targets;
         zero: mov.u32 %r5, 100; bra end;
         one: mov.u32 %r5, 101; bra end;
         two: mov.u32 %r5, 102; bra end;
         other: mov.u32 %r5, 109;
         end: { .reg .b32 t; mov.u32 t, 7; add.u32 %r6, t, %r5; }
         { .reg .b64 t; cvta.const.u64 %d4, table; mad.wide.u32 t, %r9, 4, %d4; ld.u32 %r7, [t]; }",
        |input, lane| {
            let which = input[lane][0] % 4;
            let value = if which == 3 { 109 } else { 100 + which };
            [value, value + 7, 10 * (which + 1), 0]
        },
    );
}
