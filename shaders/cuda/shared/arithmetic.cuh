// The scalar arithmetic of docs/INTEGER.md. A product of 32 by 16 bits is exact in 64.

struct Scale {
    int multiplier;
    unsigned shift;
};

__device__ __forceinline__ Scale unpack_scale(unsigned word) {
    return {int(word & 0xffff), word >> 16 & 0xff};
}

__device__ __forceinline__ int scale(int value, int multiplier) {
    return int((long long)value * multiplier >> 16);
}

__device__ __forceinline__ int requantize(int value, Scale s) {
    return (scale(value, s.multiplier) + (1 << (s.shift - 1))) >> s.shift;
}

__device__ __forceinline__ int clamp(int value, int low, int high) {
    return min(max(value, low), high);
}

__device__ __forceinline__ unsigned bits(unsigned value) { return 32 - __clz(value); }

__device__ __forceinline__ unsigned square_root(unsigned value) {
    unsigned root = 0;
#pragma unroll
    for (int bit = 15; bit >= 0; --bit) {
        unsigned trial = root | 1u << bit;
        root = trial * trial <= value ? trial : root;
    }
    return root;
}

// Sign-extended byte of a word.
__device__ __forceinline__ int byte_of(unsigned word, int at) { return int(word << (24 - 8 * at)) >> 24; }

// Sign-extended half of a word.
__device__ __forceinline__ int half_of(unsigned word, int at) { return int(word << (16 - 16 * at)) >> 16; }

__device__ __forceinline__ unsigned pack_bytes(int a, int b, int c, int d) {
    return __byte_perm(__byte_perm(a, b, 0x0040), __byte_perm(c, d, 0x0040), 0x5410);
}

__device__ __forceinline__ unsigned pack_halves(int a, int b) { return __byte_perm(a, b, 0x5410); }
