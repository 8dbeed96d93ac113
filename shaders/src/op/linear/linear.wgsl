// An int8 matrix product with its epilogue; twin: twin.rs.
#variant tile_64x64: TILED PACKED ROW_GROUPS=16 COL_GROUPS=4 THREAD_ROWS=4
#variant tile_32x64: TILED PACKED ROW_GROUPS=16 COL_GROUPS=4 THREAD_ROWS=2
#variant tile_16x64: TILED PACKED ROW_GROUPS=16 COL_GROUPS=4 THREAD_ROWS=1
#variant tile_128x64: TILED PACKED ROW_GROUPS=32 COL_GROUPS=4 THREAD_ROWS=4
#variant tile_128x128: TILED PACKED ROW_GROUPS=32 COL_GROUPS=8 THREAD_ROWS=4
#variant tile_64x64_unpacked: TILED ROW_GROUPS=16 COL_GROUPS=4 THREAD_ROWS=4
#variant tile_16x64_unpacked: TILED ROW_GROUPS=16 COL_GROUPS=4 THREAD_ROWS=1
#variant direct_8x4: PACKED THREADS=8 THREAD_ROWS=8 PASSES=4 PARTS=1
#variant direct_8x4_unpacked: THREADS=8 THREAD_ROWS=8 PASSES=4 PARTS=1
#variant direct_4x8_unpacked: THREADS=8 THREAD_ROWS=4 PASSES=2 PARTS=2
#variant direct_1x16_unpacked: THREADS=8 THREAD_ROWS=1 PASSES=1 PARTS=4
#variant spread_7x16: SPREAD THREADS=4 THREAD_ROWS=7
#variant spread_4x16: SPREAD THREADS=4 THREAD_ROWS=4
#variant spread_1x16: SPREAD THREADS=4 THREAD_ROWS=1

#import linear_params
#import dot
#import epilogue
#import grid
#ifdef TILED
#import linear_tiled
#else
#import linear_direct
#endif
