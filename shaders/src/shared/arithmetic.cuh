// The scalar arithmetic of docs/INTEGER.md. A product of 32 by 16 bits is exact in 64.

// The whole product, in one instruction with what is added to it. Of a * b in C++, compilers make three where they find
// out that a factor is not negative; of mad.wide, too.
__device__ __forceinline__ long long multiply(int a, int b) {
    long long product;
    asm("mul.wide.s32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
    return product;
}

// A multiplier, and by how much its products are shifted.
struct Scale {
    int multiplier;
    unsigned shift;
};

__device__ __forceinline__ Scale unpack_scale(unsigned word) {
    return {int(word & 0xffff), 16 + (word >> 16 & 0xff)};
}

// What is added to a product so that the shift rounds.
__device__ __forceinline__ long long rounding(Scale s) { return 1ll << (s.shift - 1); }

__device__ __forceinline__ int requantize(int value, Scale s) {
    return int((multiply(value, s.multiplier) + rounding(s)) >> s.shift);
}

__device__ __forceinline__ int scale(int value, int multiplier) { return int(multiply(value, multiplier) >> 16); }

// `value << by`, and 0 where C++ leaves open what comes of a `by` above 31.
__device__ __forceinline__ int shift_up(int value, unsigned by) {
    int shifted;
    asm("shl.b32 %0, %1, %2;" : "=r"(shifted) : "r"(value), "r"(by));
    return shifted;
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

// Four int8, saturated, the first in the lowest byte.
__device__ __forceinline__ unsigned pack_bytes(int a, int b, int c, int d) {
    unsigned high, word;
    asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(high) : "r"(d), "r"(c), "r"(0));
    asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(word) : "r"(b), "r"(a), "r"(high));
    return word;
}

// The same for uint8.
__device__ __forceinline__ unsigned pack_unsigned_bytes(int a, int b, int c, int d) {
    unsigned high, word;
    asm("cvt.pack.sat.u8.s32.b32 %0, %1, %2, %3;" : "=r"(high) : "r"(d), "r"(c), "r"(0));
    asm("cvt.pack.sat.u8.s32.b32 %0, %1, %2, %3;" : "=r"(word) : "r"(b), "r"(a), "r"(high));
    return word;
}

// Four int8 of which -128 becomes -127.
__device__ __forceinline__ unsigned pack_symmetric(int a, int b, int c, int d) {
    return pack_bytes(max(a, -127), max(b, -127), max(c, -127), max(d, -127));
}

// The sum of four uint8 and of what came before.
__device__ __forceinline__ unsigned add_bytes(unsigned word, unsigned before) {
    unsigned sum;
    asm("dp4a.u32.u32 %0, %1, %2, %3;" : "=r"(sum) : "r"(word), "r"(0x01010101), "r"(before));
    return sum;
}

// The sum of the products of four int8 pairs and of what came before.
__device__ __forceinline__ int add_products(unsigned a, unsigned b, int before) {
    int sum;
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(b), "r"(before));
    return sum;
}

// Two int16, saturated, the first in the lower half.
__device__ __forceinline__ unsigned pack_halves(int a, int b) {
    unsigned word;
    asm("cvt.pack.sat.s16.s32 %0, %1, %2;" : "=r"(word) : "r"(b), "r"(a));
    return word;
}
