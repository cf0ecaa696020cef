/* The shaders as words, and what is put into them for a device. */
#ifndef EXCITON_BACKENDS_VULKAN_SPIRV_H
#define EXCITON_BACKENDS_VULKAN_SPIRV_H

#include "base/catalogue.h"

/* The module of a variant; NULL: there is none. Static. */
const uint32_t *exciton_vk_shader(const exciton_kernel_spec *spec, size_t *words);

enum { EXCITON_VK_SPIRV_EXTRA = 19 }; /* words that the next may add */

/* Copies a module and adds the float controls of SPV_KHR_float_controls for 32 bits: RoundingModeRTE, and
 * SignedZeroInfNanPreserve. `out` has room for count + EXCITON_VK_SPIRV_EXTRA words. Returns the words written; 0: not a
 * module of one entry point. */
size_t exciton_vk_spirv_float_controls(const uint32_t *words, size_t count, bool rounds_to_nearest, bool keeps_nan, uint32_t *out);

#endif
