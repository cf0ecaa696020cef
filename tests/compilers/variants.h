/* Every kernel variant that is handed to a compiler, and which of them the choice of a schedule takes on a GPU. */
#ifndef EXCITON_TESTS_COMPILERS_VARIANTS_H
#define EXCITON_TESTS_COMPILERS_VARIANTS_H

#include "base/catalogue.h"

enum { COMPILED_VARIANTS = 96 };

typedef struct compiled_variant {
    exciton_kernel_spec spec;
    bool taken; /* on a GPU, unless a form is forced */
} compiled_variant;

/* All forms, in place and not, of all kernels. Returns how many; 0: the library refused what it was asked. */
uint32_t compiled_variants(compiled_variant variants[COMPILED_VARIANTS]);

/* "sample_lanes_in_place", as the modules of the build are called. */
void compiled_variant_name(const exciton_kernel_spec *spec, char name[64]);

#endif
