/* The floor's copies (core/floor.h): each copies every byte and no other, at sizes with and without a rest, and is timed. */
#include "conformance/suite.h"
#include "core/floor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void check_copy(exciton_floor *f, uint32_t index, const char *from, char *to)
{
    uint64_t copied = f->resident * sizeof(uint32_t), bytes = f->to->bytes, nanoseconds = 0;
    const char *name = exciton_floor_name(f, index);
    memset(to, 0xff, bytes);
    exciton_status status = exciton_buffer_write(f->to, 0, to, bytes);
    if (status == EXCITON_OK)
        status = exciton_floor_run(f, index, &nanoseconds);
    if (status == EXCITON_OK)
        status = exciton_buffer_read(f->to, 0, to, bytes);
    if (!check_status(status, EXCITON_OK, "%s of %" PRIu64 " elements", name, f->elements))
        return;
    uint64_t different = 0;
    for (uint64_t i = 0; i < bytes; ++i)
        different += to[i] != (i < copied ? from[i] : (char)0xff);
    check(different == 0, "%s of %" PRIu64 " elements: %" PRIu64 " bytes differ", name, f->elements, different);
    check(nanoseconds > 0, "%s of %" PRIu64 " elements: no time", name, f->elements);
}

static void check_floor(suite *s, uint64_t bytes)
{
    exciton_floor *f = NULL;
    if (!check_status(exciton_floor_create(s->device.device, bytes, &f), EXCITON_OK, "floor of %" PRIu64 " bytes", bytes))
        return;
    check(f->elements == (bytes + 7) / 8, "floor of %" PRIu64 " bytes: %" PRIu64 " elements", bytes, f->elements);
    char *from = malloc(f->from->bytes), *to = malloc(f->to->bytes);
    uint32_t count = exciton_floor_count(f);
    check(exciton_floor_name(f, count) == NULL, "a name beyond the last copy");
    if (check(from && to, "out of memory") &&
        check_status(exciton_buffer_read(f->from, 0, from, f->from->bytes), EXCITON_OK, "reading"))
        for (uint32_t i = 0; i < count; ++i)
            check_copy(f, i, from, to);
    /* Small sizes make some of them the same. */
    check(count >= (bytes >= 100000 && s->limits.compute_units != 1 ? 6 : 3), "floor of %" PRIu64 " bytes: %" PRIu32 " copies", bytes, count);
    free(from);
    free(to);
    exciton_floor_destroy(f);
}

void section_copies(suite *s)
{
    static const uint64_t sizes[] = {1, 8 * 4095, 8 * 4097, 8 * 24578 - 3, 8 * 100001};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i)
        check_floor(s, sizes[i]);
    exciton_floor *f = NULL;
    check_status(exciton_floor_create(s->device.device, 0, &f), EXCITON_ERROR_SHAPE, "a floor of no bytes");
    check_status(exciton_floor_create(s->device.device, UINT64_MAX, &f),
                 s->info.api == EXCITON_API_HOST ? EXCITON_ERROR_OVERFLOW : EXCITON_ERROR_LIMIT, "a floor of all bytes");
    check(f == NULL && exciton_floor_count(f) == 0, "what failed was made");
    exciton_floor_destroy(f);
}
