//! Every check finds what breaks it, and says nothing of the repaired twin.

#[allow(dead_code, reason = "shared by several tests")]
mod common;

use common::{clean, fault, run_blocks, words};
use intformer_cuda_emulator::{Device, Grid, Kind};

/// The fault of `broken` says `says`, and `repaired` has none.
fn both(threads: u32, says: &str, broken: &str, repaired: &str) {
    let message = fault(threads, broken);
    assert!(message.contains(says), "{message}");
    assert!(
        message.starts_with("kernel test, block (0, 0, 0)"),
        "{message}"
    );
    clean(threads, repaired);
}

#[test]
fn addresses_and_alignment() {
    both(
        32,
        "outside of any allocation",
        "ld.global.u32 %r5, [%d0+512];",
        "ld.global.u32 %r5, [%d0+508];",
    );
    both(
        32,
        "outside of any allocation",
        "st.global.u32 [%d0+-4], %r5;",
        "",
    );
    both(
        32,
        "shared memory, which has 4096 bytes",
        "st.shared.u32 [memory+4096], %r0;",
        "setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.u32 [memory+4092], %r0;",
    );
    both(
        32,
        "local memory, which has 64 bytes",
        "st.local.u32 [local+64], %r0;",
        "st.local.u32 [local+60], %r0;",
    );
    both(
        32,
        "not a multiple of its size",
        "ld.global.u32 %r5, [%d2+2];",
        "ld.global.u16 %r5, [%d2+2];",
    );
    both(
        32,
        "not a multiple of its size",
        "st.shared.v2.u32 [memory+4], {%r1, %r2};",
        "setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.v2.u32 [memory+8], {%r1, %r2};",
    );
}

#[test]
fn memory_that_nobody_wrote() {
    both(
        32,
        "has not written",
        "ld.shared.u32 %r5, [memory+16];",
        "st.shared.u32 [memory+16], 5; bar.sync 0; ld.shared.u32 %r5, [memory+16];",
    );
    // Three of the four bytes.
    both(
        1,
        "has not written",
        "st.shared.u16 [memory], 1; st.shared.u8 [memory+2], 1; ld.shared.u32 %r5, [memory];",
        "st.shared.u16 [memory], 1; st.shared.u16 [memory+2], 1; ld.shared.u32 %r5, [memory];",
    );
}

/// Each thread writes its word, and reads that of the thread `by` further.
fn exchange(by: u32, between: &str) -> String {
    format!(
        "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 4, %d4; st.shared.u32 [%d5], 0; bar.sync 0;
         st.shared.u32 [%d5], %r0; {between}
         mov.u32 %r9, %ntid.x; add.u32 %r10, %r0, {by}; rem.u32 %r10, %r10, %r9;
         mad.wide.u32 %d6, %r10, 4, %d4; ld.shared.u32 %r5, [%d6];"
    )
}

#[test]
fn races_between_warps() {
    both(
        64,
        "no barrier in between: a race",
        &exchange(32, ""),
        &exchange(32, "bar.sync 0;"),
    );
    // A barrier of the warp does not order two warps.
    both(
        64,
        "a race",
        &exchange(32, "bar.warp.sync -1;"),
        &exchange(32, "barrier.sync 0;"),
    );
    // Write after read.
    let again = |between: &str| {
        format!(
            "{} {between} setp.ge.u32 %p1, %r0, 32; @%p1 st.shared.u32 [%d5], %r2;",
            exchange(32, "bar.sync 0;")
        )
    };
    both(64, "that warp 0 read", &again(""), &again("bar.sync 0;"));
    // Write after write, of different values; each byte counts for itself.
    let write = |offset: u32| {
        format!(
            "mov.u64 %d4, memory; shr.u32 %r9, %r0, 5; mul.lo.u32 %r10, %r9, {offset};
             cvt.u64.u32 %d5, %r10; add.u64 %d6, %d4, %d5; and.b32 %r11, %r0, 31;
             setp.eq.u32 %p1, %r11, 0; @%p1 st.shared.u8 [%d6], %r9;"
        )
    };
    both(64, "wrote", &write(0), &write(1));
}

#[test]
fn races_inside_a_warp() {
    both(
        32,
        "no __syncwarp in between",
        &exchange(1, ""),
        &exchange(1, "bar.warp.sync -1;"),
    );
    // Two lanes, one word.
    both(
        32,
        "wrote",
        "st.shared.u32 [memory], %r0;",
        "setp.eq.u32 %p1, %r0, 3; @%p1 st.shared.u32 [memory], %r0;",
    );
    // The same value by all lanes does no harm.
    clean(64, "st.shared.u32 [memory], 7;");
}

#[test]
fn collectives_order_no_memory() {
    let good = exchange(1, "bar.warp.sync -1;");
    for collective in [
        "shfl.sync.bfly.b32 %r20, %r1, 1, 31, -1;",
        "vote.sync.ballot.b32 %r20, 1, -1;",
        "match.any.sync.b32 %r20, %r1, -1;",
        "redux.sync.add.s32 %r20, %r1, -1;",
        "mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%r20,%r21,%r22,%r23}, {%r1,%r2}, {%r3},
         {%r20,%r21,%r22,%r23};",
    ] {
        both(
            32,
            "no __syncwarp in between",
            &exchange(1, collective),
            &good,
        );
        // Write after read.
        let again = |between: &str| format!("{good} {between} st.shared.u32 [%d5], %r2;");
        both(
            32,
            "another lane of the warp read",
            &again(collective),
            &again("bar.warp.sync -1;"),
        );
    }
    // Between the halves of a warp, a barrier of each of them; then a barrier that does not wait.
    let halves = "shr.u32 %r20, %r0, 4; mov.u32 %r21, 0xffff; setp.eq.u32 %p1, %r20, 1;
                  @%p1 mov.u32 %r21, 0xffff0000; @%p1 bra upper; bar.warp.sync %r21; bra on;
                  upper: bar.warp.sync %r21; on: ";
    both(
        32,
        "no __syncwarp in between",
        &exchange(16, halves),
        &exchange(16, "bar.warp.sync -1;"),
    );
    clean(32, &exchange(0, halves));
    both(
        32,
        "no __syncwarp in between",
        &exchange(1, "bar.arrive 1, 64;"),
        &exchange(1, "bar.sync 1, 32;"),
    );
    // A barrier to which the lanes come one half after the other.
    let apart =
        "setp.lt.u32 %p1, %r0, 16; @%p1 bra low; barrier.sync 1; bra on; low: barrier.sync 1; on: ";
    clean(32, &exchange(16, apart));
}

/// Each lane writes a row of matrices that all lanes load.
fn rows(before: &str, after: &str) -> String {
    format!(
        "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 16, %d4;
         st.shared.v4.u32 [%d5], {{%r1, %r2, %r3, %r4}}; {before}
         ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{%r5, %r6, %r7, %r8}}, [%d5]; {after}"
    )
}

#[test]
fn matrix_loads_read_rows_of_other_lanes() {
    let shuffle = "shfl.sync.bfly.b32 %r20, %r1, 1, 31, -1;";
    for barrier in ["bar.warp.sync -1;", "bar.sync 0;"] {
        let good = rows(barrier, "");
        both(32, "no __syncwarp in between", &rows("", ""), &good);
        both(32, "no __syncwarp in between", &rows(shuffle, ""), &good);
        // The place of a row is another's only when the row has been read.
        let again = |between: &str| {
            rows(
                barrier,
                &format!("{between} st.shared.v4.u32 [%d5], {{%r4, %r3, %r2, %r1}};"),
            )
        };
        both(
            32,
            "another lane of the warp read",
            &again(shuffle),
            &again(barrier),
        );
    }
}

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

/// Copies of all threads, which then read what another one copied.
fn copy(wait: &str, by: u32) -> String {
    format!(
        "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 16, %d4;
         st.shared.v4.u32 [%d5], {{%r5, %r6, %r7, %r8}}; bar.sync 0;
         cp.async.ca.shared.global [%d5], [%d2], 16; cp.async.commit_group; {wait}
         mov.u32 %r9, %ntid.x; add.u32 %r10, %r0, {by}; rem.u32 %r10, %r10, %r9;
         mad.wide.u32 %d6, %r10, 16, %d4; ld.shared.u32 %r5, [%d6];"
    )
}

#[test]
fn copies_without_wait_or_barrier() {
    let good = copy("cp.async.wait_group 0; bar.sync 0;", 1);
    both(64, "may still be writing", &copy("", 0), &good);
    both(64, "may still be writing", &copy("bar.sync 0;", 1), &good);
    both(
        64,
        "may still be writing",
        &copy("cp.async.wait_group 1; bar.sync 0;", 1),
        &good,
    );
    both(
        64,
        "no __syncwarp in between",
        &copy("cp.async.wait_group 0;", 1),
        &good,
    );
    both(
        64,
        "a race",
        &copy("cp.async.wait_group 0; bar.warp.sync -1;", 33),
        &good,
    );
    // The wait must come before the barrier.
    both(
        64,
        "may still be writing",
        &copy("bar.sync 0; cp.async.wait_group 0;", 33),
        &good,
    );
    clean(64, &copy("cp.async.wait_group 0;", 0));
    // A copy into what another warp still reads.
    let prefetch = |between: &str| {
        format!(
            "{} {between} setp.ge.u32 %p1, %r0, 32;
             @%p1 cp.async.ca.shared.global [%d5], [%d2], 16; cp.async.wait_all;",
            copy("cp.async.wait_group 0; bar.sync 0;", 32)
        )
    };
    both(
        64,
        "that warp 0 read",
        &prefetch(""),
        &prefetch("bar.sync 0;"),
    );
}

#[test]
fn sources_of_copies_that_change() {
    // Where a thread's input lies, or `by` bytes further, something is written while it is copied.
    let write = |write: &str, wait: &str, by: u32| {
        format!(
            "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 16, %d4;
             cp.async.ca.shared.global [%d5], [%d2], 8; cp.async.commit_group; {wait}
             {write} [%d2+{by}], 1; cp.async.wait_all;"
        )
    };
    let store = "st.global.u32";
    let says = "that a cp.async (thread 0, line";
    let good = write(store, "cp.async.wait_group 0;", 4);
    both(1, says, &write(store, "", 4), &good);
    both(1, says, &write(store, "cp.async.wait_group 1;", 0), &good);
    both(1, says, &write("red.global.add.u32", "", 4), &good);
    clean(1, &write(store, "", 8));
    clean(1, &write("red.global.add.u32", "cp.async.wait_all;", 0));
    // By a thread of another warp.
    let other = |wait: &str| {
        format!(
            "mov.u64 %d4, memory; setp.eq.u32 %p1, %r0, 40;
             @%p1 cp.async.ca.shared.global [%d4], [%d0], 16; {wait} bar.sync 0;
             setp.eq.u32 %p2, %r0, 0; @%p2 st.global.u8 [%d0+15], 1; cp.async.wait_all;"
        )
    };
    both(
        64,
        "that a cp.async (thread 40, line",
        &other(""),
        &other("cp.async.wait_all;"),
    );
    // Of the 16 bytes only those that are read.
    let part = |read: u32| {
        format!(
            "mov.u64 %d4, memory; mov.u32 %r20, {read};
             cp.async.ca.shared.global [%d4], [%d0], 16, %r20; st.global.u32 [%d0+8], 1;"
        )
    };
    both(1, says, &part(9), &part(8));
    clean(1, &part(0));
}

#[test]
fn constant_memory_that_changes() {
    let says = "through .nc";
    for load in ["ld.global.nc.u32 %r20,", "ldu.global.u32 %r20,"] {
        // Before or after the read, whoever does it; the byte next to what is read is free.
        let read =
            |first: &str, offset: u32, then: &str| format!("{first} {load} [%d2+{offset}]; {then}");
        for write in ["st.global.u8 [%d2+8], 1;", "red.global.add.u32 [%d2+8], 1;"] {
            both(64, says, &read(write, 8, ""), &read(write, 12, ""));
            both(64, says, &read("", 8, write), &read("", 4, write));
        }
        let other = |lane: u32| {
            read(
                "",
                0,
                &format!(
                    "bar.sync 0; setp.eq.u32 %p1, %r0, {lane}; @%p1 st.global.u32 [%d0+512], 1;"
                ),
            )
        };
        both(64, says, &other(3), &other(64));
    }
    both(
        1,
        says,
        "ld.global.nc.u8 %r20, [%d0+5]; st.global.u8 [%d0+5], 1;",
        "ld.global.nc.u8 %r20, [%d0+5]; st.global.u8 [%d0+6], 1; st.global.u8 [%d0+4], 1;",
    );
    both(
        1,
        says,
        "st.global.v2.u32 [%d0], {%r1, %r2}; ld.global.nc.v4.u32 {%r20, %r21, %r22, %r23}, [%d0];",
        "st.global.v2.u32 [%d0], {%r1, %r2}; ld.global.nc.v2.u32 {%r20, %r21}, [%d0+8];",
    );
    clean(64, "ld.global.u32 %r20, [%d2]; st.global.u32 [%d2], 1;");
    // Another launch may write what this one reads.
    let device = Device::default();
    let input = words(64, 1);
    let body = "ld.global.nc.u32 %r20, [%d2];";
    let module = device.load(&common::module(body)).unwrap();
    let from = device.allocate(1024).unwrap();
    let to = device.allocate(1024).unwrap();
    let bytes: Vec<u8> = (input.iter().flatten().flat_map(|word| word.to_le_bytes())).collect();
    device.write(from, &bytes).unwrap();
    for (from, to) in [(from, to), (to, from), (from, to)] {
        let parameters = [from, to].map(u64::to_le_bytes).concat();
        let function = module.function("test").unwrap();
        device
            .launch(function, Grid::new(1, 64, 0), &parameters)
            .unwrap();
    }
    let same = [from, from].map(u64::to_le_bytes).concat();
    let function = module.function("test").unwrap();
    let fault = device
        .launch(function, Grid::new(1, 64, 0), &same)
        .unwrap_err();
    assert!(fault.message.contains(says), "{fault}");
}

#[test]
fn races_between_blocks() {
    let input = words(32, 1);
    let run = |check: bool, body: &str| {
        let grid = Grid::new(2, 32, 0);
        // The last instruction stores the same place in all blocks, which only block 0 may do.
        let body = format!("{body} mov.u32 %r9, %ctaid.x; setp.ne.u32 %p7, %r9, 0; @%p7 exit;");
        run_blocks(&Device::new(check), grid, &body, &input)
    };
    let write = "st.global.u32 [%d1], 1;";
    let atomic = "setp.ne.u32 %p1, %ctaid.x, 0; @%p1 red.global.add.u32 [%d0], 1;";
    assert!(run(false, write).is_ok());
    let fault = run(true, write).unwrap_err();
    assert!(
        fault.message.contains("of the same launch wrote"),
        "{fault}"
    );
    assert!(run(true, "").is_ok());
    let fault = run(true, atomic).unwrap_err();
    assert!(fault.message.contains("of the same launch read"), "{fault}");
}

#[test]
fn launches_that_do_not_fit() {
    let input = words(2048, 1);
    let large = Grid {
        threads: [41, 25, 1],
        ..Grid::new(1, 1, 0)
    };
    let fault = run_blocks(&Device::default(), large, "", &input).unwrap_err();
    assert_eq!(fault.kind, Kind::Configuration);
    assert!(
        fault.message.contains("up to 1024 threads, not 1025"),
        "{fault}"
    );
    run_blocks(&Device::default(), Grid::new(1, 1024, 0), "", &input).unwrap();
    // By axis: what is too much along one of them, and what is just not.
    let launch = |blocks: [u32; 3], threads: [u32; 3]| {
        let grid = Grid {
            blocks,
            threads,
            shared: 0,
        };
        run_blocks(&Device::default(), grid, "exit;", &input)
    };
    let one = [1; 3];
    let refused = [
        ("grid", [1 << 31, 1, 1], one),
        ("grid", [1, 65_536, 1], one),
        ("grid", [1, 1, 65_536], one),
        ("grid", [1, 0, 1], one),
        ("block", one, [1, 1, 65]),
        ("block", one, [1, 0, 1]),
        ("block", one, [1025, 1, 1]),
    ];
    for (what, blocks, threads) in refused {
        let fault = launch(blocks, threads).unwrap_err();
        assert_eq!(fault.kind, Kind::Configuration);
        let says = format!("kernel test: a {what} has from 1 to");
        assert!(fault.message.starts_with(&says), "{fault}");
    }
    for (blocks, threads) in [
        ([1, 65_535, 1], one),
        (one, [1, 16, 64]),
        (one, [1, 1024, 1]),
    ] {
        launch(blocks, threads).unwrap();
    }
}
