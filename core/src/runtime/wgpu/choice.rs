//! Which variants come into question for a dispatch, the likeliest first.

use intformer_shaders::{Dispatch, Shader};

/// Workgroups that keep a hardware GPU busy; below that a smaller tile is likelier.
const BUSY: u64 = 192;

/// Variants to measure at most: compiling one takes longer than running it.
const MEASURED: usize = 3;

/// What kind of adapter runs the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterKind {
    /// A GPU.
    Hardware,
    /// The CPU, by a compiler for its wide vectors, as lavapipe.
    Software,
    /// The CPU, by vectors of four lanes that it shifts one by one, as SwiftShader.
    FourLanes,
}

/// The variants that can run `dispatch`, the likeliest first. On a software adapter only those
/// without workgroup memory: a barrier there costs a pass over all invocations.
pub fn candidates(dispatch: &Dispatch, kind: AdapterKind) -> Vec<&'static Shader> {
    let barriers = kind == AdapterKind::Hardware;
    let mut found: Vec<_> = Shader::of(dispatch.name())
        .filter(|shader| shader.fits(dispatch) && (barriers || !shader.uses_workgroup_memory()))
        .collect();
    found.sort_by_key(|shader| unlikeliness(shader, dispatch, kind));
    found
}

/// The variants worth measuring for `dispatch`: the likeliest few, and the likeliest of those that
/// do it without, or with, the packed product.
pub(super) fn contenders(dispatch: &Dispatch, kind: AdapterKind) -> Vec<&'static Shader> {
    let all = candidates(dispatch, kind);
    let packed = all.first().is_some_and(|shader| shader.has("PACKED"));
    let other = all.iter().find(|shader| {
        let kind = shader.uses_workgroup_memory() == all[0].uses_workgroup_memory();
        kind && shader.has("PACKED") != packed
    });
    let mut few: Vec<_> = all.iter().take(MEASURED).copied().collect();
    if let Some(other) = other
        && !few.contains(other)
    {
        few.push(other);
    }
    few
}

/// A sort key, small for likely variants. The sort is stable: the order of the variants in the WGSL
/// decides the rest.
fn unlikeliness(shader: &Shader, dispatch: &Dispatch, kind: AdapterKind) -> (bool, bool, u64) {
    if kind != AdapterKind::Hardware {
        // Blocks of more rows are faster, unless they are mostly padding.
        let speed = match (shader.has("SPREAD"), shader.constant("THREAD_ROWS")) {
            (true, 7) => 60,
            (true, 4) => 40,
            (true, _) => 28,
            (false, 8) => 22,
            (false, 4) => 16,
            (false, _) => 10,
        };
        let block = shader.constant("THREADS") * shader.constant("THREAD_ROWS");
        let padded = match dispatch {
            Dispatch::Linear(p) | Dispatch::NormLinear(p) => p.rows.next_multiple_of(block),
            _ => 0,
        };
        // Unpacking words once pays where shifts are slow; elsewhere it fills registers.
        let strange = shader.has("SPREAD") != (kind == AdapterKind::FourLanes);
        return (
            strange,
            shader.has("PACKED"),
            u64::from(padded) * 1000 / speed,
        );
    }
    let workgroups = shader
        .workgroups(dispatch)
        .map_or(u64::MAX, |[x, y]| u64::from(x) * u64::from(y));
    // Among tiles: the largest that keeps the GPU busy, else the smallest.
    let size = if workgroups >= BUSY {
        workgroups - BUSY
    } else {
        u64::from(u32::MAX) + (BUSY - workgroups)
    };
    let size = match dispatch {
        Dispatch::Linear(_) | Dispatch::NormLinear(_) => size,
        _ => 0,
    };
    (!shader.uses_workgroup_memory(), !shader.has("PACKED"), size)
}
