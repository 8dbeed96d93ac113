//! The scalar twin: the mean, or the largest, of each channel over the rows of an item.

use super::{INDEX_WORDS, PoolRows};
use crate::shared::memory::{int16, int16_mut};

/// Runs one dispatch.
pub fn twin(p: &PoolRows, arena: &mut [u32]) {
    let channels = p.stride as usize * 2;
    for item in 0..p.rows {
        let (first, count) = match p.every {
            0 => {
                let span = (p.spans + item * INDEX_WORDS) as usize;
                (arena[span], arena[span + 1])
            }
            every => (item * every + p.first, every - p.first),
        };
        let rows = || (first..first + count).map(|row| p.x + row * p.stride);
        for channel in 0..channels {
            let value = |row| i32::from(int16(arena, row, channels)[channel]);
            let pooled = match p.largest {
                0 => {
                    // From 0 on, so that the division rounds all alike.
                    let sum: u32 = rows().map(|row| (value(row) + 32768) as u32).sum();
                    ((sum + count / 2) / count) as i32 - 32768
                }
                _ => rows().map(value).fold(-32768, i32::max),
            };
            int16_mut(arena, p.out + item * p.stride, channels)[channel] = pooled as i16;
        }
    }
}
