//! What the studies of `intformer reproduce` share. Nothing here knows what a study is about.
//!
//! A study keeps its runs in a [`folder`], makes them as [`jobs`], and answers with a [`page`]: the
//! [`verdict`], then [`html`] with [`chart`]s, all computed from [`spread`]s of few seeds.

pub mod bootstrap;
pub mod chart;
pub mod comparison;
pub mod data;
pub mod examples;
pub mod folder;
pub mod html;
pub mod jobs;
pub mod machine;
pub mod numbers;
pub mod page;
pub mod picture;
pub mod sets;
pub mod spread;
pub mod verdict;
