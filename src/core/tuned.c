#include "core/tuned.h"

#include "base/cache.h"
#include "base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 96, TEXT = EXCITON_TUNED * LINE };

/* What was measured holds for one driver, one library and one order of sums. The functions don't matter to the time. */
static exciton_cache_key key_of(const exciton_device *d, const exciton_se_problem *p)
{
    const uint32_t numbers[] = {EXCITON_NUMERICS, p->channels, p->hidden};
    exciton_cache_key key;
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "tuned 1");
    exciton_device_identify(d, &hash);
    exciton_cache_key_add(&hash, numbers, sizeof numbers);
    exciton_sha256_end(&hash, key.hex);
    return key;
}

static bool is_sound(const exciton_device *d, const exciton_winner *w)
{
    const exciton_se_way *way = &w->way;
    return w->batch && w->space && way->schedule >= EXCITON_SCHEDULE_THREE_STAGES && way->schedule <= EXCITON_SCHEDULE_PIPELINED &&
           way->form >= EXCITON_FORM_ROWS && way->form <= EXCITON_FORM_LANES && way->group_size && !(way->group_size & (way->group_size - 1)) &&
           way->group_size <= d->limits.max_group_size && way->shares && way->shares <= EXCITON_SE_SHARES && !(w->in_place && way->shares > 1);
}

static bool read_line(const char *text, int *used, exciton_winner *w)
{
    unsigned in_place, schedule, form;
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %u %u %u %" SCNu32 " %" SCNu32 "\n%n", &w->batch, &w->space, &in_place, &schedule, &form,
               &w->way.group_size, &w->way.shares, used) != 7)
        return false;
    w->in_place = in_place != 0;
    w->way.schedule = (exciton_schedule)schedule;
    w->way.form = (exciton_form)form;
    return *used > 0;
}

void exciton_winners_recall(const exciton_device *d, const exciton_se_problem *p, exciton_winners *winners)
{
    *winners = (exciton_winners){0};
    size_t bytes;
    char text[TEXT];
    exciton_cache_key key = key_of(d, p);
    char *entry = exciton_cache_read(&d->context->env, &key, &bytes);
    if (!entry)
        return;
    snprintf(text, sizeof text, "%.*s", (int)exciton_min(bytes, TEXT - 1), entry);
    exciton_release(&d->context->env, entry);
    exciton_winner w;
    int used = 0;
    for (const char *at = text; winners->count < EXCITON_TUNED && read_line(at, &used, &w); at += used)
        if (is_sound(d, &w))
            winners->list[winners->count++] = w;
}

void exciton_winners_remember(const exciton_device *d, const exciton_se_problem *p, const exciton_winners *winners)
{
    char text[TEXT];
    size_t used = 0;
    for (uint32_t i = 0; i < winners->count; ++i) {
        const exciton_winner *w = &winners->list[i];
        int length = snprintf(text + used, sizeof text - used, "%" PRIu64 " %" PRIu64 " %d %d %d %" PRIu32 " %" PRIu32 "\n", w->batch, w->space,
                              w->in_place, (int)w->way.schedule, (int)w->way.form, w->way.group_size, w->way.shares);
        if (length < 0 || (size_t)length >= sizeof text - used)
            break;
        used += (size_t)length;
    }
    exciton_cache_key key = key_of(d, p);
    exciton_cache_write(&d->context->env, &key, text, used);
}

const exciton_winner *exciton_winners_find(const exciton_winners *winners, uint64_t batch, uint64_t space, bool in_place)
{
    for (uint32_t i = 0; i < winners->count; ++i) {
        const exciton_winner *w = &winners->list[i];
        if (w->batch == batch && w->space == space && w->in_place == in_place)
            return w;
    }
    return NULL;
}

void exciton_winners_add(exciton_winners *winners, const exciton_winner *winner)
{
    uint32_t at = 0;
    while (at < winners->count && (winners->list[at].batch != winner->batch || winners->list[at].space != winner->space ||
                                   winners->list[at].in_place != winner->in_place))
        ++at;
    if (at == winners->count) /* a new one; the oldest goes where there is no room */
        at = winners->count < EXCITON_TUNED ? winners->count++ : EXCITON_TUNED - 1;
    memmove(&winners->list[1], &winners->list[0], at * sizeof winners->list[0]);
    winners->list[0] = *winner;
}
