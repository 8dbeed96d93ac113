//! Every variant of every kernel, WGSL and CUDA, and the CPU's, against its scalar twin: random shapes, extreme values, the
//! whole arena compared.
//!
//! Without any adapter the tests fail, unless `INTFORMER_ALLOW_NO_ADAPTER` is set.

#[allow(dead_code, reason = "shared with the tests of executors")]
mod common;

use common::check;
use intformer::plan::MAX_GELU_ONE;
use intformer_shaders::{
    Dispatch,
    declare::Content,
    op::{
        attention::Attention,
        layer_norm::LayerNorm,
        linear::{Linear, epilogue},
        window_attention::WindowAttention,
    },
};
use intformer_tests::cases::{Case, Data, drawn};
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

/// Window attention over one map that is not shifted, in its usual strides.
fn one_window(
    batch: u32,
    [height, width]: [u32; 2],
    heads: u32,
    head_words: u32,
) -> WindowAttention {
    WindowAttention {
        batch,
        height,
        width,
        window_height: height,
        window_width: width,
        roll_height: height,
        roll_width: width,
        heads,
        head_words,
        ..WindowAttention::default()
    }
    .strided()
}

/// Weights that sum to a power of two have the one reciprocal that saturates.
#[test]
fn window_attention_with_a_total_of_a_power_of_two() {
    for seed in 0..8 {
        let dispatch = Dispatch::WindowAttention(one_window(4, [1, 2], 2, 2));
        let mut case = Case::new(dispatch, Data::new(seed, 0));
        case.put("exp", |i| if i == 0 { 0x0101_01ff } else { 0x0101_0101 });
        check(case);
    }
}

/// 128 keys that weigh 255 and 128 that weigh 1 sum to 2^15: the reciprocal saturates where sums
/// are large enough to show it.
#[test]
fn window_attention_with_a_large_total_of_a_power_of_two() {
    let words = 16;
    let dispatch = Dispatch::WindowAttention(one_window(8, [16, 16], 1, words));
    let mut case = Case::new(dispatch, Data::new(3, 0));
    let mut values = Data::new(5, 0);
    // Queries and keys are zero: the bias alone tells keys apart. Values are 64 to 127.
    case.put("qkv", |i| match i % (3 * words) / words {
        2 => values.content(Content::Int8, 0) & 0x3f3f_3f3f | 0x4040_4040,
        _ => 0,
    });
    // Every second place, so half of the keys of any query.
    case.put("bias", |i| (i % 2) << 20);
    case.put("head", |_| 65535 | 1 << 16);
    case.put("exp", |i| if i == 0 { 0x0101_01ff } else { 0x0101_0101 });
    case.put("channel", |i| (65535 - i) | 7 << 16);
    check(case);
}

/// A few of many tokens attend to all of them, the others to one.
fn many_keys(data: Data) -> Case {
    const KEYS: u32 = 4096;
    let attention = Attention {
        rows: KEYS,
        items: 2,
        ..Attention::new(1, 2, true)
    };
    let mut case = Case::new(Dispatch::Attention(attention), data);
    case.put("spans", |at| [0, KEYS, 0, 0, 7, 1, 0, 0][at as usize]);
    case.put("tokens", |at| u32::from(at / 4 % 1500 != 5));
    case
}

#[test]
fn attention_to_thousands_of_keys() {
    for kind in 0..5 {
        check(many_keys(Data::new(kind.into(), kind)));
    }
}

/// All weigh the same, and sums are as large as can be.
#[test]
fn attention_with_the_largest_sums() {
    for value in [0x7f7f_7f7f, 0x8181_8181] {
        let mut case = many_keys(Data::new(1, 0));
        case.put("value", |_| value);
        case.put("exp", |_| 0x07ff_07ff);
        case.put("channel", |at| 65535 | (1 + at) << 16);
        check(case);
    }
}

/// Totals of 2^16, one less, and 2^17: where the reciprocal is no more of the whole total, and where it saturates.
#[test]
fn attention_with_totals_around_sixteen_bits() {
    for (keys, last) in [(32, 31), (32, 32), (32, 33), (64, 64), (64, 63)] {
        let attention = Attention {
            rows: keys + 1,
            items: 1,
            length: keys + 1,
            ..Attention::new(1, 2, false)
        };
        let mut case = Case::new(Dispatch::Attention(attention), Data::new(2, 0));
        // All but the last key have the largest logit.
        case.put("query", |_| 0x7f7f_7f7f);
        case.put("key", |at| {
            if at / 4 < keys {
                0x7f7f_7f7f
            } else {
                0x8181_8181
            }
        });
        case.put("value", |at| 0x7f7f_7f7f ^ at);
        case.put("head", |_| 65535 | 1 << 16);
        case.put("exp", |at| {
            if at == 0 {
                last << 16 | 2047
            } else {
                last << 16 | last
            }
        });
        case.put("channel", |at| 65535 | (1 + at) << 16);
        check(case);
    }
}

/// A total of 2^16 has the one reciprocal that saturates, one less than 2^17 one of which the last bit counts: a mean
/// of a half less a little is rounded down.
#[test]
fn attention_with_a_mean_that_its_reciprocal_rounds() {
    for (keys, last) in [(32, 32), (64, 63)] {
        let attention = Attention {
            rows: keys + 1,
            items: 1,
            length: keys + 1,
            ..Attention::new(1, 2, false)
        };
        let mut case = Case::new(Dispatch::Attention(attention), Data::new(2, 0));
        // All but the last key weigh 2047.
        case.put("query", |_| 0x7f7f_7f7f);
        let key = |at| match at / 4 < keys {
            true => 0x7f7f_7f7f,
            false => 0x8181_8181,
        };
        case.put("key", key);
        case.put("value", |_| 0x6563_6165);
        case.put("head", |_| 65535 | 1 << 16);
        case.put("exp", |at| last << 16 | if at == 0 { 2047 } else { last });
        case.put("channel", |_| 32768 | 10 << 16);
        check(case);
    }
}

/// A product of any numbers.
fn product(rows: u32, k_words: u32, cols: u32, kind: u32) -> Linear {
    Linear {
        rows,
        k_words,
        cols,
        out_stride: Linear::stride(kind, cols),
        epilogue: kind,
        low: -127i32 as u32,
        gelu_one: 100_000,
        gelu_clip: 250,
        gelu_scale: 40_000 | 20 << 16,
        ..Linear::default()
    }
}

/// More columns than are computed at once: what is kept of the rows serves several tiles.
#[test]
fn norms_before_products_of_many_columns() {
    for kind in [epilogue::INT8, epilogue::INT32] {
        let dispatch = Dispatch::NormLinear(Linear {
            x_stride: 56,
            norm_channels: 100,
            norm_epsilon: 1000,
            ..product(200, 28, 320, kind)
        });
        check(Case::new(dispatch, Data::new(7, 0)));
    }
}

/// Runs a norm over rows made of words; its outputs are the normalized values themselves.
fn check_units(rows: u32, channels: u32, word: impl FnMut(u32) -> u32) {
    let norm = LayerNorm::new(1, [rows, 1], channels, false, true);
    let mut case = Case::new(Dispatch::LayerNorm(norm), Data::new(1, 0));
    case.put("x", word);
    case.put("channel", |i| [16384 | 14 << 16, 0][i as usize % 2]);
    check(case);
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
        let dispatch = Dispatch::Linear(Linear {
            gelu_one: MAX_GELU_ONE,
            gelu_clip: MAX_GELU_ONE.isqrt(),
            gelu_scale: (65535 - 97 * step as u32) | 23 << 16,
            ..product(1, 4, 16, epilogue::I_GELU)
        });
        let mut case = Case::new(dispatch, Data::new(step, 0));
        // No products: the biases, divided by 4, are the inputs.
        case.put("weight", |_| 0);
        case.put("channel", |i| {
            let col = i as i32 / 2;
            let input = [1020 + col, -1020 - col][(col % 2) as usize];
            [(4 * input) as u32, 32768 | 1 << 16][i as usize % 2]
        });
        check(case);
    }
}

/// More rows and inputs than the CPU executor takes at once.
#[test]
fn products_in_parts() {
    let case = |seed, rows, k_words, cols, kind| {
        let dispatch = Dispatch::Linear(product(rows, k_words, cols, kind));
        Case::new(dispatch, Data::new(seed, 0))
    };
    for kind in 0..epilogue::COUNT {
        let mut part = case(kind.into(), 150, 400, 32, kind);
        check(part.clone());
        part.add_in_place();
        check(part);
    }
    // A single row is longer than a block.
    check(case(8, 5, 41_200, 16, epilogue::INT8));
}

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident: $type:ident $(if $feature:literal)?),* $(,)?) => {
        proptest! {
            #![proptest_config(config())]

            $(
                $(#[cfg(all(feature = $feature, false))])?
                #[test]
                fn $name(data in data(), numbers in prop::collection::vec(any::<u64>(), 64)) {
                    let mut numbers = numbers.into_iter();
                    let mut draw = |low, high| drawn(numbers.next().unwrap_or(0), low, high);
                    check(Case::drawn(stringify!($name), data, &mut draw));
                }
            )*
        }
    };
}

// One for each integer operation.
intformer_shaders::operations!(properties);
