// `norm_linear` without workgroup memory: an invocation normalizes THREAD_ROWS rows into the
// scratch region, which it alone reads back, then computes all columns of them.
#import normalize
#ifdef SPREAD
#import direct_product_spread
#else
#import direct_product
#endif

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let k_count = p.k_words >> 2u;
    let first_row = workgroup_index(workgroup) * THREADS * THREAD_ROWS + local;
    for (var i = 0u; i < THREAD_ROWS; i++) {
        let row = first_row + i * THREADS;
        if (row < p.rows) {
            let norm = row_norm(row, p.norm_channels, p.norm_epsilon);
            for (var k = 0u; k < k_count; k++) {
                arena[(p.scratch >> 2u) + row * k_count + k] = normalized_piece(norm, row, k);
            }
        }
    }
    for (var col = 0u; col < p.cols; col += 16u) {
        direct_product(p.scratch, first_row, col);
    }
}
