/// The list of operations, each with its name, the name of its type, and the feature that it needs:
/// hands it to the macro `$reader`. Who reads it: the modules and [`Dispatch`](crate::Dispatch) here,
/// the build script, and the plan's operations in the crate `intformer`.
///
/// An operation that needs the feature `comparison` is not integer-only, and is never in a model file.
#[macro_export]
macro_rules! operations {
    ($reader:ident) => {
        $reader! {
            /// u8 pixels to int8 patches.
            patch_gather: PatchGather,
            /// An int8 matrix product with its epilogue.
            linear: Linear,
            /// Layer normalization of int16 rows, then an int8 matrix product.
            norm_linear: NormLinear,
            /// Layer normalization of int16 rows.
            layer_norm: LayerNorm,
            /// Attention inside shifted windows.
            window_attention: WindowAttention,
            /// I-ViT's ShiftGELU.
            shift_gelu: ShiftGelu,
            /// GELU in floats, as a pass of its own.
            float_gelu: FloatGelu if "comparison",
            /// The mean over an image's tokens.
            mean_pool: MeanPool,
            /// Rows of tables, summed, for tokens.
            embedding: Embedding,
            /// Rows at given places.
            gather_rows: GatherRows,
            /// Attention of each token to all tokens of its item.
            attention: Attention,
            /// The same rows for each item.
            repeat_rows: RepeatRows,
            /// The mean or the largest of each item's rows.
            pool_rows: PoolRows,
        }
    };
}
