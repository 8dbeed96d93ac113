//! Makes lane functions from expressions on one lane. The loops have a fixed length and no branches,
//! so that the compiler vectorizes them.

/// `fn(&Word, …) -> Word` from an expression on `u32`s.
macro_rules! word {
    (|$($a:ident),+| $e:expr) => {{
        fn lanes($($a: &$crate::program::Word),+) -> $crate::program::Word {
            let mut out = [0; $crate::program::LANES];
            for lane in 0..$crate::program::LANES {
                $(let $a = $a[lane];)+
                out[lane] = $e;
            }
            out
        }
        lanes
    }};
}

/// `fn(&Long, …) -> Long` from an expression on `u64`s, or on whatever the arguments hold.
macro_rules! long {
    (|$($a:ident : $t:ty),+| $e:expr) => {{
        fn lanes($($a: &[$t; $crate::program::LANES]),+) -> $crate::program::Long {
            let mut out = [0; $crate::program::LANES];
            for lane in 0..$crate::program::LANES {
                $(let $a = $a[lane];)+
                out[lane] = $e;
            }
            out
        }
        lanes
    }};
    (|$($a:ident),+| $e:expr) => { long!(|$($a: u64),+| $e) };
}

/// `fn(&Word, u32) -> Word` from an expression on a lane and a value all lanes share.
macro_rules! word_by {
    (|$a:ident, $n:ident| $e:expr) => {{
        fn lanes($a: &$crate::program::Word, $n: u32) -> $crate::program::Word {
            let mut out = [0; $crate::program::LANES];
            for lane in 0..$crate::program::LANES {
                let $a = $a[lane];
                out[lane] = $e;
            }
            out
        }
        lanes
    }};
}

/// As `word_by`, of longs.
macro_rules! long_by {
    (|$a:ident, $n:ident| $e:expr) => {{
        fn lanes($a: &$crate::program::Long, $n: u32) -> $crate::program::Long {
            let mut out = [0; $crate::program::LANES];
            for lane in 0..$crate::program::LANES {
                let $a = $a[lane];
                out[lane] = $e;
            }
            out
        }
        lanes
    }};
}

/// `fn(&[T; 32], &[T; 32]) -> u32`: a bit for each lane of which the expression holds.
macro_rules! mask {
    (|$a:ident, $b:ident : $t:ty| $e:expr) => {{
        fn lanes($a: &[$t; $crate::program::LANES], $b: &[$t; $crate::program::LANES]) -> u32 {
            let mut out = 0;
            for lane in 0..$crate::program::LANES {
                let ($a, $b) = ($a[lane], $b[lane]);
                out |= u32::from($e) << lane;
            }
            out
        }
        lanes
    }};
}

pub(crate) use {long, long_by, mask, word, word_by};

/// A 16-bit value with its sign, as a word holds it.
pub(crate) fn half(value: u32) -> i32 {
    i32::from(value as u16 as i16)
}

/// The float whose bits a lane holds.
pub(crate) fn float(bits: u32) -> f32 {
    f32::from_bits(bits)
}
