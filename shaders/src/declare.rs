//! How the parameters of an operation are declared, and what follows from a declaration: the block as it is
//! uploaded, sizes in a batch, bounds, traffic, and which dispatches take the same time.

use bytemuck::Pod;

/// Words in the uniform block of one dispatch.
pub const PARAM_WORDS: usize = 32;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A place in the arena that is read.
    Input,
    /// A place in the arena that is written; it may be an input that is added to.
    Output,
    /// A place in the arena whose content afterwards is unspecified.
    Scratch,
    /// A place in the weights.
    Weights,
    /// How many there are of something in the whole batch, by items or by tokens as the output is counted.
    Rows,
    /// The same of something that is read, as the first input is counted.
    Sources,
    /// An extent of each item or token, or what else decides which work is done.
    Extent,
    /// A number of the model, which changes values alone.
    Number,
}

impl Kind {
    /// Whether it is a place in the arena.
    pub fn is_arena(self) -> bool {
        matches!(self, Self::Input | Self::Output | Self::Scratch)
    }
}

/// What lies at a place: what a plan guarantees, and what tests fill it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Anything.
    Any,
    /// Four values of -127 to 127 a word.
    Int8,
    /// Four values of -128 to 127 a word: pixels, which alone reach -128, or [`Content::Int8`].
    Byte,
    /// A multiplier (low 16 bits) and a shift (next 8) from the first to the second a word.
    Scale(u8, u8),
    /// The same with few shifts above 14: factors of attention logits.
    LogitScale,
    /// Pairs of a bias of at most 2^29 and a [`Content::Scale`].
    BiasScale,
    /// Pairs of a norm's multiplier (signed, low 16 bits), shift (next 8) and exponent (top 8), and of a
    /// bias of at most 2^29.
    Norm,
    /// A table of 256 bytes that begins with 255.
    Exponentials,
    /// Position biases: i32 of at most 2^28.
    PositionBias,
    /// A number below this.
    Below(u32),
    /// Four words: a token's id, position and segment, each below one of these, and any word.
    Token([u32; 3]),
    /// Four words: an item's first row, and how many it has, all of them below this; any words.
    Span(u32),
    /// Four words: any, and in the last an item below this.
    Item(u32),
    /// A table of pairs of 16 bits, from 2047 on to 0.
    Softmax,
    /// Bits of f32.
    Float,
}

/// A field of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, the same in the WGSL struct.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// The words at a place that a dispatch reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The field that holds the place.
    pub field: &'static str,
    /// What the place is.
    pub kind: Kind,
    /// What lies there.
    pub content: Content,
    /// First word, in the arena or in the weights.
    pub offset: u32,
    /// Words; 0 where the dispatch does not use the place.
    pub words: u64,
}

/// The parameters of an operation: nothing but `u32`, in the order of the uniform block.
///
/// Offsets count 32-bit words from the start of the arena or of the weights; row strides count words too.
pub trait Parameters: Pod + Default {
    /// The fields in order.
    const FIELDS: &'static [Field];

    /// What is read and written.
    fn regions(&self) -> Vec<Region>;

    /// Each field replaced by what `value` makes of it.
    fn map(mut self, value: &dyn Fn(&Field, u32) -> u32) -> Self {
        let words = bytemuck::cast_slice_mut(std::slice::from_mut(&mut self));
        for (word, field) in words.iter_mut().zip(Self::FIELDS) {
            *word = value(field, *word);
        }
        self
    }

    /// The block as it is uploaded.
    fn words(&self) -> [u32; PARAM_WORDS] {
        let mut words = [0; PARAM_WORDS];
        let fields: &[u32] = bytemuck::cast_slice(std::slice::from_ref(self));
        words[..fields.len()].copy_from_slice(fields);
        words
    }
}

/// Declares parameters: `name: Kind` for each field, and `name: Kind(Content, words)` for a place, where
/// `words` is computed in `u64` from the fields.
macro_rules! parameters {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $kind:ident $(($content:expr, $words:expr))?),* $(,)?
    }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name { $($(#[$field_meta])* pub $field: u32),* }

        impl $crate::declare::Parameters for $name {
            const FIELDS: &'static [$crate::declare::Field] = &[$($crate::declare::Field {
                name: stringify!($field),
                kind: $crate::declare::Kind::$kind,
            }),*];

            #[allow(unused_variables, reason = "sizes take some of the fields")]
            fn regions(&self) -> Vec<$crate::declare::Region> {
                #[allow(unused_imports, reason = "some have one content alone")]
                use $crate::declare::Content::*;
                $(let $field = u64::from(self.$field);)*
                vec![$($($crate::declare::Region {
                    field: stringify!($field),
                    kind: $crate::declare::Kind::$kind,
                    content: $content,
                    offset: self.$field,
                    words: $words,
                },)?)*]
            }
        }
    };
}
pub(crate) use parameters;
