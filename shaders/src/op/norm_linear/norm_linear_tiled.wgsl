// `norm_linear` through workgroup memory: a workgroup normalizes ROWS rows of at most K_LIMIT
// sixteen-byte pieces, then computes COL_GROUPS * 16 columns of them. An invocation computes
// THREAD_ROWS rows and 16 neighbouring columns, reading weights from the storage buffer.
#import normalize_together

const ROW_GROUPS: u32 = ROWS / THREAD_ROWS;
const THREADS: u32 = ROW_GROUPS * COL_GROUPS;
const LANES: u32 = THREADS / ROWS;
// An odd stride in pieces spreads neighbouring rows over the banks.
const A_STRIDE: u32 = K_LIMIT + 1u;

var<workgroup> rows_a: array<vec4<u32>, ROWS * A_STRIDE>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let slices = (p.cols + COL_GROUPS * 16u - 1u) / (COL_GROUPS * 16u);
    let block = workgroup_index(workgroup);
    let first_row = block / slices * ROWS;
    if (first_row >= p.rows) {
        return;
    }
    let k_count = min(p.k_words >> 2u, K_LIMIT);

    let group = local / LANES;
    let lane = local % LANES;
    // Rows past the end repeat the last one and are not stored.
    let norm_row = min(first_row + group, p.rows - 1u);
    let norm = row_norm_together(group, lane, norm_row, p.norm_channels, p.norm_epsilon);
    for (var k = lane; k < k_count; k += LANES) {
        rows_a[group * A_STRIDE + k] = normalized_piece(norm, norm_row, k);
    }
    workgroupBarrier();

    let col_group = local % COL_GROUPS;
    let row_group = local / COL_GROUPS;
    let col = (block % slices * COL_GROUPS + col_group) * 16u;
    if (col >= p.cols) {
        return;
    }
    let w = (p.weight >> 2u) + col * k_count;
#for i THREAD_ROWS
#for j 4
    var sum_{i}_{j} = vec4(0i);
#endfor
#endfor
    for (var k = 0u; k < k_count; k++) {
#for i THREAD_ROWS
        let a_{i} = rows_a[({i}u * ROW_GROUPS + row_group) * A_STRIDE + k];
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
    let row_{i} = first_row + {i}u * ROW_GROUPS + row_group;
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
