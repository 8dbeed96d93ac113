//! The parameters of each kernel, in the order of the uniform block that its WGSL file declares.
//!
//! Every field is a `u32`. Offsets count 32-bit words from the start of the arena or of the
//! weights; row strides count words too. Each block is padded to [`PARAM_WORDS`] words.

use bytemuck::{Pod, Zeroable};

/// Words in the uniform block of one dispatch.
pub const PARAM_WORDS: usize = 32;

/// What a linear kernel does with an accumulator (field `epilogue`).
pub mod epilogue {
    /// Requantize, clamp to `[low, 127]`, store int8.
    pub const INT8: u32 = 0;
    /// Requantize, clamp to `[-127, 127]`, look the byte up in a 256-entry table, store int8.
    pub const TABLE: u32 = 1;
    /// Requantize, add the int16 value at `residual`, saturate to int16, store int16.
    pub const RESIDUAL: u32 = 2;
    /// Requantize, saturate to int16, store int16.
    pub const INT16: u32 = 3;
    /// Requantize, store int32.
    pub const INT32: u32 = 4;
    /// Requantize, clamp to 11 bits, I-BERT's integer GELU, store int8.
    pub const I_GELU: u32 = 5;
}

/// Where a row of `layer_norm` comes from and what it becomes (field `gather`).
pub mod gather {
    /// Row `r` of the input.
    pub const ROW: u32 = 0;
    /// The four neighbours of a 2x2 cell, in the order (y, x) = (0,0), (1,0), (0,1), (1,1); those
    /// past an odd side of the map are zero.
    pub const MERGE: u32 = 1;
}

macro_rules! params {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
        pub struct $name { $($(#[$field_meta])* pub $field: u32),* }

        impl $name {
            /// Names of the fields, in order: the WGSL struct must list the same.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            /// The block as it is uploaded.
            pub fn words(&self) -> [u32; PARAM_WORDS] {
                let mut words = [0; PARAM_WORDS];
                let fields: &[u32] = bytemuck::cast_slice(std::slice::from_ref(self));
                words[..fields.len()].copy_from_slice(fields);
                words
            }
        }
    };
}

params! {
    /// `patch_gather`: u8 pixels to int8 patches.
    PatchGather {
        /// Arena offset of the images: `batch` images of `image_stride` words, bytes in HWC order.
        image,
        /// Arena offset of the patches, `[rows, k_words]`.
        out,
        /// Patches in the whole batch.
        rows,
        /// Words in a row of the output; bytes past the patch are zero.
        k_words,
        /// Words of one image.
        image_stride,
        /// Height of the patch grid.
        grid_height,
        /// Width of the patch grid.
        grid_width,
        /// Image channels.
        channels,
        /// Side of a patch in pixels.
        patch_size,
    }
}

params! {
    /// `linear` (and the second half of `norm_linear`): `out = epilogue(a * w^T + bias)`.
    Linear {
        /// Arena offset of the int8 input, `[rows, k_words]`.
        a,
        /// Weights offset of the int8 weights, `[cols, k_words]`.
        weight,
        /// Weights offset of the channel parameters, two words each: bias (i32), then multiplier
        /// (low 16 bits) and shift (next 8 bits).
        channel,
        /// Arena offset of the output, `[rows, out_stride]`.
        out,
        /// Arena offset of the int16 residual, `[rows, out_stride]`; only for `epilogue::RESIDUAL`.
        residual,
        /// Weights offset of the 64-word table; only for `epilogue::TABLE`.
        table,
        /// Rows in the whole batch.
        rows,
        /// Words in a row of the input, a multiple of 4.
        k_words,
        /// Output columns, a multiple of 16.
        cols,
        /// Words in a row of the output.
        out_stride,
        /// One of [`epilogue`].
        epilogue,
        /// Lower clamp of `epilogue::INT8` (an i32): -127, or 0 for ReLU.
        low,
        /// Arena offset of the int16 input of `norm_linear`, `[rows, x_stride]`.
        x,
        /// Words in a row of `x`.
        x_stride,
        /// Weights offset of the norm channel parameters (see [`LayerNorm::channel`]).
        norm_channel,
        /// Channels of the norm, before padding.
        norm_channels,
        /// Added to the sum of squares: round(channels * eps / scale^2).
        norm_epsilon,
        /// Arena offset of an int8 scratch `[rows, k_words]` that a variant may use for the
        /// normalized rows; its content after the step is unspecified.
        scratch,
        /// Where the polynomial of `epilogue::I_GELU` ends: B.
        gelu_clip,
        /// What stands for 1 in that polynomial: C.
        gelu_one,
        /// Multiplier (16 bits) and shift (next 8) after it.
        gelu_scale,
    }
}

params! {
    /// `layer_norm`: int16 rows to normalized int8 or int16 rows.
    LayerNorm {
        /// Arena offset of the int16 input.
        x,
        /// Words in a row of the input.
        x_stride,
        /// Arena offset of the output, `[rows, out_stride]`.
        out,
        /// Words in a row of the output.
        out_stride,
        /// Output rows in the whole batch.
        rows,
        /// Channels of an input row, before padding. A gathered row has 4 times as many.
        channels,
        /// Weights offset of the channel parameters, two words per gathered channel: multiplier
        /// (signed, low 16 bits), shift (next 8), exponent (top 8); then bias (i32).
        channel,
        /// Added to the sum of squares: round(channels * eps / scale^2).
        epsilon,
        /// One of [`gather`].
        gather,
        /// Height of the input map, for [`gather::MERGE`].
        height,
        /// Width of the input map, for [`gather::MERGE`].
        width,
        /// 1: int16 output, saturated; 0: int8 output, clamped to [-127, 127].
        wide,
    }
}

params! {
    /// `window_attention`: shifted-window attention over int8 queries, keys and values.
    WindowAttention {
        /// Arena offset of `[rows, qkv_stride]` int8: queries of all heads, then keys, then values.
        qkv,
        /// Words in a row of `qkv`.
        qkv_stride,
        /// Arena offset of the output `[rows, out_stride]` int8, heads side by side.
        out,
        /// Words in a row of the output; words past the heads are zero.
        out_stride,
        /// Images in the batch.
        batch,
        /// Height of the map in tokens.
        height,
        /// Width of the map in tokens.
        width,
        /// Window height.
        window_height,
        /// Window width.
        window_width,
        /// Cyclic shift, rows.
        shift_height,
        /// Cyclic shift, columns.
        shift_width,
        /// Rows within which the shift goes round: the map's, or those of the map padded to whole
        /// windows.
        roll_height,
        /// Columns within which the shift goes round.
        roll_width,
        /// Heads.
        heads,
        /// Words of one head in a row.
        head_words,
        /// Weights offset of the relative position bias, i32 `[heads, (2wh-1)*(2ww-1)]`.
        bias,
        /// Weights offset of the head parameters: multiplier (16 bits) and shift (next 8), a word
        /// a head.
        head,
        /// Weights offset of the 256-byte exponential table.
        exp,
        /// Weights offset of the output channel parameters: multiplier (16 bits) and shift
        /// minus 7 fractional bits (next 8), a word for each of `heads * head_words * 4` channels.
        channel,
        /// Weights offset of the int8 query, key and value of a token that pads the map, as in a
        /// row of `qkv`; only where the window does not divide the map.
        padding,
    }
}

impl WindowAttention {
    /// Windows of the padded map, down and across.
    pub fn windows(&self) -> [u32; 2] {
        [
            self.height.div_ceil(self.window_height),
            self.width.div_ceil(self.window_width),
        ]
    }
}

impl LayerNorm {
    /// Rows and columns of 2x2 cells, for [`gather::MERGE`]; past an odd side of the map a cell is zero.
    pub fn cells(&self) -> [u32; 2] {
        [self.height.div_ceil(2), self.width.div_ceil(2)]
    }
}

params! {
    /// `shift_gelu`: I-ViT's ShiftGELU of int8 rows.
    ShiftGelu {
        /// Arena offset of the int8 input `[rows, k_words]`.
        x,
        /// Arena offset of the int8 output `[rows, k_words]`.
        out,
        /// Rows in the whole batch.
        rows,
        /// Words in a row, a multiple of 4.
        k_words,
        /// The input that stands for 1 in the exponent, 1 to 127.
        unit,
        /// Multiplier (16 bits) and shift (next 8) of the output.
        scale,
    }
}

#[cfg(feature = "comparison")]
params! {
    /// `float_gelu`: int8 rows to float, a bias, GELU, and back.
    FloatGelu {
        /// Arena offset of the int8 input `[rows, k_words]`.
        x,
        /// Arena offset of the int8 output `[rows, k_words]`.
        out,
        /// Rows in the whole batch.
        rows,
        /// Words in a row, a multiple of 4.
        k_words,
        /// Weights offset of the biases: the bits of an f32 for each of `k_words * 4` channels.
        bias,
        /// The bits of the f32 that one of the input stands for.
        input_scale,
        /// The bits of the f32 that one divided by the output's scale is.
        output_factor,
    }
}

params! {
    /// `mean_pool`: sum over the tokens of each image, requantized to int8.
    MeanPool {
        /// Arena offset of the int8 input `[batch * tokens, stride]`.
        x,
        /// Arena offset of the int8 output `[batch, stride]`.
        out,
        /// Words in a row of either.
        stride,
        /// Tokens of one image.
        tokens,
        /// Images in the batch.
        batch,
        /// Weights offset of the channel parameters: multiplier (16 bits) and shift (next 8), a
        /// word for each of `stride * 4` channels.
        channel,
    }
}
