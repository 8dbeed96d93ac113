// The scalar arithmetic of the contract; twin: arithmetic.rs.

// floor(value * multiplier / 2^16), from two products that fit 32 bits.
fn scale(value: i32, multiplier: u32) -> i32 {
    let low = ((u32(value) & 0xffffu) * multiplier) >> 16u;
    return (value >> 16u) * i32(multiplier) + i32(low);
}

// floor(value * multiplier / 2^(16 + shift) + 1/2).
fn requantize(value: i32, multiplier: u32, shift: u32) -> i32 {
    return (scale(value, multiplier) + (1i << (shift - 1u))) >> shift;
}

// `requantize` of four channels whose packed parameters are `scales`.
fn requantize4(value: vec4<i32>, scales: vec4<u32>) -> vec4<i32> {
    let multiplier = scales & vec4(0xffffu);
    let shift = (scales >> vec4(16u)) & vec4(0xffu);
    let low = ((vec4<u32>(value) & vec4(0xffffu)) * multiplier) >> vec4(16u);
    let scaled = (value >> vec4(16u)) * vec4<i32>(multiplier) + vec4<i32>(low);
    return (scaled + (vec4(1i) << (shift - vec4(1u)))) >> shift;
}

// Bits needed to write `value`; 0 for 0.
fn bits(value: u32) -> u32 {
    return 32u - countLeadingZeros(value);
}

// floor(sqrt(value)), one bit of the root at a time.
fn square_root(value: u32) -> u32 {
    var root = 0u;
    for (var bit = 0x8000u; bit > 0u; bit >>= 1u) {
        let trial = root | bit;
        if (trial * trial <= value) {
            root = trial;
        }
    }
    return root;
}
