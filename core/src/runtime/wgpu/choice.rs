//! Which variants come into question for a dispatch, the likeliest first.

use intformer_shaders::{Dispatch, Shader};

use crate::runtime::shape::work;

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

/// A sort key, small for likely variants. The sort is stable: `wgsl/variants` decides the rest.
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

/// A smaller dispatch of the same kind with at most about `limit` work, for measuring on adapters
/// where the whole would take too long.
pub(super) fn shrink(mut dispatch: Dispatch, limit: u64) -> Dispatch {
    let excess = work(&dispatch).div_ceil(limit.max(1)).min(1 << 31) as u32;
    if excess <= 1 {
        return dispatch;
    }
    match &mut dispatch {
        Dispatch::PatchGather(p) => p.rows = p.rows.div_ceil(excess),
        Dispatch::Linear(p) | Dispatch::NormLinear(p) => {
            // A few rows fill no tile, unless there are no more.
            p.rows = p.rows.div_ceil(excess).max(64).min(p.rows);
        }
        Dispatch::LayerNorm(p) => p.rows = p.rows.div_ceil(excess),
        Dispatch::WindowAttention(p) => {
            p.batch = 1;
            let height = (p.height / excess / p.window_height).max(1) * p.window_height;
            if height < p.height {
                p.height = height;
                p.roll_height = height;
            }
        }
        Dispatch::ShiftGelu(p) => p.rows = p.rows.div_ceil(excess),
        #[cfg(feature = "comparison")]
        Dispatch::FloatGelu(p) => p.rows = p.rows.div_ceil(excess),
        Dispatch::MeanPool(p) => p.batch = p.batch.div_ceil(excess),
    }
    dispatch
}

#[cfg(test)]
mod tests {
    use super::*;
    use intformer_shaders::params::{LayerNorm, Linear, MeanPool, PatchGather, WindowAttention};

    #[test]
    fn nothing_grows_when_it_shrinks() {
        for size in [1, 3, 50, 64, 1000] {
            let linear = Linear {
                rows: size,
                cols: 4096,
                k_words: 1024,
                ..Linear::default()
            };
            let attention = WindowAttention {
                batch: 2,
                height: 7 * size,
                width: 14,
                window_height: 7,
                window_width: 7,
                heads: 3,
                head_words: 8,
                ..WindowAttention::default()
            };
            let dispatches = [
                Dispatch::Linear(linear),
                Dispatch::NormLinear(linear),
                Dispatch::WindowAttention(attention),
                Dispatch::PatchGather(PatchGather {
                    rows: size,
                    k_words: 1024,
                    ..PatchGather::default()
                }),
                Dispatch::LayerNorm(LayerNorm {
                    rows: size,
                    out_stride: 1024,
                    ..LayerNorm::default()
                }),
                Dispatch::MeanPool(MeanPool {
                    batch: size,
                    tokens: 49,
                    stride: 1024,
                    ..MeanPool::default()
                }),
            ];
            for dispatch in dispatches {
                for limit in [0, 1, 1000, 1 << 40] {
                    let less = work(&shrink(dispatch, limit));
                    assert!(0 < less && less <= work(&dispatch), "{dispatch:?}");
                }
            }
        }
    }
}
