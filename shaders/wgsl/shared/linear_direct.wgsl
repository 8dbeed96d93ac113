// `linear` without workgroup memory: an invocation computes THREAD_ROWS rows and 16 neighbouring
// columns; the columns are the same across a workgroup, so that software adapters read each weight
// once for all lanes.

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let columns = p.cols / 16u;
    let block = workgroup_index(workgroup);
    let first_row = block / columns * THREADS * THREAD_ROWS + local;
    let col = block % columns * 16u;
    let k_count = p.k_words >> 2u;
    let w = (p.weight >> 2u) + col * k_count;

#for i THREAD_ROWS
    let row_{i} = first_row + {i}u * THREADS;
    // Rows past the end repeat the last one and are not stored.
    let a_row_{i} = (p.a >> 2u) + min(row_{i}, p.rows - 1u) * k_count;
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
