// Layer normalization of int16 rows, then an int8 matrix product; twin: src/twin/norm_linear.rs.
#import linear_params
#import dot
#import epilogue
#import grid
#ifdef TOGETHER
#import norm_linear_tiled
#else
#import norm_linear_direct
#endif

fn x_pair(row: u32, pair: u32) -> vec2<i32> {
    let word = p.x + row * p.x_stride + pair;
    return unpack16(arena[word >> 2u][word & 3u]);
}

fn channel_pair(pair: u32) -> vec4<u32> {
    return weights[(p.norm_channel >> 2u) + pair];
}

// Sixteen normalized channels, the piece `k` of a row of the matrix product's input.
fn normalized_piece(norm: Norm, row: u32, k: u32) -> vec4<u32> {
    let pair = 8u * k;
    return vec4(
        normalized_word(norm, row, pair, p.norm_channels),
        normalized_word(norm, row, pair + 2u, p.norm_channels),
        normalized_word(norm, row, pair + 4u, p.norm_channels),
        normalized_word(norm, row, pair + 6u, p.norm_channels),
    );
}
