#include "conformance/bed.h"

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

bool bed_holds(const bed *b, exciton_buffer *buffer, int round)
{
    unsigned char *bytes = malloc(b->bytes);
    bool same = bytes && exciton_buffer_read(buffer, 0, bytes, b->bytes) == EXCITON_OK &&
                memcmp(bytes, b->rounds[round], b->bytes) == 0;
    free(bytes);
    return same;
}
