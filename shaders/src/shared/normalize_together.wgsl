// The statistics of ROWS rows at once, LANES invocations for each; workgroup memory.
#import normalize

var<workgroup> spreads: array<Spread, ROWS * LANES>;
var<workgroup> sums: array<u32, ROWS * LANES>;

// `group` counts the rows of the workgroup, `row` is the row in the arena; every invocation of the
// workgroup must call this.
fn row_norm_together(group: u32, lane: u32, row: u32, count: u32, epsilon: u32) -> Norm {
    spreads[group * LANES + lane] = spread(row, count, lane, LANES);
    workgroupBarrier();
    var whole = spreads[group * LANES];
    for (var i = 1u; i < LANES; i++) {
        whole = merge_spread(whole, spreads[group * LANES + i]);
    }
    let mean = mean_of(whole, count);
    let down = down_of(whole, count);
    sums[group * LANES + lane] = squares(row, count, lane, LANES, mean, down);
    workgroupBarrier();
    var sum = 0u;
    for (var i = 0u; i < LANES; i++) {
        sum += sums[group * LANES + i];
    }
    return norm_of(mean, down, sum, epsilon);
}
