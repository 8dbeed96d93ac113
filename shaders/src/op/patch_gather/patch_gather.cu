// u8 pixels to int8 patches (docs/INTEGER.md, "patch_gather"). One thread writes one word.
#pragma variant plain: THREADS=256

extern "C" __global__ void __launch_bounds__(THREADS)
    patch_gather(const unsigned* __restrict__, unsigned* arena, const Params p) {
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (at >= (size_t)p.rows * p.k_words) return;
    unsigned row = unsigned(at / p.k_words), word = unsigned(at % p.k_words);
    unsigned image_rows = p.prefix + p.grid_height * p.grid_width;
    unsigned image = row / image_rows, cell = row % image_rows - p.prefix;
    if (row % image_rows < p.prefix) {
        arena[p.out + at] = 0;
        return;
    }
    unsigned y = cell / p.grid_width, x = cell % p.grid_width;
    unsigned line = p.patch_size * p.channels;
    const unsigned char* pixels = (const unsigned char*)(arena + p.image + (size_t)image * p.image_stride);
    pixels += (size_t)(y * p.patch_size * p.grid_width + x) * line;
    size_t lines_apart = (size_t)p.grid_width * line;

    unsigned value = 0;
    if (line % 4 == 0) {
        unsigned byte = 4 * word;
        if (byte < p.patch_size * line) {
            value = *(const unsigned*)(pixels + byte / line * lines_apart + byte % line) ^ 0x80808080;
        }
    } else {
        for (unsigned i = 0; i < 4; ++i) {
            unsigned byte = 4 * word + i;
            if (byte >= p.patch_size * line) break;
            value |= unsigned(pixels[byte / line * lines_apart + byte % line] ^ 0x80) << 8 * i;
        }
    }
    arena[p.out + at] = value;
}
