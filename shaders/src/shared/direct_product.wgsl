// The rows `first_row`, `first_row + THREADS`, ... (THREAD_ROWS of them) of the int8 rows at the
// arena offset `a`, times the 16 columns from `col` on, finished and stored.
//
// PASSES passes over K take PARTS * 4 columns each, as many sums as an invocation's registers hold.
fn direct_product(a: u32, first_row: u32, col: u32) {
    let k_count = p.k_words >> 2u;
    // Rows past the end repeat the last one and are not stored.
#for i THREAD_ROWS
    let a_row_{i} = (a >> 2u) + min(first_row + {i}u * THREADS, p.rows - 1u) * k_count;
#endfor
    var finished: array<vec4<i32>, THREAD_ROWS * 4u>;
    for (var turn = 0u; turn < PASSES; turn++) {
        let first_part = turn * PARTS;
        let w = (p.weight >> 2u) + (col + first_part * 4u) * k_count;
#for i THREAD_ROWS
#for j PARTS
        var sum_{i}_{j} = vec4(0i);
#endfor
#endfor
        for (var k = 0u; k < k_count; k++) {
#for i THREAD_ROWS
            let a_{i} = arena[a_row_{i} + k];
#endfor
#for j PARTS
            let w_{j}_0 = weights[w + ({j}u * 4u) * k_count + k];
            let w_{j}_1 = weights[w + ({j}u * 4u + 1u) * k_count + k];
            let w_{j}_2 = weights[w + ({j}u * 4u + 2u) * k_count + k];
            let w_{j}_3 = weights[w + ({j}u * 4u + 3u) * k_count + k];
#for i THREAD_ROWS
            sum_{i}_{j} += dot16x4(a_{i}, w_{j}_0, w_{j}_1, w_{j}_2, w_{j}_3);
#endfor
#endfor
        }
#for i THREAD_ROWS
#for j PARTS
        finished[{i}u * 4u + first_part + {j}u] =
            finish(sum_{i}_{j}, col + (first_part + {j}u) * 4u);
#endfor
#endfor
    }
    for (var i = 0u; i < THREAD_ROWS; i++) {
        let row = first_row + i * THREADS;
        if (row < p.rows) {
            let at = i * 4u;
            store16(
                row,
                col,
                finished[at],
                finished[at + 1u],
                finished[at + 2u],
                finished[at + 3u],
            );
        }
    }
}
