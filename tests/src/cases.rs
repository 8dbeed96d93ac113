//! Single dispatches of any kernel over random data.

use std::ops::RangeInclusive;

use intformer_shaders::Dispatch;
use intformer_shaders::params::{
    LayerNorm, Linear, MeanPool, PatchGather, ShiftGelu, WindowAttention, epilogue, gather,
};

use intformer::plan::{MAX_GELU_ONE, MAX_SHIFT_GELU_UNIT};

use crate::synthetic::Random;

/// A stream of values of one kind.
#[derive(Clone, Debug)]
pub struct Data {
    random: Random,
    kind: u32,
}

impl Data {
    /// `kind` 0, 1: any values; 2: only the ends of a range; 3: one value over and over; 4: mostly
    /// zero.
    pub fn new(seed: u64, kind: u32) -> Self {
        let random = Random(seed);
        Self { random, kind }
    }

    /// A value of `low..=high`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        let next = self.random.bits();
        match self.kind {
            2 => [low, high, high][(next % 3) as usize],
            3 => low + (self.kind as i64 * 7919) % (high - low + 1),
            4 if !next.is_multiple_of(8) => 0i64.clamp(low, high),
            _ => low + (next >> 8) as i64 % (high - low + 1),
        }
    }

    /// Four bytes of -127 to 127.
    pub fn int8(&mut self) -> u32 {
        u32::from_le_bytes([(); 4].map(|()| self.int(-127, 127) as u8))
    }

    /// Any word, or two ends of the int16 range.
    pub fn word(&mut self) -> u32 {
        let mut half = || self.int(-32768, 32767) as u32 & 0xffff;
        half() | half() << 16
    }

    /// A packed multiplier and shift.
    pub fn scale(&mut self, shifts: RangeInclusive<i64>) -> u32 {
        let multiplier = self.int(0, 65535) as u32;
        multiplier | (self.int(*shifts.start(), *shifts.end()) as u32) << 16
    }
}

/// What lies between buffers: also as the parameters of a channel, with a large exponent and a shift
/// of 0, it changes whatever takes it for some.
const UNUSED: u32 = 0x1f00_beef;

/// The buffers of a dispatch under construction; offsets are multiples of 4 words, with unused
/// words between that nothing may write.
pub struct Case {
    /// Source of values.
    pub data: Data,
    /// The weights.
    pub weights: Vec<u32>,
    /// The arena before the dispatch.
    pub arena: Vec<u32>,
    scratch: std::ops::Range<usize>,
}

impl Case {
    /// Empty buffers.
    pub fn new(data: Data) -> Self {
        Self {
            data,
            weights: vec![UNUSED; 4],
            arena: vec![UNUSED; 4],
            scratch: 0..0,
        }
    }

    /// The epsilon of a norm: small ones are the usual case, any below 2^31 is allowed.
    pub fn epsilon(&mut self) -> u32 {
        let bits = self.data.int(0, 31);
        self.data.int(0, (1 << bits) - 1) as u32
    }

    /// Weights made by `value`, which gets the index; returns their offset.
    pub fn weights_with(
        &mut self,
        words: u32,
        mut value: impl FnMut(&mut Data, u32) -> u32,
    ) -> u32 {
        let data = &mut self.data;
        append(&mut self.weights, words, |i| value(data, i))
    }

    /// int8 weights.
    pub fn weights_int8(&mut self, words: u32) -> u32 {
        self.weights_with(words, |data, _| data.int8())
    }

    /// Arena words of any content.
    pub fn arena_any(&mut self, words: u32) -> u32 {
        let data = &mut self.data;
        append(&mut self.arena, words, |_| data.word())
    }

    /// Arena words made by `value`, which gets the index; returns their offset.
    pub fn arena_with(&mut self, words: u32, value: impl FnMut(u32) -> u32) -> u32 {
        append(&mut self.arena, words, value)
    }

    /// Arena words of int8 values.
    pub fn arena_int8(&mut self, words: u32) -> u32 {
        let data = &mut self.data;
        append(&mut self.arena, words, |_| data.int8())
    }

    /// Arena words whose content after the dispatch does not matter.
    pub fn scratch(&mut self, words: u32) -> u32 {
        let offset = self.arena_any(words);
        self.scratch = offset as usize..(offset + words) as usize;
        offset
    }

    /// The words of `found` that are not those of the arena and matter.
    pub fn different(&self, found: &[u32]) -> Vec<usize> {
        let differs = |at: &usize| found[*at] != self.arena[*at] && !self.scratch.contains(at);
        (0..self.arena.len()).filter(differs).collect()
    }
}

fn append(buffer: &mut Vec<u32>, words: u32, value: impl FnMut(u32) -> u32) -> u32 {
    let offset = buffer.len();
    buffer.extend((0..words).map(value));
    buffer.resize(buffer.len().next_multiple_of(4) + 4, UNUSED);
    offset as u32
}

/// Adds weights, channel parameters and table of a matrix product and its output to `case`.
pub fn product(
    case: &mut Case,
    rows: u32,
    k_words: u32,
    cols: u32,
    kind: u32,
    relu: bool,
) -> Linear {
    let weight = case.weights_int8(cols * k_words);
    let channel = case.weights_with(2 * cols, |data, i| {
        if i % 2 == 0 {
            data.int(-(1 << 29), 1 << 29) as u32
        } else {
            data.scale(1..=30)
        }
    });
    let table = case.weights_int8(64);
    let one = case.data.int(1, i64::from(MAX_GELU_ONE)) as u32;
    let clip = case.data.int(0, i64::from(one.isqrt())) as u32;
    let out_stride = match kind {
        epilogue::INT8 | epilogue::TABLE | epilogue::I_GELU => cols / 4,
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
        gelu_clip: clip,
        gelu_one: one,
        gelu_scale: case.data.scale(1..=30),
        ..Linear::default()
    }
}

/// Adds norm parameters of `channels` channels to `case`.
pub fn norm(case: &mut Case, channels: u32) -> u32 {
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
pub fn exp_table(case: &mut Case, equal: bool) -> u32 {
    case.weights_with(64, |data, i| {
        let word = if equal { 0x0101_0101 } else { data.word() };
        if i == 0 { word | 0xff } else { word }
    })
}

/// The extent of a map that takes `windows` windows of `window` tokens on an axis, of which `missing`
/// are padding, and the extent within which `shift` goes round: the map's, if it is the map that is
/// rolled and the shift goes round once at most, or that of the padded map.
pub fn cut([windows, window, shift]: [u32; 3], missing: u32, map_rolls: bool) -> [u32; 2] {
    let padded = windows * window;
    let extent = padded - missing % window;
    match map_rolls && shift < extent {
        true => [extent; 2],
        false => [extent, padded],
    }
}

/// Adds the buffers of an attention with the extents and table of `p`.
pub fn window_attention(case: &mut Case, p: WindowAttention) -> Dispatch {
    let round = |roll, extent| if roll == 0 { extent } else { roll };
    let rows = p.batch * p.height * p.width;
    let channels = p.heads * p.head_words * 4;
    let qkv_stride = (3 * channels).div_ceil(16) * 4;
    let out_stride = channels.div_ceil(16) * 4;
    let entries = (2 * p.window_height - 1) * (2 * p.window_width - 1);
    Dispatch::WindowAttention(WindowAttention {
        qkv: case.arena_int8(rows * qkv_stride),
        qkv_stride,
        out: case.arena_any(rows * out_stride),
        out_stride,
        bias: case.weights_with(p.heads * entries, |data, _| {
            // Mostly what models have; at times as far apart as a plan allows.
            let far = if data.int(0, 15) == 0 { 28 } else { 21 };
            data.int(-(1 << far), 1 << far) as u32
        }),
        // Shifts below 10 end every weight but the largest; above 14 all weights are alike.
        head: case.weights_with(p.heads, |data, _| match data.int(0, 7) {
            0 => data.scale(15..=30),
            _ => data.scale(1..=14),
        }),
        channel: case.weights_with(channels, |data, _| data.scale(1..=22)),
        padding: case.weights_int8(3 * channels / 4),
        roll_height: round(p.roll_height, p.height),
        roll_width: round(p.roll_width, p.width),
        ..p
    })
}

/// A gathering of patches.
pub fn patch_gather(
    case: &mut Case,
    batch: u32,
    [grid_height, grid_width]: [u32; 2],
    channels: u32,
    patch_size: u32,
) -> Dispatch {
    let bytes = grid_height * grid_width * channels * patch_size * patch_size;
    let image_stride = bytes.div_ceil(4);
    let k_words = (channels * patch_size * patch_size).div_ceil(16) * 4;
    let rows = batch * grid_height * grid_width;
    Dispatch::PatchGather(PatchGather {
        image: case.arena_any(batch * image_stride),
        out: case.arena_any(rows * k_words),
        rows,
        k_words,
        image_stride,
        grid_height,
        grid_width,
        channels,
        patch_size,
    })
}

/// A product of `16 * k` inputs and `16 * cols` outputs; a residual may be the output itself.
pub fn linear(
    case: &mut Case,
    rows: u32,
    [k, cols]: [u32; 2],
    kind: u32,
    relu: bool,
    in_place: bool,
) -> Dispatch {
    let a = case.arena_int8(rows * 4 * k);
    let mut p = product(case, rows, 4 * k, 16 * cols, kind, relu);
    p.a = a;
    if in_place {
        p.residual = p.out;
    }
    Dispatch::Linear(p)
}

/// A norm of `channels` channels and a product of `16 * cols` outputs.
pub fn norm_linear(
    case: &mut Case,
    rows: u32,
    [channels, cols]: [u32; 2],
    kind: u32,
    relu: bool,
) -> Dispatch {
    let k = channels.div_ceil(16);
    let x_stride = k * 8;
    let x = case.arena_any(rows * x_stride);
    let norm_channel = norm(case, channels);
    let scratch = case.scratch(rows * 4 * k);
    let norm_epsilon = case.epsilon();
    Dispatch::NormLinear(Linear {
        x,
        x_stride,
        norm_channel,
        norm_channels: channels,
        norm_epsilon,
        scratch,
        ..product(case, rows, 4 * k, 16 * cols, kind, relu)
    })
}

/// A norm, of rows or of 2x2 cells.
pub fn layer_norm(
    case: &mut Case,
    batch: u32,
    [height, width]: [u32; 2],
    channels: u32,
    merge: bool,
    wide: bool,
) -> Dispatch {
    let tokens = batch * height * width;
    let (rows, gathered) = if merge {
        (batch * height.div_ceil(2) * width.div_ceil(2), 4 * channels)
    } else {
        (tokens, channels)
    };
    let x_stride = channels.div_ceil(16) * 8;
    let out_stride = gathered.div_ceil(16) * if wide { 8 } else { 4 };
    Dispatch::LayerNorm(LayerNorm {
        x: case.arena_any(tokens * x_stride),
        x_stride,
        out: case.arena_any(rows * out_stride),
        out_stride,
        rows,
        channels,
        channel: norm(case, gathered),
        epsilon: case.epsilon(),
        gather: if merge { gather::MERGE } else { gather::ROW },
        height,
        width,
        wide: u32::from(wide),
    })
}

/// I-ViT's ShiftGELU of `16 * k` channels.
pub fn shift_gelu(case: &mut Case, rows: u32, k: u32) -> Dispatch {
    let k_words = 4 * k;
    Dispatch::ShiftGelu(ShiftGelu {
        x: case.arena_int8(rows * k_words),
        out: case.arena_any(rows * k_words),
        rows,
        k_words,
        unit: case.data.int(1, i64::from(MAX_SHIFT_GELU_UNIT)) as u32,
        scale: case.data.scale(1..=30),
    })
}

/// A mean over tokens.
pub fn mean_pool(case: &mut Case, batch: u32, tokens: u32, k: u32) -> Dispatch {
    let stride = 4 * k;
    Dispatch::MeanPool(MeanPool {
        x: case.arena_any(batch * tokens * stride),
        out: case.arena_any(batch * stride),
        stride,
        tokens,
        batch,
        channel: case.weights_with(4 * stride, |data, _| data.scale(1..=30)),
    })
}

/// A dispatch of any kernel and any small extents.
pub fn random(seed: u64) -> (Case, Dispatch) {
    let mut extents = Data::new(!seed, 0);
    let mut up_to = |most: u32| extents.int(1, i64::from(most)) as u32;
    let mut case = Case::new(Data::new(seed, up_to(5) - 1));
    let case_mut = &mut case;
    let dispatch = match up_to(10) {
        1 => {
            let grid = [up_to(6), up_to(6)];
            patch_gather(case_mut, up_to(5), grid, up_to(4), up_to(5))
        }
        2 | 3 => {
            let (rows, extents, kind) = (up_to(60), [up_to(12), up_to(12)], up_to(6) - 1);
            linear(case_mut, rows, extents, kind, up_to(2) == 1, up_to(2) == 1)
        }
        // More rows and inputs than are taken at once.
        8 => {
            let (extents, kind) = ([90 + up_to(20), up_to(2)], up_to(6) - 1);
            linear(
                case_mut,
                100 + up_to(50),
                extents,
                kind,
                up_to(2) == 1,
                up_to(2) == 1,
            )
        }
        4 => {
            let (rows, extents, kind) = (up_to(20), [up_to(200), up_to(8)], up_to(6) - 1);
            norm_linear(case_mut, rows, extents, kind, up_to(2) == 1)
        }
        5 => {
            let (batch, map) = (up_to(3), [up_to(6), up_to(6)]);
            layer_norm(
                case_mut,
                batch,
                map,
                up_to(200),
                up_to(2) == 1,
                up_to(2) == 1,
            )
        }
        6 | 7 => {
            let [window_height, window_width] = [up_to(9), up_to(9)];
            let [down, across] = [up_to(3), up_to(3)];
            // A masked map needs more than one window.
            let mut shift = |windows, window| if windows > 1 { up_to(window) - 1 } else { 0 };
            let [shift_height, shift_width] =
                [shift(down, window_height), shift(across, window_width)];
            let mut cut = |windows, window, shift| {
                let missing = if up_to(2) == 1 { 0 } else { up_to(window) };
                cut([windows, window, shift], missing, up_to(2) == 1)
            };
            let [height, roll_height] = cut(down, window_height, shift_height);
            let [width, roll_width] = cut(across, window_width, shift_width);
            let p = WindowAttention {
                batch: up_to(2),
                window_height,
                window_width,
                height,
                width,
                shift_height,
                shift_width,
                roll_height,
                roll_width,
                heads: up_to(3),
                head_words: up_to(16),
                exp: exp_table(case_mut, up_to(4) == 1),
                ..WindowAttention::default()
            };
            window_attention(case_mut, p)
        }
        9 => shift_gelu(case_mut, up_to(40), up_to(12)),
        _ => mean_pool(case_mut, up_to(5), up_to(50), up_to(12)),
    };
    (case, dispatch)
}
