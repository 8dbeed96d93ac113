// An int8 matrix product with its epilogue; twin: src/twin/linear.rs.
#import linear_params
#import dot
#import epilogue
#import grid
#ifdef TILED
#import linear_tiled
#else
#import linear_direct
#endif
