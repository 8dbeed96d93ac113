//! Every variant of every WGSL kernel against its scalar twin: random shapes, extreme values, the
//! whole arena compared.
//!
//! Without any adapter the tests fail, unless `INTFORMER_ALLOW_NO_ADAPTER` is set.

#[allow(dead_code, reason = "shared with the tests of executors")]
mod common;

use common::{Case, Data, check};
use intformer_shaders::Dispatch;
use intformer_shaders::params::{
    LayerNorm, Linear, MeanPool, PatchGather, WindowAttention, epilogue, gather,
};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Kinds of data: any, only the ends of the range, all the same, mostly zero.
fn data() -> impl Strategy<Value = Data> {
    (any::<u64>(), 0u32..5).prop_map(|(seed, kind)| Data::new(seed, kind))
}

/// Adds weights, channel parameters and table of a matrix product and its output to `case`.
fn product(case: &mut Case, rows: u32, k_words: u32, cols: u32, kind: u32, relu: bool) -> Linear {
    let weight = case.weights_int8(cols * k_words);
    let channel = case.weights_with(2 * cols, |data, i| {
        if i % 2 == 0 {
            data.int(-(1 << 29), 1 << 29) as u32
        } else {
            data.scale(1..=30)
        }
    });
    let table = case.weights_int8(64);
    let out_stride = match kind {
        epilogue::INT8 | epilogue::TABLE => cols / 4,
        epilogue::RESIDUAL | epilogue::INT16 => cols / 2,
        _ => cols,
    };
    Linear {
        weight,
        channel,
        table,
        out: case.arena_any(rows * out_stride),
        residual: case.arena_any(rows * out_stride),
        rows,
        k_words,
        cols,
        out_stride,
        epilogue: kind,
        low: if relu { 0 } else { -127i32 as u32 },
        ..Linear::default()
    }
}

/// Adds norm parameters of `channels` channels to `case`.
fn norm(case: &mut Case, channels: u32) -> u32 {
    case.weights_with(2 * channels, |data, i| {
        if i % 2 == 1 {
            return data.int(-(1 << 29), 1 << 29) as u32;
        }
        let multiplier = data.int(-32767, 32767) as u32 & 0xffff;
        let shift = data.int(1, 29) as u32;
        let exponent = data.int(0, 3) as u32;
        multiplier | shift << 16 | exponent << 24
    })
}

/// An exponential table: 255 first, then any bytes, or all 1.
fn exp_table(case: &mut Case, equal: bool) -> u32 {
    case.weights_with(64, |data, i| {
        let word = if equal { 0x0101_0101 } else { data.word() };
        if i == 0 { word | 0xff } else { word }
    })
}

/// Adds the buffers of an attention with the extents and table of `p` and runs it.
fn check_attention(mut case: Case, p: WindowAttention) {
    let rows = p.batch * p.height * p.width;
    let channels = p.heads * p.head_words * 4;
    let qkv_stride = (3 * channels).div_ceil(16) * 4;
    let out_stride = channels.div_ceil(16) * 4;
    let entries = (2 * p.window_height - 1) * (2 * p.window_width - 1);
    let p = WindowAttention {
        qkv: case.arena_int8(rows * qkv_stride),
        qkv_stride,
        out: case.arena_any(rows * out_stride),
        out_stride,
        bias: case.weights_with(p.heads * entries, |data, _| {
            data.int(-(1 << 21), 1 << 21) as u32
        }),
        // Shifts below 10 end every weight but the largest.
        head: case.weights_with(p.heads, |data, _| data.scale(1..=14)),
        channel: case.weights_with(channels, |data, _| data.scale(1..=22)),
        ..p
    };
    check(case, Dispatch::WindowAttention(p));
}

/// Weights that sum to a power of two have the one reciprocal that saturates.
#[test]
fn attention_with_a_total_of_a_power_of_two() {
    for seed in 0..8 {
        let mut case = Case::new(Data::new(seed, 0));
        let exp = exp_table(&mut case, true);
        let p = WindowAttention {
            batch: 4,
            height: 1,
            width: 2,
            window_height: 1,
            window_width: 2,
            heads: 2,
            head_words: 2,
            exp,
            ..WindowAttention::default()
        };
        check_attention(case, p);
    }
}

/// 128 keys that weigh 255 and 128 that weigh 1 sum to 2^15: the reciprocal saturates where sums
/// are large enough to show it.
#[test]
fn attention_with_a_large_total_of_a_power_of_two() {
    let mut case = Case::new(Data::new(3, 0));
    let (batch, side, words) = (8, 16, 16);
    let entries = (2 * side - 1) * (2 * side - 1);
    let mut values = Data::new(5, 0);
    let p = WindowAttention {
        // Queries and keys are zero: the bias alone tells keys apart. Values are 64 to 127.
        qkv: case.arena_with(batch * side * side * 3 * words, |i| {
            match i % (3 * words) / words {
                2 => values.int8() & 0x3f3f_3f3f | 0x4040_4040,
                _ => 0,
            }
        }),
        qkv_stride: 3 * words,
        out: case.arena_any(batch * side * side * words),
        out_stride: words,
        batch,
        height: side,
        width: side,
        window_height: side,
        window_width: side,
        heads: 1,
        head_words: words,
        // Every second place, so half of the keys of any query.
        bias: case.weights_with(entries, |_, i| (i % 2) << 20),
        head: case.weights_with(1, |_, _| 65535 | 1 << 16),
        exp: case.weights_with(64, |_, i| if i == 0 { 0x0101_01ff } else { 0x0101_0101 }),
        channel: case.weights_with(4 * words, |_, i| (65535 - i) | 7 << 16),
        ..WindowAttention::default()
    };
    check(case, Dispatch::WindowAttention(p));
}

/// Runs a norm over rows made of words; its outputs are the normalized values themselves.
fn check_units(rows: u32, channels: u32, word: impl FnMut(u32) -> u32) {
    let mut case = Case::new(Data::new(1, 0));
    let stride = channels / 2;
    let p = LayerNorm {
        x: case.arena_with(rows * stride, word),
        x_stride: stride,
        out: case.arena_any(rows * stride),
        out_stride: stride,
        rows,
        channels,
        channel: case.weights_with(2 * channels, |_, i| [16384 | 14 << 16, 0][i as usize % 2]),
        gather: gather::ROW,
        wide: 1,
        ..Default::default()
    };
    check(case, Dispatch::LayerNorm(p));
}

/// Row `r` alternates between r and -r, so its squares sum to (4r)^2: roots come out exact.
#[test]
fn norms_with_exact_roots() {
    check_units(1024, 16, |i| {
        let value = (i / 8) as u16;
        u32::from(value) | u32::from(value.wrapping_neg()) << 16
    });
}

/// Channel counts at which the bits kept for the squares change.
#[test]
fn norms_of_a_power_of_two_channels() {
    for channels in [8, 32, 128] {
        check_units(128, channels, |i| i.wrapping_mul(0x9e37_79b9) ^ (i << 7));
    }
}

/// One channel holds all of a row: bits lost before the root make it exceed the unit's range.
#[test]
fn norms_of_a_single_channel() {
    check_units(512, 768, |i| match i % 384 {
        0 => 24576 - i / 384,
        _ => 0,
    });
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn patch_gather(
        data in data(),
        batch in 1u32..=5,
        grid_height in 1u32..6,
        grid_width in 1u32..6,
        channels in 1u32..=4,
        patch_size in 1u32..=5,
    ) {
        let mut case = Case::new(data);
        let bytes = grid_height * grid_width * channels * patch_size * patch_size;
        let image_stride = bytes.div_ceil(4);
        let k_words = (channels * patch_size * patch_size).div_ceil(16) * 4;
        let rows = batch * grid_height * grid_width;
        let p = PatchGather {
            image: case.arena_any(batch * image_stride),
            out: case.arena_any(rows * k_words),
            rows,
            k_words,
            image_stride,
            grid_height,
            grid_width,
            channels,
            patch_size,
        };
        check(case, Dispatch::PatchGather(p));
    }

    #[test]
    fn linear(
        data in data(),
        rows in 1u32..150,
        k in 1u32..12,
        cols in 1u32..12,
        kind in 0u32..5,
        relu: bool,
        in_place: bool,
    ) {
        let mut case = Case::new(data);
        let a = case.arena_int8(rows * 4 * k);
        let mut p = product(&mut case, rows, 4 * k, 16 * cols, kind, relu);
        p.a = a;
        if in_place {
            p.residual = p.out;
        }
        check(case, Dispatch::Linear(p));
    }

    #[test]
    fn norm_linear(
        data in data(),
        rows in 1u32..40,
        k in prop_oneof![1u32..12, 40u32..=60, Just(96)],
        missing in 0u32..16,
        cols in 1u32..20,
        kind in 0u32..5,
        relu: bool,
    ) {
        let mut case = Case::new(data);
        let channels = 16 * k - missing;
        let x_stride = channels.div_ceil(16) * 8;
        let x = case.arena_any(rows * x_stride);
        let norm_channel = norm(&mut case, channels);
        let scratch = case.scratch(rows * 4 * k);
        let norm_epsilon = case.epsilon();
        let p = Linear {
            x,
            x_stride,
            norm_channel,
            norm_channels: channels,
            norm_epsilon,
            scratch,
            ..product(&mut case, rows, 4 * k, 16 * cols, kind, relu)
        };
        check(case, Dispatch::NormLinear(p));
    }

    #[test]
    fn layer_norm(
        data in data(),
        batch in 1u32..=3,
        half_height in 1u32..4,
        half_width in 1u32..4,
        channels in prop_oneof![1u32..80, 90u32..200, 700u32..800],
        merge: bool,
        wide in 0u32..2,
    ) {
        let mut case = Case::new(data);
        let (height, width) = (2 * half_height, 2 * half_width);
        let tokens = batch * height * width;
        let (rows, gathered) = if merge {
            (tokens / 4, 4 * channels)
        } else {
            (tokens, channels)
        };
        let x_stride = channels.div_ceil(16) * 8;
        let out_stride = gathered.div_ceil(16) * if wide == 1 { 8 } else { 4 };
        let p = LayerNorm {
            x: case.arena_any(tokens * x_stride),
            x_stride,
            out: case.arena_any(rows * out_stride),
            out_stride,
            rows,
            channels,
            channel: norm(&mut case, gathered),
            epsilon: case.epsilon(),
            gather: if merge { gather::MERGE } else { gather::ROW },
            height,
            width,
            wide,
        };
        check(case, Dispatch::LayerNorm(p));
    }

    #[test]
    fn window_attention(
        data in data(),
        batch in 1u32..=3,
        window in prop_oneof![(1u32..=5, 1u32..=5), (7u32..=9, 7u32..=9), (13u32..=16, 15u32..=16)],
        windows in (1u32..=2, 1u32..=2),
        shifts in (0u32..8, 0u32..8),
        heads in 1u32..=3,
        head_words in prop_oneof![1u32..=8, 9u32..=16],
        equal_exps: bool,
    ) {
        // Large windows once only: the software adapter is slow.
        let large = window.0 * window.1 > 100;
        let windows = if large { (windows.0, 1) } else { windows };
        let (batch, heads) = if large { (1, 1) } else { (batch, heads) };
        let mut case = Case::new(data);
        let exp = exp_table(&mut case, equal_exps);
        // A masked map needs more than one window.
        let shift = |windows: u32, window: u32, shift: u32| {
            if windows > 1 { shift % window } else { 0 }
        };
        let p = WindowAttention {
            batch,
            window_height: window.0,
            window_width: window.1,
            height: window.0 * windows.0,
            width: window.1 * windows.1,
            shift_height: shift(windows.0, window.0, shifts.0),
            shift_width: shift(windows.1, window.1, shifts.1),
            heads,
            head_words,
            exp,
            ..WindowAttention::default()
        };
        check_attention(case, p);
    }

    #[test]
    fn mean_pool(data in data(), batch in 1u32..=5, tokens in 1u32..50, k in 1u32..12) {
        let mut case = Case::new(data);
        let stride = 4 * k;
        let p = MeanPool {
            x: case.arena_any(batch * tokens * stride),
            out: case.arena_any(batch * stride),
            stride,
            tokens,
            batch,
            channel: case.weights_with(4 * stride, |data, _| data.scale(1..=30)),
        };
        check(case, Dispatch::MeanPool(p));
    }
}
