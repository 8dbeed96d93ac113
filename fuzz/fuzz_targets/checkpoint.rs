//! Any bytes as a float checkpoint in any format, with some options: a refusal or a valid model, never
//! a panic.
