// GELU as FasterTransformer's int8 Swin has it, a pass of its own: int8 to float, a bias, the tanh form, and back. One
// thread takes 16 bytes.
#pragma variant plain: THREADS=256

#include "shared/arithmetic.cuh"

__device__ __forceinline__ float gelu(float x) {
    return 0.5f * x * (1.0f + tanhf(0.7978846f * (x + 0.044715f * x * x * x)));
}

extern "C" __global__ void __launch_bounds__(THREADS)
    float_gelu(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    unsigned pieces = p.k_words / 4;
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (at >= (size_t)p.rows * pieces) return;
    const float4* bias = (const float4*)(weights + p.bias) + at % pieces * 4;
    float input_scale = __uint_as_float(p.input_scale), output_factor = __uint_as_float(p.output_factor);
    uint4 found = ((const uint4*)(arena + p.x))[at];
    unsigned words[4] = {found.x, found.y, found.z, found.w};
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        float4 four = bias[w];
        float biases[4] = {four.x, four.y, four.z, four.w};
        int v[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            float y = gelu(float(byte_of(words[w], i)) * input_scale + biases[i]);
            v[i] = int(fminf(fmaxf(rintf(y * output_factor), -127.0f), 127.0f));
        }
        words[w] = pack_bytes(v[0], v[1], v[2], v[3]);
    }
    ((uint4*)(arena + p.out))[at] = make_uint4(words[0], words[1], words[2], words[3]);
}
