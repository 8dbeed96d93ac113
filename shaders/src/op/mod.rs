//! The operations: a folder for each, with its declaration and cost, its scalar twin, its WGSL and its
//! CUDA C, all under one name.

mod list;

use crate::{
    Cost, Shader,
    declare::{Field, Kind, PARAM_WORDS, Parameters, Region},
};
#[cfg(feature = "cuda")]
use crate::{CudaKernel, Grid};

/// What an operation says of itself beside its kernels.
pub trait Operation {
    /// The parameters of a dispatch.
    type Params: Parameters;

    /// The scalar twin: plain Rust, slow on purpose, to be read beside `docs/INTEGER.md`. It works on the
    /// same two buffers as the kernels.
    fn twin(p: &Self::Params, weights: &[u32], arena: &mut [u32]);

    /// Products of two int8 values that are summed; padding counts.
    fn multiply_adds(_: &Self::Params) -> u64 {
        0
    }

    /// Words that are read and written at least: all at its places, unless it is said here.
    fn moved(p: &Self::Params) -> u64 {
        let regions = p.regions().into_iter();
        let moved = regions.filter(|region| region.kind != Kind::Scratch);
        moved.map(|region| region.words).sum()
    }

    /// Steps on single values: a rough cost, to compare dispatches by.
    fn work(p: &Self::Params) -> u64;

    /// The extents, for people.
    fn shape(p: &Self::Params) -> String;

    /// Makes the dispatch smaller by about `factor`, which is at least 2, without another kind of work:
    /// for measuring where the whole would take too long.
    fn shrink(p: &mut Self::Params, factor: u32);

    /// What is measured in its place: it must do as much work whatever lies in the arena.
    fn sample(p: &Self::Params) -> Self::Params {
        *p
    }

    /// Whether the variant `shader` can run the dispatch.
    fn fits(_: &Self::Params, _: &Shader) -> bool {
        true
    }

    /// Workgroups of the variant `shader`.
    fn workgroups(p: &Self::Params, shader: &Shader) -> u64;

    /// Threads of a block of the variant `kernel`.
    #[cfg(feature = "cuda")]
    fn threads(kernel: &CudaKernel) -> u32;

    /// The blocks of the variant `kernel` on a device with so many multiprocessors; `None` if it cannot
    /// run the dispatch.
    #[cfg(feature = "cuda")]
    fn grid(p: &Self::Params, kernel: &CudaKernel, processors: u32) -> Option<Grid>;

    /// Extents and numbers of a small dispatch, for tests; places are 0. `draw(low, high)` gives a number
    /// from `low` to `high`. What kernels do at once, in rows or columns, should be exceeded at times.
    fn example(draw: &mut dyn FnMut(u32, u32) -> u32) -> Self::Params;
}

/// A product of extents.
fn product(factors: &[u32]) -> u64 {
    factors.iter().map(|&factor| u64::from(factor)).product()
}

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident: $type:ident $(if $feature:literal)?),* $(,)?) => {
        $($(#[cfg(feature = $feature)])? pub mod $name;)*

        /// An operation with the parameters of one dispatch.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Dispatch {
            $($(#[$doc])* $(#[cfg(feature = $feature)])? $type(<$name::Op as Operation>::Params)),*
        }

        impl Dispatch {
            /// Names of all operations: their folders, labels and benchmarks.
            pub const NAMES: &'static [&'static str] =
                &[$($(#[cfg(feature = $feature)])? stringify!($name)),*];

            /// The names of those that are integer-only: they have the same bits everywhere.
            pub const INTEGER: &'static [&'static str] =
                &[$($(#[cfg(all(feature = $feature, false))])? stringify!($name)),*];

            /// The operation's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(_) => stringify!($name)),*
                }
            }

            /// The uniform block.
            pub fn words(&self) -> [u32; PARAM_WORDS] {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => p.words()),*
                }
            }

            /// The words that the dispatch reads and writes; 0 of them where a place is not used.
            pub fn regions(&self) -> Vec<Region> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => p.regions()),*
                }
            }

            /// Runs the scalar twin over `weights` and `arena`.
            pub fn run_twin(&self, weights: &[u32], arena: &mut [u32]) {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::twin(p, weights, arena)),*
                }
            }

            /// Products of two int8 values that are summed; padding counts.
            fn multiply_adds(&self) -> u64 {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::multiply_adds(p)),*
                }
            }

            /// Words that are read and written at least.
            fn moved(&self) -> u64 {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::moved(p)),*
                }
            }

            /// Steps on single values: a rough cost, to compare dispatches by.
            pub fn work(&self) -> u64 {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::work(p)),*
                }
            }

            /// The extents, for people.
            pub fn shape(&self) -> String {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::shape(p)),*
                }
            }

            /// Whether the variant `shader` of its own kernel can run it.
            pub(crate) fn fits_variant(&self, shader: &Shader) -> bool {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::fits(p, shader)),*
                }
            }

            /// Workgroups of the variant `shader` of its own kernel.
            pub(crate) fn variant_workgroups(&self, shader: &Shader) -> u64 {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::workgroups(p, shader)),*
                }
            }

            /// Blocks of the variant `kernel` of its own kernel.
            #[cfg(feature = "cuda")]
            pub(crate) fn grid(&self, kernel: &CudaKernel, processors: u32) -> Option<Grid> {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::grid(p, kernel, processors)),*
                }
            }

            /// Every parameter replaced by what `value` makes of it.
            fn map(&self, value: &dyn Fn(&Field, u32) -> u32) -> Self {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => Self::$type(p.map(value))),*
                }
            }

            /// What is measured in its place: it does as much work whatever lies in the arena.
            #[must_use]
            pub fn sample(&self) -> Self {
                match self {
                    $($(#[cfg(feature = $feature)])? Self::$type(p) => Self::$type($name::Op::sample(p))),*
                }
            }

            /// A smaller dispatch of the same kind with at most about `limit` work, for measuring on
            /// devices where the whole would take too long.
            pub fn shrunk(mut self, limit: u64) -> Self {
                let factor = self.work().div_ceil(limit.max(1)).min(1 << 31) as u32;
                if factor > 1 {
                    match &mut self {
                        $($(#[cfg(feature = $feature)])? Self::$type(p) => $name::Op::shrink(p, factor)),*
                    }
                }
                self
            }

            /// A small dispatch of the operation `name`, for tests: its places are 0, and
            /// `draw(low, high)` gives a number from `low` to `high`.
            ///
            /// # Panics
            /// If there is no such operation.
            pub fn example(name: &str, draw: &mut dyn FnMut(u32, u32) -> u32) -> Self {
                $($(#[cfg(feature = $feature)])? if name == stringify!($name) {
                    return Self::$type($name::Op::example(draw));
                })*
                panic!("no operation {name}")
            }
        }

        #[cfg(feature = "cuda")]
        impl CudaKernel {
            /// Threads of a block.
            pub fn threads(&self) -> u32 {
                $($(#[cfg(feature = $feature)])? if self.kernel == stringify!($name) {
                    return $name::Op::threads(self);
                })*
                unreachable!("the build script knows the list")
            }
        }

        // A kernel with another uniform block than the declared one would read other values.
        $($(#[cfg(feature = $feature)])? const _: () = assert!(
            Shader::have_fields(stringify!($name), <$name::Op as Operation>::Params::FIELDS),
            concat!("`struct Params` of ", stringify!($name), ".wgsl has other fields than the declaration")
        );)*
    };
}

crate::operations!(declare);

impl Dispatch {
    /// The dispatch of so many times as many [`Kind::Rows`] and [`Kind::Sources`].
    pub fn times(&self, rows: u32, sources: u32) -> Self {
        self.map(&|field, value| match field.kind {
            Kind::Rows => value * rows,
            Kind::Sources => value * sources,
            _ => value,
        })
    }

    /// The dispatch without its places and numbers: two of the same class take the same time.
    pub fn class(&self) -> Self {
        self.map(&|field, value| match field.kind {
            Kind::Rows | Kind::Sources | Kind::Extent => value,
            _ => 0,
        })
    }

    /// The dispatch with each place that it uses where `place` says.
    pub fn placed(&self, mut place: impl FnMut(&Region) -> u32) -> Self {
        let used = self.regions().into_iter().filter(|region| region.words > 0);
        let places: Vec<_> = used.map(|region| (region.field, place(&region))).collect();
        self.map(&|field, value| {
            let placed = places.iter().find(|(name, _)| *name == field.name);
            placed.map_or(value, |&(_, at)| at)
        })
    }

    /// The first place that does not lie inside `weights` or `arena` of so many words.
    pub fn outside(&self, weights: usize, arena: usize) -> Option<Region> {
        self.regions().into_iter().find(|region| {
            let most = if region.kind.is_arena() {
                arena
            } else {
                weights
            };
            let end = region.words.checked_add(region.offset.into());
            region.words > 0 && end.is_none_or(|end| end > most as u64)
        })
    }

    /// The least work of this dispatch.
    pub fn cost(&self) -> Cost {
        Cost {
            multiply_adds: self.multiply_adds(),
            bytes: 4 * self.moved(),
        }
    }

    /// `norm_linear` as two dispatches, the norm to its scratch and the product of that; `None` for
    /// other kernels.
    pub fn split(&self) -> Option<[Self; 2]> {
        match self {
            Self::NormLinear(p) => Some(norm_linear::split(p)),
            _ => None,
        }
    }
}
