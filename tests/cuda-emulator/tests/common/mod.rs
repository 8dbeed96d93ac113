//! Runs a few PTX instructions on four words for each thread.

use intformer_cuda_emulator::{Device, Fault, Grid};

/// The words of a thread.
pub type Words = [u32; 4];

/// Runs `body` in one block of `threads`: it finds its thread in `%r0` and its words in `%r1` to `%r4`,
/// and leaves its result in `%r5` to `%r8`, which are zero. The input is at `%d0`, the output at `%d1`,
/// 16 bytes of each thread at `%d2` and `%d3`; `memory` is 4 KiB of shared memory.
pub fn run(threads: u32, body: &str, input: &[Words]) -> Result<Vec<Words>, Fault> {
    run_blocks(&Device::default(), Grid::new(1, threads, 0), body, input)
}

/// The same of several blocks, which all have the same input and output.
pub fn run_blocks(
    device: &Device,
    grid: Grid,
    body: &str,
    input: &[Words],
) -> Result<Vec<Words>, Fault> {
    let module = device.load(&module(body)).unwrap();
    let bytes: Vec<u8> = (input.iter().flatten().flat_map(|word| word.to_le_bytes())).collect();
    let threads = grid.threads[0] as usize;
    let from = device.allocate(bytes.len().max(16) as u64).unwrap();
    let to = device.allocate(threads as u64 * 16).unwrap();
    device.write(from, &bytes).unwrap();
    let parameters = [from, to].map(u64::to_le_bytes).concat();
    device.launch(module.function("test").unwrap(), grid, &parameters)?;
    let mut bytes = vec![0; threads * 16];
    device.read(to, &mut bytes).unwrap();
    let words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    Ok(words.as_chunks().0.to_vec())
}

/// The module around `body`.
pub fn module(body: &str) -> String {
    format!(
        "
.version 8.0
.target sm_80
.address_size 64
.const .align 4 .b32 table[4] = {{10, 20, 30, 40}};
.extern .shared .align 16 .b8 dynamic[];
.visible .entry test(.param .u64 from, .param .u64 to)
{{
    .reg .pred %p<8>;
    .reg .b16 %h<8>;
    .reg .b32 %r<40>;
    .reg .b64 %d<20>;
    .shared .align 16 .b8 memory[4096];
    .local .align 16 .b8 local[64];
    ld.param.u64 %d0, [from];
    ld.param.u64 %d1, [to];
    mov.u32 %r0, %tid.x;
    mad.wide.u32 %d2, %r0, 16, %d0;
    mad.wide.u32 %d3, %r0, 16, %d1;
    ld.global.v4.u32 {{%r1, %r2, %r3, %r4}}, [%d2];
    mov.u32 %r5, 0;
    mov.u32 %r6, 0;
    mov.u32 %r7, 0;
    mov.u32 %r8, 0;
    {body}
    st.global.v4.u32 [%d3], {{%r5, %r6, %r7, %r8}};
    ret;
}}
"
    )
}

/// Words at random, with small ones and extremes among them.
pub fn words(threads: usize, seed: u32) -> Vec<Words> {
    let mut state = u64::from(seed) + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let word = (state >> 32) as u32;
        match state >> 24 & 7 {
            0 => word & 63,
            1 => [0, 1, u32::MAX, 1 << 31, i32::MAX as u32][word as usize % 5],
            _ => word,
        }
    };
    (0..threads).map(|_| [(); 4].map(|()| next())).collect()
}

/// Runs `body` on random words in a warp and compares with `expected` of each thread's words.
pub fn check(body: &str, expected: impl Fn(Words) -> Words) {
    for seed in 0..20 {
        let input = words(32, seed);
        let found = run(32, body, &input).unwrap();
        for (lane, words) in input.iter().enumerate() {
            assert_eq!(
                found[lane],
                expected(*words),
                "lane {lane}: {body} of {words:x?}"
            );
        }
    }
}

/// The sentence of the fault that `body` must cause.
pub fn fault(threads: u32, body: &str) -> String {
    match run(threads, body, &words(threads as usize, 1)) {
        Ok(_) => panic!("expected a fault of {body}"),
        Err(fault) => fault.message,
    }
}

/// `body` must cause no fault.
pub fn clean(threads: u32, body: &str) {
    if let Err(fault) = run(threads, body, &words(threads as usize, 1)) {
        panic!("{fault}");
    }
}
