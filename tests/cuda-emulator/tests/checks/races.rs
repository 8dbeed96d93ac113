//! Races between lanes, warps and blocks.

use intformer_cuda_emulator::{Device, Grid};

use super::{
    both,
    common::{clean, run_blocks, words},
};

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
