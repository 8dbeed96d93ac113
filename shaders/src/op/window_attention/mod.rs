//! Attention inside shifted windows over int8 queries, keys and values, softmax included.

mod twin;

use super::{Operation, product};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};
use crate::{Shader, declare::parameters};

/// The most words of one head (64 channels).
pub const MAX_HEAD_WORDS: u32 = 16;

/// The most tokens of a window: 255 * 256 weights still sum to 16 bits.
pub const MAX_TOKENS: u32 = 256;

/// Entries of a head's table of position biases.
fn entries(height: u64, width: u64) -> u64 {
    (2 * height).saturating_sub(1) * (2 * width).saturating_sub(1)
}

/// Whether windows of `window` do not divide a map.
fn pads(map: [u64; 2], window: [u64; 2]) -> bool {
    map.iter()
        .zip(window)
        .any(|(extent, window)| !extent.is_multiple_of(window))
}

parameters! {
    /// Parameters of `window_attention`.
    WindowAttention {
        /// `[rows, qkv_stride]` int8: queries of all heads, then keys, then values.
        qkv: Input(Int8, batch * height * width * qkv_stride),
        /// Words in a row of `qkv`.
        qkv_stride: Extent,
        /// The output `[rows, out_stride]` int8, heads side by side.
        out: Output(Any, batch * height * width * out_stride),
        /// Words in a row of the output; words past the heads are zero.
        out_stride: Extent,
        /// Images in the batch.
        batch: Rows,
        /// Height of the map in tokens.
        height: Extent,
        /// Width of the map in tokens.
        width: Extent,
        /// Window height.
        window_height: Extent,
        /// Window width.
        window_width: Extent,
        /// Cyclic shift, rows.
        shift_height: Extent,
        /// Cyclic shift, columns.
        shift_width: Extent,
        /// Rows within which the shift goes round: the map's, or those of the map padded to whole
        /// windows.
        roll_height: Extent,
        /// Columns within which the shift goes round.
        roll_width: Extent,
        /// Heads.
        heads: Extent,
        /// Words of one head in a row.
        head_words: Extent,
        /// The relative position bias, i32 `[heads, (2wh-1)*(2ww-1)]`.
        bias: Weights(PositionBias, heads * entries(window_height, window_width)),
        /// The head parameters: multiplier (16 bits) and shift (next 8), a word a head.
        head: Weights(LogitScale, heads),
        /// The 256-byte exponential table.
        exp: Weights(Exponentials, 64),
        /// The output channel parameters: multiplier (16 bits) and shift minus 7 fractional bits (next 8),
        /// a word for each of `heads * head_words * 4` channels.
        channel: Weights(Scale(1, 22), 4 * heads * head_words),
        /// The int8 query, key and value of a token that pads the map, as in a row of `qkv`; only where
        /// the window does not divide the map.
        padding: Weights(Int8, match pads([height, width], [window_height, window_width]) {
            true => 3 * heads * head_words,
            false => 0,
        }),
    }
}

/// The operation.
pub struct Op;

impl Operation for Op {
    type Params = WindowAttention;

    fn twin(p: &WindowAttention, weights: &[u32], arena: &mut [u32]) {
        twin::twin(p, weights, arena);
    }

    fn multiply_adds(p: &WindowAttention) -> u64 {
        let tokens = product(&[p.window_height, p.window_width]);
        // Logits, and sums of values.
        2 * product(&[p.batch * p.height, p.width]) * tokens * product(&[p.heads, 4 * p.head_words])
    }

    fn work(p: &WindowAttention) -> u64 {
        let window = p.window_height * p.window_width;
        product(&[p.batch, p.height * p.width, window, p.heads, p.head_words]) * 12
    }

    fn shape(p: &WindowAttention) -> String {
        format!(
            "{}x{}x{}/{}x{}, {} heads of {}",
            p.batch,
            p.height,
            p.width,
            p.window_height,
            p.window_width,
            p.heads,
            p.head_words * 4
        )
    }

    fn shrink(p: &mut WindowAttention, factor: u32) {
        p.batch = 1;
        let height = (p.height / factor / p.window_height).max(1) * p.window_height;
        if height < p.height {
            p.height = height;
            p.roll_height = height;
        }
    }

    fn fits(p: &WindowAttention, shader: &Shader) -> bool {
        p.head_words <= shader.constant("HEAD_WORDS")
            && p.window_height * p.window_width <= MAX_TOKENS
    }

    fn workgroups(p: &WindowAttention, _: &Shader) -> u64 {
        p.blocks()
    }

    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32 {
        CudaKernel::LANES * kernel.constant("WARPS")
    }

    #[cfg(feature = "cuda")]
    fn grid(p: &WindowAttention, kernel: &CudaKernel, _: u32) -> Option<Grid> {
        let tokens = p.window_height * p.window_width;
        let [keys, padded, bytes] =
            ["KEYS", "TOKENS", "HEAD_BYTES"].map(|name| kernel.constant(name));
        let places = (2 * p.window_height - 1) * (2 * p.window_width - 1);
        if tokens > keys || 4 * p.head_words > bytes {
            return None;
        }
        // Queries, keys, turned values, tokens, exponentials, position bias.
        let shared = 2 * padded * bytes + bytes * (padded + 16) + 8 * padded + 256 + 4 * places;
        Some(Grid::of(p.blocks()).with_shared(shared))
    }

    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> WindowAttention {
        // One large window at times: 256 tokens are the most.
        let large = draw(1, 8) == 1;
        let mut axis = |most: u32| {
            let [window, windows] = match large {
                true => [draw(10, 16), draw(1, most)],
                false => [draw(1, 9), draw(1, 3)],
            };
            // A masked map needs more than one window.
            let shift = if windows > 1 { draw(0, window - 1) } else { 0 };
            let missing = if draw(0, 1) == 1 { 0 } else { draw(1, window) };
            let cut = cut([windows, window, shift], missing, draw(0, 1) == 1);
            (window, shift, cut)
        };
        let (window_height, shift_height, [height, roll_height]) = axis(2);
        let (window_width, shift_width, [width, roll_width]) = axis(1);
        WindowAttention {
            batch: if large { 1 } else { draw(1, 2) },
            height,
            width,
            window_height,
            window_width,
            shift_height,
            shift_width,
            roll_height,
            roll_width,
            heads: if large { 1 } else { draw(1, 3) },
            head_words: draw(1, MAX_HEAD_WORDS),
            ..WindowAttention::default()
        }
        .strided()
    }
}

/// The extent of a map that takes `windows` windows of `window` tokens on an axis, of which `missing`
/// are padding, and the extent within which `shift` goes round: the map's, if it is the map that is
/// rolled and the shift goes round once at most, or that of the padded map.
fn cut([windows, window, shift]: [u32; 3], missing: u32, map_rolls: bool) -> [u32; 2] {
    let padded = windows * window;
    let extent = padded - missing % window;
    match map_rolls && shift < extent {
        true => [extent; 2],
        false => [extent, padded],
    }
}

impl WindowAttention {
    /// The same with rows as wide as the heads take, padded to 16 bytes.
    pub fn strided(self) -> Self {
        let channels = 4 * self.heads * self.head_words;
        Self {
            qkv_stride: (3 * channels).div_ceil(16) * 4,
            out_stride: channels.div_ceil(16) * 4,
            ..self
        }
    }

    /// Windows of the padded map, down and across.
    pub fn windows(&self) -> [u32; 2] {
        [
            self.height.div_ceil(self.window_height),
            self.width.div_ceil(self.window_width),
        ]
    }

    /// One for each window and head.
    fn blocks(&self) -> u64 {
        let [down, across] = self.windows();
        product(&[self.batch, down, across, self.heads])
    }
}
