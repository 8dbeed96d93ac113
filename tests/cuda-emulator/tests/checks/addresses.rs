//! Addresses, alignment, memory that nobody wrote or that must not change.

use intformer_cuda_emulator::{Device, Grid};

use super::{
    both,
    common::{clean, words},
};

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
    let module = device.load(&super::common::module(body)).unwrap();
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
