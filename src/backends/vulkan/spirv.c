#include "backends/vulkan/spirv.h"

#include <string.h>

enum { HEADER = 5, OP_EXTENSION = 10, OP_ENTRY_POINT = 15, OP_EXECUTION_MODE = 16, OP_CAPABILITY = 17 };
enum { CAPABILITY_KEEPS_NAN = 4466, CAPABILITY_TO_NEAREST = 4467, MODE_KEEPS_NAN = 4461, MODE_TO_NEAREST = 4462 };

static const char extension[] = "SPV_KHR_float_controls";

static uint32_t head(uint32_t count, uint32_t opcode) { return count << 16 | opcode; }

static size_t put_capability(uint32_t *out, size_t used, uint32_t capability)
{
    out[used] = head(2, OP_CAPABILITY);
    out[used + 1] = capability;
    return used + 2;
}

static size_t put_extension(uint32_t *out, size_t used)
{
    uint32_t text[sizeof extension / 4 + 1] = {0}; /* a string ends with a zero byte, in whole words, first byte lowest */
    for (size_t i = 0; i < sizeof extension; ++i)
        text[i / 4] |= (uint32_t)(uint8_t)extension[i] << i % 4 * 8;
    uint32_t words = (sizeof extension + 3) / 4;
    out[used] = head(1 + words, OP_EXTENSION);
    memcpy(out + used + 1, text, words * sizeof *out);
    return used + 1 + words;
}

static size_t put_mode(uint32_t *out, size_t used, uint32_t entry, uint32_t mode)
{
    uint32_t words[] = {head(4, OP_EXECUTION_MODE), entry, mode, 32};
    memcpy(out + used, words, sizeof words);
    return used + 4;
}

/* A module's order: capabilities, extensions, …, entry points, execution modes, …. */
size_t exciton_vk_spirv_float_controls(const uint32_t *words, size_t count, bool rounds_to_nearest, bool keeps_nan, uint32_t *out)
{
    if (count < HEADER)
        return 0;
    memcpy(out, words, HEADER * sizeof *out);
    size_t used = HEADER;
    bool any = rounds_to_nearest || keeps_nan, extended = false, entered = false;
    if (rounds_to_nearest)
        used = put_capability(out, used, CAPABILITY_TO_NEAREST);
    if (keeps_nan)
        used = put_capability(out, used, CAPABILITY_KEEPS_NAN);
    for (size_t at = HEADER, size; at < count; at += size) {
        uint32_t opcode = words[at] & 0xffff;
        size = words[at] >> 16;
        if (size == 0 || size > count - at || (opcode == OP_ENTRY_POINT && (entered || size < 4)))
            return 0;
        if (opcode != OP_CAPABILITY && any && !extended) {
            used = put_extension(out, used);
            extended = true;
        }
        memcpy(out + used, words + at, size * sizeof *out);
        used += size;
        if (opcode != OP_ENTRY_POINT)
            continue;
        entered = true;
        if (rounds_to_nearest)
            used = put_mode(out, used, words[at + 2], MODE_TO_NEAREST);
        if (keeps_nan)
            used = put_mode(out, used, words[at + 2], MODE_KEEPS_NAN);
    }
    return entered ? used : 0;
}
