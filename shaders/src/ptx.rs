//! How `src/ptx.deflate` is laid out: the PTX of each kernel after a line that names it.

/// A number that changes with the source: 64-bit FNV-1a.
#[allow(dead_code, reason = "for the build script")]
pub fn hash(source: &str) -> u64 {
    let bytes = source.bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The line before the PTX of the kernel `label` that was made of the source with this hash.
pub fn ptx_header(label: &str, hash: u64) -> String {
    format!("//// {label} {hash:016x}\n")
}
