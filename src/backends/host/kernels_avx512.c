/* The routines of kernels.c with AVX-512 (F, BW, DQ, VL): sixteen floats a vector. */
#define EXCITON_HOST_WIDTH 16
#define EXCITON_HOST_SET exciton_host_avx512
#define EXCITON_HOST_NAME "avx512"
#include "kernels.c"
