// Workgroups are counted in rows of GRID_WIDTH, as src/wgsl.rs folds them.
const GRID_WIDTH: u32 = 32768u;

fn workgroup_index(id: vec3<u32>) -> u32 {
    return id.y * GRID_WIDTH + id.x;
}
