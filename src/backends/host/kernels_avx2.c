/* The routines of kernels.c with AVX2: eight floats a vector. */
#define EXCITON_HOST_WIDTH 8
#define EXCITON_HOST_SET exciton_host_avx2
#define EXCITON_HOST_NAME "avx2"
#include "kernels.c"
