//! What the tests of `tests/tests` share.

pub mod cases;
pub mod configs;
pub mod synthetic;
