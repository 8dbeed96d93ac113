//! Every CUDA kernel compiled by NVRTC for each generation of cards: no spills, no floats, and the
//! built-in PTX is that of the sources.
//!
//! `cargo xtask cuda-check` installs NVRTC and names it in `INTFORMER_NVRTC`; with
//! `INTFORMER_WRITE_PTX` the PTX is written instead of compared.

use std::{fmt::Write, path::Path};

use intformer::runtime::cuda::{PTX_TARGET, compile, nvrtc_version};
use intformer_shaders::{CUDA_KERNELS, CudaKernel, Dispatch, ptx_header};
use rayon::prelude::*;

/// Ampere, its consumer cards, Ada, Hopper.
const GENERATIONS: &[&str] = &["sm_80", "sm_86", "sm_89", "sm_90"];

/// Loads NVRTC, or says that nothing was run.
fn nvrtc() -> bool {
    if !intformer_tests::cuda::nvrtc() {
        println!(
            "NOT RUN: no CUDA kernel was compiled: INTFORMER_NVRTC is not set (cargo xtask \
             cuda-check sets it)"
        );
        return false;
    }
    let (major, minor) = nvrtc_version().expect("NVRTC was loaded");
    println!("NVRTC {major}.{minor}");
    true
}

/// The number before `what` in a line of the compiler.
fn number(log: &str, what: &str) -> u32 {
    let (before, _) = log
        .split_once(what)
        .unwrap_or_else(|| panic!("expected `{what}`, found {log}"));
    let word = before
        .split_whitespace()
        .next_back()
        .expect("a number before it");
    word.parse()
        .unwrap_or_else(|_| panic!("expected a number before `{what}`, found {log}"))
}

#[test]
fn no_kernel_spills_on_any_generation() {
    if !nvrtc() {
        return;
    }
    let pairs: Vec<(&CudaKernel, &str)> = CUDA_KERNELS
        .iter()
        .flat_map(|kernel| GENERATIONS.iter().map(move |arch| (kernel, *arch)))
        .collect();
    let compiled = pairs.par_iter().map(|&(kernel, arch)| {
        let made = compile(kernel.source(), arch);
        let log = made
            .unwrap_or_else(|error| panic!("{}: {error}", kernel.label()))
            .log;
        let numbers = [
            " bytes stack frame",
            " bytes spill stores",
            " bytes spill loads",
            " registers",
        ];
        (kernel.label(), arch, numbers.map(|what| number(&log, what)))
    });
    let compiled: Vec<_> = compiled.collect();
    println!("{:<36} {:>6} {:>9}", "kernel", "arch", "registers");
    for (label, arch, [_, _, _, registers]) in &compiled {
        println!("{label:<36} {arch:>6} {registers:>9}");
    }
    for (label, arch, [stack, stores, loads, _]) in compiled {
        assert_eq!(
            [stack, stores, loads],
            [0; 3],
            "{label} for {arch}: stack, spill stores, spill loads"
        );
    }
}

#[test]
fn the_built_in_ptx_is_integer_only_and_of_these_sources() {
    if !nvrtc() {
        return;
    }
    let made: Vec<String> = CUDA_KERNELS
        .par_iter()
        .map(|kernel| {
            let made = compile(kernel.source(), PTX_TARGET);
            let made = made.unwrap_or_else(|error| panic!("{}: {error}", kernel.label()));
            let text = String::from_utf8(made.image).expect("PTX is text");
            code(&text)
        })
        .collect();
    for (kernel, ptx) in CUDA_KERNELS.iter().zip(&made) {
        has_no_float(kernel, ptx);
    }
    assert!(
        Dispatch::NAMES
            .iter()
            .all(|name| CudaKernel::of(name).next().is_some())
    );
    if std::env::var_os("INTFORMER_WRITE_PTX").is_some() {
        let mut all = String::new();
        for (kernel, ptx) in CUDA_KERNELS.iter().zip(&made) {
            write!(all, "{}{ptx}", ptx_header(&kernel.label(), kernel.hash)).unwrap();
        }
        let bytes = miniz_oxide::deflate::compress_to_vec(all.as_bytes(), 10);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders/src/ptx.deflate");
        std::fs::write(&path, &bytes).unwrap();
        println!("{} bytes written", bytes.len());
        return;
    }
    for (kernel, ptx) in CUDA_KERNELS.iter().zip(&made) {
        let built_in = kernel.ptx();
        assert!(
            built_in == Some(ptx),
            "{}: the built-in PTX is of other sources: cargo xtask cuda-check --write",
            kernel.label()
        );
    }
}

/// `comparison` is what is measured against, and nothing else has floats.
fn has_no_float(kernel: &CudaKernel, ptx: &str) {
    if kernel.kernel != "float_gelu" {
        let float = [".f16", ".bf16", ".f32", ".f64", ".tf32"];
        let mut lines = ptx.lines();
        let found = lines.find(|line| float.iter().any(|kind| line.contains(kind)));
        assert_eq!(found, None, "{}: a float", kernel.label());
    }
}

/// Without a compiler, too.
#[test]
fn every_kernel_has_built_in_ptx_without_floats() {
    for kernel in CUDA_KERNELS {
        let label = kernel.label();
        let ptx = kernel.ptx().unwrap_or_else(|| {
            panic!("{label}: the built-in PTX is of other sources: cargo xtask cuda-check --write")
        });
        assert!(
            ptx.contains(&format!(".entry {}(", kernel.kernel)),
            "{label}"
        );
        has_no_float(kernel, ptx);
    }
}

/// PTX without comments and empty lines.
fn code(ptx: &str) -> String {
    let lines = ptx.trim_end_matches('\0').lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default().trim());
    let lines = lines.filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}
