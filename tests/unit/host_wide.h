/* The host's routines of AVX-512's width, which few machines run, for any x86-64. */
#ifndef EXCITON_TESTS_HOST_WIDE_H
#define EXCITON_TESTS_HOST_WIDE_H

#include "backends/host/host.h"

#if defined(__x86_64__)
#  define EXCITON_TEST_WIDE 1
extern const exciton_host_set exciton_test_wide;
#endif

#endif
