#include "conformance/bed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, CHANNELS = 24, HIDDEN = 3, SPACE = 98 };

static bool fill_rounds(suite *s, bed *b)
{
    tensors chain;
    tensors_make(&b->v.c, &chain);
    bool ok = true;
    for (int r = 0; r <= BED_ROUNDS && ok; ++r) {
        b->rounds[r] = malloc(b->bytes);
        ok = b->rounds[r] && suite_reference(s, &b->v, &chain);
        if (ok) {
            memcpy(b->rounds[r], chain.x, b->bytes);
            memcpy(chain.x, chain.y, b->bytes);
        }
    }
    tensors_release(&chain);
    return ok;
}

bool bed_open(suite *s, bed *b, exciton_schedule schedule)
{
    *b = (bed){.v = variant_of_shape("bed", BATCH, CHANNELS, HIDDEN, SPACE)};
    b->v.c.output = EXCITON_OUTPUT_RESIDUAL; /* values stay in range through many rounds */
    b->v.schedule = schedule;
    tensors_make(&b->v.c, &b->t);
    b->bytes = b->t.count * sizeof(float);
    exciton_buffer **const buffers[] = {&b->x, &b->y, &b->z};
    bool ok = fill_rounds(s, b) && check_status(engine_plan(&s->device, &b->v, &b->t, &b->plan), EXCITON_OK, "bed: plan");
    for (int i = 0; i < 3 && ok; ++i)
        ok = check_status(exciton_buffer_create(s->device.device, b->bytes, EXCITON_DOMAIN_DEFAULT, buffers[i]), EXCITON_OK,
                          "bed: buffer");
    return ok && check_status(exciton_buffer_write(b->x, 0, b->t.x, b->bytes), EXCITON_OK, "bed: x");
}

void bed_close(bed *b)
{
    exciton_plan_destroy(b->plan);
    exciton_buffer_destroy(b->x);
    exciton_buffer_destroy(b->y);
    exciton_buffer_destroy(b->z);
    for (int r = 0; r <= BED_ROUNDS; ++r)
        free(b->rounds[r]);
    tensors_release(&b->t);
    memset(b, 0, sizeof *b);
}

exciton_status bed_bind(bed *b, exciton_buffer *in, exciton_buffer *out, exciton_binding **binding)
{
    return exciton_binding_create(b->plan, &(exciton_args){.in = {in, 0}, .out = {out, 0}}, binding);
}

exciton_status bed_poison(const bed *b, exciton_buffer *buffer)
{
    unsigned char *bytes = malloc(b->bytes);
    if (!bytes)
        return EXCITON_ERROR_MEMORY;
    memset(bytes, 0xff, b->bytes);
    exciton_status status = exciton_buffer_write(buffer, 0, bytes, b->bytes);
    free(bytes);
    return status;
}

static bool describe(const bed *b, const float *got, int round, char why[BED_WHY])
{
    const float *wanted = b->rounds[round];
    uint64_t first = b->t.count, last = 0, differ = 0;
    for (uint64_t i = 0; i < b->t.count; ++i)
        if (memcmp(&got[i], &wanted[i], sizeof got[i])) {
            first = differ ? first : i;
            last = i;
            ++differ;
        }
    if (differ) {
        uint32_t bits;
        memcpy(&bits, &got[first], sizeof bits);
        snprintf(why, BED_WHY, "%" PRIu64 " of %" PRIu64 " elements, from %" PRIu64 " to %" PRIu64 "; the first is %.9g (%08" PRIx32 "), not %.9g",
                 differ, b->t.count, first, last, got[first], bits, wanted[first]);
    }
    return differ != 0;
}

bool bed_differs(const bed *b, exciton_buffer *buffer, int round, char why[BED_WHY])
{
    float *got = malloc(b->bytes);
    exciton_status status = got ? exciton_buffer_read(buffer, 0, got, b->bytes) : EXCITON_ERROR_MEMORY;
    bool differs = status != EXCITON_OK;
    if (differs)
        snprintf(why, BED_WHY, "not read: %s", exciton_status_text(status));
    else
        differs = describe(b, got, round, why);
    free(got);
    return differs;
}

bool bed_holds(const bed *b, exciton_buffer *buffer, int round)
{
    char why[BED_WHY];
    return !bed_differs(b, buffer, round, why);
}
