// `linear` through workgroup memory: a workgroup computes a tile of ROW_GROUPS * THREAD_ROWS rows
// and COL_GROUPS * 16 columns, an invocation THREAD_ROWS rows and 16 neighbouring columns.

const THREADS: u32 = ROW_GROUPS * COL_GROUPS;
const TILE_ROWS: u32 = ROW_GROUPS * THREAD_ROWS;
const TILE_COLS: u32 = COL_GROUPS * 16u;
// Sixteen-byte pieces of K in a step; the four spare slots spread the steps over the banks.
const K_STEP: u32 = 2u;
const A_STRIDE: u32 = TILE_ROWS + 4u;
const W_STRIDE: u32 = TILE_COLS + 4u;

var<workgroup> tile_a: array<vec4<u32>, K_STEP * A_STRIDE>;
var<workgroup> tile_w: array<vec4<u32>, K_STEP * W_STRIDE>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tiles_across = (p.cols + TILE_COLS - 1u) / TILE_COLS;
    let tile = workgroup_index(workgroup);
    let first_row = tile / tiles_across * TILE_ROWS;
    let first_col = tile % tiles_across * TILE_COLS;
    if (first_row >= p.rows) {
        return;
    }
    let k_count = p.k_words >> 2u;
    let row_group = local / COL_GROUPS;
    let col_group = local % COL_GROUPS;

#for i THREAD_ROWS
#for j 4
    var sum_{i}_{j} = vec4(0i);
#endfor
#endfor
    for (var k = 0u; k < k_count; k += K_STEP) {
        workgroupBarrier();
        for (var i = local; i < TILE_ROWS * K_STEP; i += THREADS) {
            let row = i / K_STEP;
            let step = i % K_STEP;
            var piece = vec4(0u);
            if (first_row + row < p.rows && k + step < k_count) {
                piece = arena[(p.a >> 2u) + (first_row + row) * k_count + k + step];
            }
            tile_a[step * A_STRIDE + row] = piece;
        }
        for (var i = local; i < TILE_COLS * K_STEP; i += THREADS) {
            let col = i / K_STEP;
            let step = i % K_STEP;
            var piece = vec4(0u);
            if (first_col + col < p.cols && k + step < k_count) {
                piece = weights[(p.weight >> 2u) + (first_col + col) * k_count + k + step];
            }
            // Neighbouring invocations read neighbouring slots though their columns lie 16 apart.
            tile_w[step * W_STRIDE + col % 16u * COL_GROUPS + col / 16u] = piece;
        }
        workgroupBarrier();
        for (var step = 0u; step < K_STEP; step++) {
            let a = step * A_STRIDE + row_group;
            let w = step * W_STRIDE + col_group;
#for i THREAD_ROWS
            let a_{i} = tile_a[a + {i}u * ROW_GROUPS];
#endfor
#for j 4
            let w_{j}_0 = tile_w[w + ({j}u * 4u) * COL_GROUPS];
            let w_{j}_1 = tile_w[w + ({j}u * 4u + 1u) * COL_GROUPS];
            let w_{j}_2 = tile_w[w + ({j}u * 4u + 2u) * COL_GROUPS];
            let w_{j}_3 = tile_w[w + ({j}u * 4u + 3u) * COL_GROUPS];
#for i THREAD_ROWS
            sum_{i}_{j} += dot16x4(a_{i}, w_{j}_0, w_{j}_1, w_{j}_2, w_{j}_3);
#endfor
#endfor
        }
    }

    let col = first_col + col_group * 16u;
    if (col >= p.cols) {
        return;
    }
#for j 4
#for i THREAD_ROWS
    sum_{i}_{j} = finish(sum_{i}_{j}, col + {j}u * 4u);
#endfor
#endfor
#for i THREAD_ROWS
    let row_{i} = first_row + {i}u * ROW_GROUPS + row_group;
    if (row_{i} < p.rows) {
        store16(row_{i}, col, sum_{i}_0, sum_{i}_1, sum_{i}_2, sum_{i}_3);
    }
#endfor
}
