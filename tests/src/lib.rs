//! What the tests of `tests/tests` share.

pub mod synthetic;
