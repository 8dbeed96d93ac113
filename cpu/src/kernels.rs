//! One dispatch after the other, in room that they share.

use intformer_shaders::{
    Dispatch,
    op::{Operation, embedding, gather_rows, repeat_rows, shift_gelu::ShiftTables},
};

use super::{
    attention::attention,
    heads::Heads,
    linear::{LinearRoom, Source, linear},
    norm::{Norm, Table, layer_norm},
    simple::{mean_pool, patch_gather, shift_gelu},
    window_attention::{WindowRoom, window_attention},
};

/// The vector instructions that this build uses.
pub const INSTRUCTIONS: &str = if cfg!(target_feature = "simd128") {
    "WASM SIMD128"
} else if cfg!(target_feature = "avx2") {
    "AVX2"
} else if cfg!(target_feature = "sse2") {
    "SSE2"
} else if cfg!(all(target_arch = "aarch64", target_feature = "neon")) {
    "NEON"
} else {
    "no vector instructions"
};

/// Runs dispatches; holds the room that they work in.
#[derive(Default)]
pub struct Kernels {
    linear: LinearRoom,
    table: Table,
    norm: Norm,
    heads: Heads,
    windows: WindowRoom,
    sums: Vec<i32>,
    shift_tables: ShiftTables,
}

impl Kernels {
    /// Runs `dispatch` over `weights` and `arena`, whose outputs and inputs do not overlap but for
    /// a residual that is added in place.
    pub fn run(&mut self, dispatch: &Dispatch, weights: &[u32], arena: &mut [u32]) {
        match dispatch {
            Dispatch::PatchGather(p) => patch_gather(p, arena),
            Dispatch::Linear(p) => linear(p, weights, arena, &mut self.linear, Source::Rows),
            Dispatch::NormLinear(p) => {
                let words = &weights[p.norm_channel as usize..];
                self.table.load(words, p.norm_channels as usize);
                let source = Source::Norm(&self.table, &mut self.norm);
                linear(p, weights, arena, &mut self.linear, source);
            }
            Dispatch::LayerNorm(p) => {
                layer_norm(p, weights, arena, &mut self.table, &mut self.norm);
            }
            Dispatch::WindowAttention(p) => {
                window_attention(p, weights, arena, &mut self.windows);
            }
            Dispatch::Attention(p) => attention(p, weights, arena, &mut self.heads),
            Dispatch::ShiftGelu(p) => shift_gelu(p, arena, &mut self.shift_tables),
            #[cfg(feature = "comparison")]
            Dispatch::FloatGelu(p) => super::float_gelu::float_gelu(p, weights, arena),
            Dispatch::MeanPool(p) => mean_pool(p, weights, arena, &mut self.sums),
            // Loops over whole rows, which compilers make vectors of.
            Dispatch::Embedding(p) => embedding::Op::twin(p, weights, arena),
            Dispatch::GatherRows(p) => gather_rows::Op::twin(p, weights, arena),
            Dispatch::RepeatRows(p) => repeat_rows::Op::twin(p, weights, arena),
            #[allow(unreachable_patterns, reason = "a new operation has its twin first")]
            other => other.run_twin(weights, arena),
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.linear.memory()
            + self.table.memory()
            + self.norm.memory()
            + self.heads.memory()
            + self.windows.memory()
            + 4 * self.sums.capacity()
            + self.shift_tables.memory()
    }
}
