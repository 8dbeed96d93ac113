//! Every variant of every kernel, WGSL and CUDA, and the CPU's, against its scalar twin: random shapes, extreme values, the
//! whole arena compared.
//!
//! Without any adapter the tests fail, unless `INTFORMER_ALLOW_NO_ADAPTER` is set.

#[allow(dead_code, reason = "shared with the tests of executors")]
mod common;

use common::check;
use intformer::plan::MAX_GELU_ONE;
use intformer_shaders::Dispatch;
use intformer_shaders::params::{LayerNorm, WindowAttention, epilogue, gather};
use intformer_tests::cases::{self, Case, Data, exp_table};
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
        let dispatch = cases::window_attention(&mut case, p);
        check(case, dispatch);
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
        roll_height: side,
        roll_width: side,
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

/// More columns than are computed at once: what is kept of the rows serves several tiles.
#[test]
fn norms_before_products_of_many_columns() {
    for kind in [epilogue::INT8, epilogue::INT32] {
        let mut case = Case::new(Data::new(7, 0));
        let dispatch = cases::norm_linear(&mut case, 200, [100, 20], kind, false);
        check(case, dispatch);
    }
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

/// One channel holds all of a row: bits lost before the root make it exceed the unit's range, on
/// either side.
#[test]
fn norms_of_a_single_channel() {
    for sign in [1, -1] {
        check_units(512, 768, |i| match i % 384 {
            0 => (sign * (24576 - (i / 384) as i16)) as u16 as u32,
            _ => 0,
        });
    }
}

/// Inputs of the polynomial at and beyond the ends of its range, with factors after it that tell
/// neighbouring inputs apart.
#[test]
fn i_gelu_at_the_ends_of_its_range() {
    for step in 0..64 {
        let mut case = Case::new(Data::new(step, 0));
        let mut p = cases::product(&mut case, 1, 4, 16, epilogue::I_GELU, false);
        p.a = case.arena_int8(4);
        // No products: the biases, divided by 4, are the inputs.
        case.weights[p.weight as usize..][..64].fill(0);
        for col in 0..16 {
            let input = [1020 + col, -1020 - col][(col % 2) as usize];
            let channel = &mut case.weights[(p.channel + 2 * col as u32) as usize..][..2];
            channel.copy_from_slice(&[(4 * input) as u32, 32768 | 1 << 16]);
        }
        p.gelu_one = MAX_GELU_ONE;
        p.gelu_clip = MAX_GELU_ONE.isqrt();
        p.gelu_scale = (65535 - 97 * step as u32) | 23 << 16;
        check(case, Dispatch::Linear(p));
    }
}

/// More rows and inputs than the CPU executor takes at once.
#[test]
fn products_in_parts() {
    for kind in 0..6 {
        let mut case = Case::new(Data::new(kind.into(), 0));
        let dispatch = cases::linear(&mut case, 150, [100, 2], kind, false, kind % 2 == 0);
        check(case, dispatch);
    }
    let mut case = Case::new(Data::new(7, 0));
    let dispatch = cases::linear(&mut case, 150, [100, 2], epilogue::RESIDUAL, false, false);
    check(case, dispatch);
    // A single row is longer than a block.
    let mut case = Case::new(Data::new(8, 0));
    let dispatch = cases::linear(&mut case, 5, [10_300, 1], epilogue::INT8, false, false);
    check(case, dispatch);
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
        let dispatch =
            cases::patch_gather(&mut case, batch, [grid_height, grid_width], channels, patch_size);
        check(case, dispatch);
    }

    #[test]
    fn linear(
        data in data(),
        rows in 1u32..150,
        k in 1u32..12,
        cols in 1u32..12,
        kind in 0u32..6,
        relu: bool,
        in_place: bool,
    ) {
        let mut case = Case::new(data);
        let dispatch = cases::linear(&mut case, rows, [k, cols], kind, relu, in_place);
        check(case, dispatch);
    }

    #[test]
    fn norm_linear(
        data in data(),
        rows in 1u32..40,
        k in prop_oneof![1u32..12, 40u32..=60, Just(96)],
        missing in 0u32..16,
        cols in 1u32..20,
        kind in 0u32..6,
        relu: bool,
    ) {
        let mut case = Case::new(data);
        let channels = 16 * k - missing;
        let dispatch = cases::norm_linear(&mut case, rows, [channels, cols], kind, relu);
        check(case, dispatch);
    }

    #[test]
    fn layer_norm(
        data in data(),
        batch in 1u32..=3,
        map in [1u32..8, 1u32..8],
        channels in prop_oneof![1u32..80, 90u32..200, 700u32..800],
        merge: bool,
        wide: bool,
    ) {
        let mut case = Case::new(data);
        let dispatch = cases::layer_norm(&mut case, batch, map, channels, merge, wide);
        check(case, dispatch);
    }

    #[test]
    fn window_attention(
        data in data(),
        batch in 1u32..=3,
        window in prop_oneof![(1u32..=5, 1u32..=5), (7u32..=9, 7u32..=9), (10u32..=12, 10u32..=12), (13u32..=16, 15u32..=16)],
        windows in (1u32..=2, 1u32..=2),
        shifts in (0u32..8, 0u32..8),
        missing in prop::option::of((0u32..16, 0u32..16)),
        map_rolls: bool,
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
        let (shift_height, shift_width) = (
            shift(windows.0, window.0, shifts.0),
            shift(windows.1, window.1, shifts.1),
        );
        let missing = missing.unwrap_or_default();
        let [height, roll_height] =
            cases::cut([windows.0, window.0, shift_height], missing.0, map_rolls);
        let [width, roll_width] =
            cases::cut([windows.1, window.1, shift_width], missing.1, map_rolls);
        let p = WindowAttention {
            batch,
            window_height: window.0,
            window_width: window.1,
            height,
            width,
            shift_height,
            shift_width,
            roll_height,
            roll_width,
            heads,
            head_words,
            exp,
            ..WindowAttention::default()
        };
        let dispatch = cases::window_attention(&mut case, p);
        check(case, dispatch);
    }

    #[test]
    fn shift_gelu(data in data(), rows in 1u32..70, k in prop_oneof![1u32..12, 40u32..=80]) {
        let mut case = Case::new(data);
        let dispatch = cases::shift_gelu(&mut case, rows, k);
        check(case, dispatch);
    }

    #[test]
    fn mean_pool(data in data(), batch in 1u32..=5, tokens in 1u32..50, k in 1u32..12) {
        let mut case = Case::new(data);
        let dispatch = cases::mean_pool(&mut case, batch, tokens, k);
        check(case, dispatch);
    }
}
