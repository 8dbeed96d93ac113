// `linear` without workgroup memory: an invocation computes THREAD_ROWS rows and 16 neighbouring
// columns. The columns are the same across a workgroup: software adapters load each weight once
// for all lanes.
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
    let columns = p.cols / 16u;
    let block = workgroup_index(workgroup);
    let first_row = block / columns * THREADS * THREAD_ROWS + local;
    direct_product(p.a, first_row, block % columns * 16u);
}
