// `norm_linear` without workgroup memory: an invocation normalizes THREAD_ROWS rows into the
// scratch region, which it alone reads back, then computes all columns of them.
#import normalize

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let k_count = p.k_words >> 2u;
    let first_row = workgroup_index(workgroup) * THREADS * THREAD_ROWS + local;
    let scratch = p.scratch >> 2u;

#for i THREAD_ROWS
    let row_{i} = first_row + {i}u * THREADS;
    let a_row_{i} = scratch + min(row_{i}, p.rows - 1u) * k_count;
    if (row_{i} < p.rows) {
        let norm = row_norm(row_{i}, p.norm_channels, p.norm_epsilon);
        for (var k = 0u; k < k_count; k++) {
            arena[a_row_{i} + k] = normalized_piece(norm, row_{i}, k);
        }
    }
#endfor

    for (var col = 0u; col < p.cols; col += 16u) {
        let w = (p.weight >> 2u) + col * k_count;
#for i THREAD_ROWS
#for j 4
        var sum_{i}_{j} = vec4(0i);
#endfor
#endfor
        for (var k = 0u; k < k_count; k++) {
#for i THREAD_ROWS
            let a_{i} = arena[a_row_{i} + k];
#endfor
#for j 4
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
        if (row_{i} < p.rows) {
            store16(
                row_{i},
                col,
                finish(sum_{i}_0, col),
                finish(sum_{i}_1, col + 4u),
                finish(sum_{i}_2, col + 8u),
                finish(sum_{i}_3, col + 12u),
            );
        }
#endfor
    }
}
