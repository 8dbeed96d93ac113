//! Barriers and instructions that need their threads.

use super::{
    both,
    common::{clean, fault},
};

#[test]
fn barriers_of_some_warps() {
    // Warps 0 and 1 meet at barrier 1, which does not order warp 2.
    let some = |warps: u32| {
        format!(
            "mov.u64 %d4, memory; shr.u32 %r9, %r0, 5; setp.eq.u32 %p1, %r0, 0;
             @%p1 st.shared.u32 [memory], 7; setp.lt.u32 %p2, %r9, {warps}; @!%p2 bra over;
             bar.sync 1, {};
             over: ld.shared.u32 %r5, [memory];",
            warps * 32
        )
    };
    both(96, "a race", &some(2), &some(3));
}

#[test]
fn barriers_that_nobody_leaves() {
    both(
        64,
        "waits for ever at barrier 0: 32 threads came of 64",
        "setp.lt.u32 %p1, %r0, 32; @%p1 bra over; bar.sync 0; over: ",
        "bar.sync 0;",
    );
    both(
        64,
        "32 have exited",
        "setp.lt.u32 %p1, %r0, 32; @%p1 exit; bar.sync 0;",
        "bar.sync 0; setp.lt.u32 %p1, %r0, 32; @%p1 exit;",
    );
    // Half a warp.
    both(
        32,
        "took another way",
        "setp.lt.u32 %p1, %r0, 16; @%p1 bra over; bar.sync 0; bra end; over: mov.u32 %r5, 1; end: ",
        "bar.sync 0;",
    );
}

#[test]
fn members_that_are_not_there() {
    both(
        32,
        "never come to it",
        "setp.lt.u32 %p1, %r0, 16; @%p1 shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;",
        "setp.lt.u32 %p1, %r0, 16; @%p1 shfl.sync.bfly.b32 %r5, %r1, 1, 31, 0xffff;",
    );
    both(
        32,
        "does not name the lane itself",
        "vote.sync.ballot.b32 %r5, 1, 0xffff;",
        "vote.sync.ballot.b32 %r5, 1, -1;",
    );
    both(
        32,
        "does not take part",
        "setp.lt.u32 %p1, %r0, 16; @%p1 shfl.sync.bfly.b32 %r5, %r1, 16, 31, 0xffff;",
        "shfl.sync.bfly.b32 %r5, %r1, 16, 31, -1;",
    );
    // Half a warp cannot multiply matrices.
    let mma = "mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%r5,%r6,%r7,%r8}, {%r1,%r2}, {%r3},
               {%r5,%r6,%r7,%r8};";
    clean(32, mma);
    assert!(fault(16, mma).contains("of which only the lanes"));
}

#[test]
fn aligned_instructions_of_parts_of_a_warp() {
    let mma = "mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%r5,%r6,%r7,%r8}, {%r1,%r2}, {%r3},
               {%r5,%r6,%r7,%r8};";
    let ldmatrix = "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r5}, [%d5];";
    let aligned = [
        mma,
        ldmatrix,
        "bar.sync 0;",
        "barrier.sync.aligned 0;",
        "bar.red.popc.u32 %r5, 0, %p1;",
        "bar.arrive 1, 64;",
    ];
    for op in aligned {
        let run = |body: &str| {
            format!(
                "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 16, %d4; and.b32 %r20, %r0, 3;
                 st.shared.v4.u32 [%d5], {{%r1, %r2, %r3, %r4}}; bar.sync 0;
                 setp.lt.u32 %p1, %r20, 2; mov.u32 %r21, 0; {body}"
            )
        };
        // Once for each side of a branch.
        both(
            32,
            "took another way",
            &run(&format!("@%p1 bra low; {op} bra on; low: {op} on: ")),
            &run(&format!(
                "@%p1 bra low; bra on; low: add.u32 %r21, %r21, 1; on: {op}"
            )),
        );
        // In a loop that some lanes leave sooner, and after it.
        let turn = "add.u32 %r21, %r21, 1; setp.le.u32 %p2, %r21, %r20; @%p2 bra again;";
        both(
            32,
            "took another way",
            &run(&format!("again: {op} {turn}")),
            &run(&format!("again: {turn} {op}")),
        );
        // In some cases of a table, and after all of them.
        let cases = |one: &str, after: &str| {
            run(&format!(
                "cases: .branchtargets zero, one, two, three; brx.idx %r20, cases;
                 zero: add.u32 %r21, %r21, 1; bra on; one: {one} bra on; two: bra on;
                 three: add.u32 %r21, %r21, 2; on: {after}"
            ))
        };
        both(32, "took another way", &cases(op, ""), &cases("", op));
        // Under a predicate, which may be true of all lanes or of none.
        let guarded = |lanes: u32| run(&format!("setp.lt.u32 %p2, %r0, {lanes}; @%p2 {op}"));
        both(
            32,
            "that the lanes 0xfffffff8 skip",
            &guarded(3),
            &guarded(32),
        );
        clean(32, &guarded(0));
        // The way of some lanes lies behind the place where they meet, in a loop, too.
        clean(
            32,
            &run(&format!(
                "@%p1 bra low; on: {op} add.u32 %r21, %r21, 1; setp.eq.u32 %p2, %r21, 3; @%p2 bra end;
                 @!%p1 bra on; low: add.u32 %r22, %r22, 1; bra on; end: "
            )),
        );
        // A loop that either side of a branch may leave: lanes that go round have not met the others.
        let leave = |inside: &str, after: &str| {
            run(&format!(
                "again: {inside} add.u32 %r21, %r21, 1; and.b32 %r22, %r21, 1; setp.eq.u32 %p2, %r22, 1;
                 setp.gt.u32 %p3, %r21, %r20; @%p2 bra odd; @%p3 bra out; bra again;
                 odd: @%p3 bra out; bra again; out: {after}"
            ))
        };
        both(32, "took another way", &leave(op, ""), &leave("", op));
        // Lanes that end are not missed.
        if op.starts_with("bar.arrive") {
            clean(
                32,
                &run(&format!("@%p1 bra over; bra on; over: exit; on: {op}")),
            );
        }
    }
    // Other barriers and collectives take what comes.
    clean(
        32,
        "setp.lt.u32 %p1, %r0, 16; @%p1 bra low; barrier.sync 0; bra on; low: barrier.sync 0; on: ",
    );
}
