//! The float GELU pass against its twin and the definition: not bit-exact, but within one step.

#[allow(dead_code, reason = "shared with the tests of integer kernels")]
mod common;

use std::sync::PoisonError;

use common::gpu;
use intformer::runtime::cpu::Kernels;
use intformer_shaders::{Dispatch, Shader, op::float_gelu::FloatGelu};
use intformer_tests::cases::{Case, Data};

/// The exact GELU, by its integral.
fn gelu(x: f64) -> f64 {
    let steps = 4000;
    let width = x / std::f64::consts::SQRT_2 / f64::from(steps);
    let middle = |i: i32| (f64::from(i) + 0.5) * width;
    let sum: f64 = (0..steps).map(|i| (-middle(i).powi(2)).exp()).sum();
    0.5 * x * (1.0 + 2.0 / std::f64::consts::PI.sqrt() * sum * width)
}

#[test]
fn float_gelu_is_within_a_step_everywhere() {
    let (rows, k_words) = (37, 12);
    let (input_scale, output_scale) = (0.04f32, 0.03f32);
    let p = FloatGelu {
        rows,
        k_words,
        input_scale: input_scale.to_bits(),
        output_factor: (1.0 / output_scale).to_bits(),
        ..FloatGelu::default()
    };
    let case = Case::new(Dispatch::FloatGelu(p), Data::new(5, 0));
    let dispatch = case.dispatch;
    let Dispatch::FloatGelu(p) = dispatch else {
        unreachable!("it was made above")
    };
    let bytes = |arena: &[u32], at: u32| -> Vec<i8> {
        let words = &arena[at as usize..][..(rows * k_words) as usize];
        bytemuck::cast_slice(words).to_vec()
    };
    let start = case.arena.clone();
    let expected: Vec<f64> = bytes(&start, p.x)
        .iter()
        .enumerate()
        .map(|(at, &value)| {
            let channel = at % (4 * k_words) as usize;
            let bias = f32::from_bits(case.weights[p.bias as usize + channel]);
            let x = f64::from(value) * f64::from(input_scale) + f64::from(bias);
            (gelu(x) / f64::from(output_scale)).clamp(-127.0, 127.0)
        })
        .collect();
    let check = |who: &str, arena: &[u32]| {
        for (found, expected) in bytes(arena, p.out).into_iter().zip(&expected) {
            assert!(
                (f64::from(found) - expected).abs() < 1.0,
                "{who}: {found} for {expected}"
            );
        }
    };

    let mut arena = start.clone();
    dispatch.run_twin(&case.weights, &mut arena);
    check("twin", &arena);
    let mut arena = start.clone();
    Kernels::default().run(&dispatch, &case.weights, &mut arena);
    check("cpu", &arena);
    #[cfg(feature = "cuda")]
    {
        let device = common::cuda().lock();
        let device = device.unwrap_or_else(PoisonError::into_inner);
        let kernels = intformer_shaders::CudaKernel::of("float_gelu");
        let kernels: Vec<_> = kernels.filter(|k| device.can_run(k, &dispatch)).collect();
        assert!(!kernels.is_empty(), "no CUDA kernel fits {dispatch:?}");
        for kernel in kernels {
            let arena = device.run_once(kernel, &dispatch, &case.weights, &start);
            check(&format!("cuda {}", kernel.label()), &arena.unwrap());
        }
    }
    let Some(gpu) = gpu() else { return };
    let gpu = gpu.lock().unwrap_or_else(PoisonError::into_inner);
    for shader in Shader::of("float_gelu").filter(|shader| gpu.supports(shader)) {
        let arena = gpu.run_once_blocking(shader, &dispatch, &case.weights, &start);
        check(&shader.label(), &arena.unwrap());
    }
}
