// The four int8 values of a word, with two shifts fewer than `unpack8` has: for adapters where a shift
// costs as much as five multiplications.
fn bytes(word: u32) -> vec4<i32> {
    let high = (vec3(i32(word)) * vec3(0x10000i, 0x100i, 1i)) >> vec3(24u);
    return vec4((i32(word & 0xffu) ^ 0x80i) - 0x80i, high);
}
