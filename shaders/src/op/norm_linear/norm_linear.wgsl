// Layer normalization of int16 rows, then an int8 matrix product; twin: twin.rs.
#variant rows_16x64: TOGETHER PACKED ROWS=16 THREAD_ROWS=1 COL_GROUPS=4 K_LIMIT=48
#variant rows_16x128: TOGETHER PACKED ROWS=16 THREAD_ROWS=2 COL_GROUPS=8 K_LIMIT=48
#variant rows_16x256: TOGETHER PACKED ROWS=16 THREAD_ROWS=4 COL_GROUPS=16 K_LIMIT=48
#variant rows_8x128: TOGETHER PACKED ROWS=8 THREAD_ROWS=1 COL_GROUPS=8 K_LIMIT=96
#variant rows_8x256: TOGETHER PACKED ROWS=8 THREAD_ROWS=2 COL_GROUPS=16 K_LIMIT=96
#variant rows_16x128_unpacked: TOGETHER ROWS=16 THREAD_ROWS=2 COL_GROUPS=8 K_LIMIT=48
#variant rows_8x128_unpacked: TOGETHER ROWS=8 THREAD_ROWS=1 COL_GROUPS=8 K_LIMIT=96
#variant direct_4x8: PACKED THREADS=8 THREAD_ROWS=4 PASSES=2 PARTS=2
#variant direct_8x4_unpacked: THREADS=8 THREAD_ROWS=8 PASSES=4 PARTS=1
#variant direct_4x8_unpacked: THREADS=8 THREAD_ROWS=4 PASSES=2 PARTS=2
#variant direct_1x16_unpacked: THREADS=8 THREAD_ROWS=1 PASSES=1 PARTS=4
#variant spread_7x16: SPREAD THREADS=4 THREAD_ROWS=7
#variant spread_4x16: SPREAD THREADS=4 THREAD_ROWS=4
#variant spread_1x16: SPREAD THREADS=4 THREAD_ROWS=1

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
