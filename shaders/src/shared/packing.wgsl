// Bytes and half-words inside words, little end first.

// Four values of [-128, 127] in a word.
fn pack8(value: vec4<i32>) -> u32 {
    let byte = vec4<u32>(value) & vec4(0xffu);
    return byte.x | (byte.y << 8u) | (byte.z << 16u) | (byte.w << 24u);
}

fn unpack8(word: u32) -> vec4<i32> {
    return vec4<i32>(vec4(word) << vec4(24u, 16u, 8u, 0u)) >> vec4(24u);
}

// Two values of [-32768, 32767] in a word.
fn pack16(value: vec2<i32>) -> u32 {
    return (u32(value.x) & 0xffffu) | (u32(value.y) << 16u);
}

fn unpack16(word: u32) -> vec2<i32> {
    return vec2(i32(word << 16u), i32(word)) >> vec2(16u);
}

fn clamp8(value: vec4<i32>, low: i32) -> vec4<i32> {
    return clamp(value, vec4(low), vec4(127i));
}

fn clamp16(value: vec2<i32>) -> vec2<i32> {
    return clamp(value, vec2(-32768i), vec2(32767i));
}
