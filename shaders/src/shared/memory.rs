//! Bytes and half-words inside the 32-bit words of arena and weights (little end first).

use bytemuck::{cast_slice, cast_slice_mut};

/// `count` int8 values from word `offset` on.
pub fn int8(words: &[u32], offset: u32, count: usize) -> &[i8] {
    &cast_slice(&words[offset as usize..])[..count]
}

/// `count` int8 values from word `offset` on, to write.
pub fn int8_mut(words: &mut [u32], offset: u32, count: usize) -> &mut [i8] {
    &mut cast_slice_mut(&mut words[offset as usize..])[..count]
}

/// `count` uint8 values from word `offset` on.
pub fn uint8(words: &[u32], offset: u32, count: usize) -> &[u8] {
    &cast_slice(&words[offset as usize..])[..count]
}

/// `count` int16 values from word `offset` on.
pub fn int16(words: &[u32], offset: u32, count: usize) -> &[i16] {
    &cast_slice(&words[offset as usize..])[..count]
}

/// `count` int16 values from word `offset` on, to write.
pub fn int16_mut(words: &mut [u32], offset: u32, count: usize) -> &mut [i16] {
    &mut cast_slice_mut(&mut words[offset as usize..])[..count]
}
