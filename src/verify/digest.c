#include "verify/digest.h"

#include <stdio.h>
#include <string.h>

static void add_floats(exciton_sha256 *hash, const float *values, uint64_t count)
{
    uint8_t bytes[1024];
    size_t used = 0;
    for (uint64_t i = 0; i < count; ++i) {
        uint32_t word;
        memcpy(&word, &values[i], 4);
        for (int b = 0; b < 4; ++b)
            bytes[used++] = (uint8_t)(word >> (8 * b));
        if (used == sizeof bytes || i + 1 == count) {
            exciton_sha256_add(hash, bytes, used);
            used = 0;
        }
    }
}

void exciton_digest_begin(exciton_sha256 *hash, const char *suite)
{
    char text[96];
    int length = snprintf(text, sizeof text, "exciton %s numerics %d\n", suite, EXCITON_NUMERICS);
    exciton_sha256_begin(hash);
    exciton_sha256_add(hash, text, (size_t)length);
}

void exciton_digest_case(exciton_sha256 *hash, const exciton_case *c, const float *y, const float *s, const float *h,
                         const float *g)
{
    char text[EXCITON_CASE_TEXT];
    exciton_case_text(c, text);
    exciton_sha256_add(hash, text, strlen(text));
    exciton_sha256_add(hash, "\n", 1);
    add_floats(hash, y, exciton_case_count(c, EXCITON_CASE_X));
    add_floats(hash, s, c->shape.batch * c->channels);
    add_floats(hash, h, c->shape.batch * c->hidden);
    add_floats(hash, g, c->shape.batch * c->channels);
}
