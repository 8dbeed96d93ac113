//! Loads, stores, atomics, asynchronous copies, and what the statistics say of them.

#[allow(dead_code, reason = "shared by several tests")]
mod common;

use common::{check, module, run, words};
use intformer_cuda_emulator::{Device, Grid};

#[test]
fn narrow_and_wide_elements() {
    check(
        "ld.global.s8 %r5, [%d2+1]; ld.global.u16 %r6, [%d2+6]; ld.global.s16 %h1, [%d2+8];
         cvt.s32.s16 %r7, %h1; ld.global.u64 %d4, [%d2+8]; shr.u64 %d4, %d4, 20; cvt.u32.u64 %r8, %d4;",
        |[a, b, c, d]| {
            let long = u64::from(c) | u64::from(d) << 32;
            [
                i32::from((a >> 8) as i8) as u32,
                b >> 16,
                i32::from(c as i16) as u32,
                (long >> 20) as u32,
            ]
        },
    );
    check(
        "mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 8, %d4; st.shared.u8 [%d5], %r1;
         st.shared.u8 [%d5+1], %r2; st.shared.u16 [%d5+2], %r3; ld.shared.u32 %r5, [%d5];
         cvta.shared.u64 %d6, %d5; ld.u16 %r6, [%d6+2]; mov.u64 %d7, local; st.local.u32 [%d7+8], %r4;
         cvta.local.u64 %d8, %d7; ld.u32 %r7, [%d8+8]; ld.const.u32 %r8, [table+8];",
        |[a, b, c, d]| {
            [
                a & 0xff | (b & 0xff) << 8 | c << 16,
                c & 0xffff,
                d,
                30,
            ]
        },
    );
}

#[test]
fn atomics_of_all_lanes() {
    let body = "
        mov.u64 %d4, memory; setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.v2.u32 [%d4], {%r5, %r6};
        bar.sync 0; atom.shared.add.u32 %r9, [%d4], %r1; red.shared.max.u32 [%d4+4], %r2; bar.sync 0;
        ld.shared.v2.u32 {%r5, %r6}, [%d4]; red.global.add.u32 [%d1+12], 1; atom.global.cas.b32 %r10, [%d1+8], -842150451, 77;
        bar.sync 0; ld.global.v2.u32 {%r7, %r8}, [%d1+8]; sub.u32 %r8, %r8, 0xcdcdcdcd;";
    let input = words(64, 2);
    let found = run(64, body, &input).unwrap();
    let sum = input
        .iter()
        .fold(0, |sum: u32, words| sum.wrapping_add(words[0]));
    let most = input.iter().map(|words| words[1]).max().unwrap();
    assert_eq!(found[5], [sum, most, 77, 64]);
}

/// Copies a thread's words to shared memory; 5 bytes of the last four are read, the rest is zero.
const COPY: &str = "
    mov.u64 %d4, memory; mad.wide.u32 %d5, %r0, 32, %d4; cvt.u32.u64 %r9, %d5;
    mov.u32 %r20, 0; st.shared.v4.u32 [%r9], {%r20, %r20, %r20, %r20};
    st.shared.v4.u32 [%r9+16], {%r20, %r20, %r20, %r20};
    cp.async.cg.shared.global.L2::128B [%r9], [%d2], 16; cp.async.commit_group;
    mov.u32 %r10, 5; cp.async.ca.shared.global [%r9+16], [%d2], 8, %r10; cp.async.commit_group;";

#[test]
fn copies_come_with_the_wait() {
    check(
        &format!(
            "{COPY} cp.async.wait_group 0; ld.shared.v2.u32 {{%r5, %r6}}, [%r9+8];
             ld.shared.v2.u32 {{%r7, %r8}}, [%r9+16];"
        ),
        |[a, b, c, d]| [c, d, a, b & 0xff],
    );
    // The first group only.
    check(
        &format!("{COPY} cp.async.wait_group 1; ld.shared.v2.u32 {{%r5, %r6}}, [%r9];"),
        |[a, b, ..]| [a, b, 0, 0],
    );
    check(
        &format!("{COPY} cp.async.wait_all; ld.shared.v2.u32 {{%r5, %r6}}, [%r9+16];"),
        |[a, b, ..]| [a, b & 0xff, 0, 0],
    );
}

#[test]
fn dynamic_shared_memory_has_the_requested_size() {
    let device = Device::default();
    let body = "mov.u64 %d4, dynamic; mad.wide.u32 %d5, %r0, 4, %d4; st.shared.u32 [%d5+64], %r1;
                ld.shared.u32 %r5, [%d5+64];";
    let input = words(32, 1);
    let grid = |shared| Grid::new(1, 32, shared);
    let found = common::run_blocks(&device, grid(192), body, &input).unwrap();
    assert!((0..32).all(|lane| found[lane][0] == input[lane][0]));
    let fault = common::run_blocks(&device, grid(188), body, &input).unwrap_err();
    assert!(fault.message.contains("thread (31, 0, 0)"), "{fault}");
}

/// The statistics of one warp that runs `body`.
fn statistics(body: &str) -> intformer_cuda_emulator::Statistics {
    let device = Device::default();
    let baseline = device.load(&module("")).unwrap();
    let module = device.load(&module(body)).unwrap();
    let from = device.allocate(64 * 1024).unwrap();
    let parameters = [from, from].map(u64::to_le_bytes).concat();
    let grid = Grid::new(1, 32, 0);
    let run = |module: &intformer_cuda_emulator::Module| {
        let function = module.function("test").unwrap();
        device.launch(function, grid, &parameters).unwrap()
    };
    let (without, mut with) = (run(&baseline), run(&module));
    with.sectors -= without.sectors;
    with.global_bytes -= without.global_bytes;
    with.shared_accesses -= without.shared_accesses;
    with.bank_conflicts -= without.bank_conflicts;
    with.integer -= without.integer;
    with
}

#[test]
fn sectors_and_bank_conflicts_are_counted() {
    let global = |stride: u32, access: &str| {
        let body = format!("mad.wide.u32 %d4, %r0, {stride}, %d0; {access}");
        let found = statistics(&body);
        (found.sectors, found.global_bytes)
    };
    assert_eq!(global(4, "ld.global.u32 %r5, [%d4];"), (4, 128));
    assert_eq!(
        global(16, "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%d4];"),
        (16, 512)
    );
    assert_eq!(global(128, "ld.global.u32 %r5, [%d4];"), (32, 128));
    assert_eq!(global(0, "ld.global.u32 %r5, [%d4];"), (1, 128));
    let shared = |stride: u32, access: &str| {
        let body = format!("mov.u64 %d5, memory; mad.wide.u32 %d4, %r0, {stride}, %d5; {access}");
        statistics(&body).bank_conflicts
    };
    assert_eq!(shared(4, "st.shared.u32 [%d4], %r1;"), 0);
    assert_eq!(shared(8, "st.shared.u32 [%d4], %r1;"), 1);
    assert_eq!(shared(128, "st.shared.u32 [%d4], %r1;"), 31);
    assert_eq!(
        shared(16, "st.shared.v4.u32 [%d4], {%r1, %r2, %r3, %r4};"),
        0
    );
    assert_eq!(
        shared(32, "st.shared.v4.u32 [%d4], {%r1, %r2, %r3, %r4};"),
        4
    );
    assert_eq!(
        shared(128, "st.shared.v4.u32 [%d4], {%r1, %r2, %r3, %r4};"),
        28
    );
}
