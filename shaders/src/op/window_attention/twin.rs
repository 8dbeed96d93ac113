//! The scalar twin: attention inside shifted windows, softmax included.

use super::WindowAttention;
use crate::arithmetic::{bits, clamp8, requantize, scale, unpack_scale};
use crate::shared::memory::{int8, int8_mut, uint8};

/// Runs one dispatch.
pub fn twin(p: &WindowAttention, weights: &[u32], arena: &mut [u32]) {
    let [windows_down, windows_across] = p.windows();
    for image in 0..p.batch {
        for window_y in 0..windows_down {
            for window_x in 0..windows_across {
                let tokens = tokens(p, image, window_y, window_x);
                for row in tokens.iter().filter_map(|token| token.row) {
                    let out = p.out + row * p.out_stride;
                    int8_mut(arena, out, p.out_stride as usize * 4).fill(0);
                }
                for head in 0..p.heads {
                    attend(p, weights, arena, &tokens, head);
                }
            }
        }
    }
}

/// A token of a window: its row in the map, its place in the window, and its region. One that pads
/// the map has no row.
struct Token {
    row: Option<u32>,
    y: u32,
    x: u32,
    region: u32,
}

/// The tokens of one window of the map rolled up and left by the shift, and padded.
fn tokens(p: &WindowAttention, image: u32, window_y: u32, window_x: u32) -> Vec<Token> {
    let mut tokens = Vec::new();
    for y in 0..p.window_height {
        for x in 0..p.window_width {
            let rolled_y = window_y * p.window_height + y;
            let rolled_x = window_x * p.window_width + x;
            let map_y = (rolled_y + p.shift_height) % p.roll_height;
            let map_x = (rolled_x + p.shift_width) % p.roll_width;
            let rolled = rolled_y < p.roll_height && rolled_x < p.roll_width;
            let present = rolled && map_y < p.height && map_x < p.width;
            let [windows_down, windows_across] = p.windows();
            let padded_height = windows_down * p.window_height;
            let padded_width = windows_across * p.window_width;
            let region_y = region(rolled_y, padded_height, p.window_height, p.shift_height);
            let region_x = region(rolled_x, padded_width, p.window_width, p.shift_width);
            tokens.push(Token {
                row: present.then_some((image * p.height + map_y) * p.width + map_x),
                y,
                x,
                region: 3 * region_y + region_x,
            });
        }
    }
    tokens
}

/// Which of the three bands of the rolled axis `at` lies in: tokens attend within one band only.
fn region(at: u32, extent: u32, window: u32, shift: u32) -> u32 {
    if shift == 0 || at < extent - window {
        0
    } else if at < extent - shift {
        1
    } else {
        2
    }
}

fn attend(p: &WindowAttention, weights: &[u32], arena: &mut [u32], tokens: &[Token], head: u32) {
    let dim = p.head_words as usize * 4;
    let part = p.heads * p.head_words;
    let read = |arena: &[u32], token: &Token, which: u32| {
        let place = which * part + head * p.head_words;
        match token.row {
            Some(row) => int8(arena, p.qkv + row * p.qkv_stride + place, dim).to_vec(),
            None => int8(weights, p.padding + place, dim).to_vec(),
        }
    };
    let keys: Vec<_> = tokens.iter().map(|token| read(arena, token, 1)).collect();
    let values: Vec<_> = tokens.iter().map(|token| read(arena, token, 2)).collect();

    let table_width = 2 * p.window_width - 1;
    let table = p.bias + head * (2 * p.window_height - 1) * table_width;
    let (multiplier, shift) = unpack_scale(weights[(p.head + head) as usize]);
    let exp = uint8(weights, p.exp, 256);

    for query in tokens {
        let Some(row) = query.row else {
            continue;
        };
        let q = read(arena, query, 0);
        let logit = |key: usize| {
            let token = &tokens[key];
            let entry = (query.y + p.window_height - 1 - token.y) * table_width
                + (query.x + p.window_width - 1 - token.x);
            let products = q.iter().zip(&keys[key]);
            let sum: i32 = products.map(|(&q, &k)| i32::from(q) * i32::from(k)).sum();
            sum + weights[(table + entry) as usize] as i32
        };
        let visible: Vec<usize> = (0..tokens.len())
            .filter(|&key| tokens[key].region == query.region)
            .collect();
        let logits: Vec<i32> = visible.iter().map(|&key| logit(key)).collect();
        let largest = *logits.iter().max().expect("a token sees itself");

        // Weights of 0 to 255; the largest logit always weighs 255.
        let mut total = 0;
        let mut sums = vec![0i32; dim];
        for (&key, &logit) in visible.iter().zip(&logits) {
            let entry = requantize(largest - logit, multiplier, shift).min(255);
            let weight = u32::from(exp[entry as usize]);
            total += weight;
            for (sum, &value) in sums.iter_mut().zip(&values[key]) {
                *sum += weight as i32 * i32::from(value);
            }
        }

        // sums / total with bits(total) - 1 fractional bits, then to the output's scale.
        let width = bits(total);
        let reciprocal = ((1 << (15 + width)) / total).min(65535);
        let out = p.out + row * p.out_stride + head * p.head_words;
        for (i, &sum) in sums.iter().enumerate() {
            let channel = (p.channel as usize) + head as usize * dim + i;
            let (multiplier, shift) = unpack_scale(weights[channel]);
            let value = requantize(scale(sum, reciprocal), multiplier, shift + width - 8);
            int8_mut(arena, out, dim)[i] = clamp8(value, -127);
        }
    }
}
