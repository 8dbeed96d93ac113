// `direct_product` for adapters that shift the lanes of a vector one by one, as SwiftShader does:
// a word is unpacked once for all products it takes part in.
#import bytes

// The rows `first_row`, `first_row + THREADS`, ... (THREAD_ROWS of them) of the int8 rows at the
// arena offset `a`, times the 16 columns from `col` on, finished and stored.
fn direct_product(a: u32, first_row: u32, col: u32) {
    let k_count = p.k_words >> 2u;
    // Rows past the end repeat the last one and are not stored.
#for i THREAD_ROWS
    let a_row_{i} = (a >> 2u) + min(first_row + {i}u * THREADS, p.rows - 1u) * k_count;
#endfor
    let w = (p.weight >> 2u) + col * k_count;
#for i THREAD_ROWS
#for j 16
    var sum_{i}_{j} = 0i;
#endfor
#endfor
    // One loop, for the accumulators are copied in each round; one column at a time, for few words
    // stay in registers.
    for (var word = 0u; word < p.k_words; word++) {
        let k = word >> 2u;
        let part = word & 3u;
#for i THREAD_ROWS
        let a_{i} = bytes(arena[a_row_{i} + k][part]);
#endfor
#for j 16
        let w_{j} = bytes(weights[w + {j}u * k_count + k][part]);
#for i THREAD_ROWS
        sum_{i}_{j} += dot(a_{i}, w_{j});
#endfor
#endfor
    }
    // A loop over rows, for the epilogue is long.
    var sums: array<vec4<i32>, THREAD_ROWS * 4u>;
#for i THREAD_ROWS
#for j 16
    sums[{i}u * 4u + {j}u / 4u][{j}u % 4u] = sum_{i}_{j};
#endfor
#endfor
    for (var i = 0u; i < THREAD_ROWS; i++) {
        let row = first_row + i * THREADS;
        if (row < p.rows) {
            let at = i * 4u;
            store16(
                row,
                col,
                finish(sums[at], col),
                finish(sums[at + 1u], col + 4u),
                finish(sums[at + 2u], col + 8u),
                finish(sums[at + 3u], col + 12u),
            );
        }
    }
}
