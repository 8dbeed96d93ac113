//! Asynchronous copies.

use super::{both, common::clean};

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
