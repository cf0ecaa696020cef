/* Verdicts that outlive a process: one entry of the cache a device, a line a variant. */
#include "core/selftest.h"

#include "base/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { IDENTITY = 17, LINE = EXCITON_WHY + 96, MOST = 256 /* findings an entry */ };

typedef struct exciton_memo {
    exciton_finding finding;
    char identity[IDENTITY]; /* of the kernel's source */
    bool checked;            /* it is this build's: hashing modules takes milliseconds, so only of what is asked for */
} exciton_memo;

struct exciton_memos {
    exciton_memo *list;
    uint32_t count, capacity;
    bool changed; /* since they were read or written */
};

/* ---- keys ---- */

static exciton_cache_key key_of(const exciton_device_info *info)
{
    exciton_cache_key key;
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "self-test 1");
    exciton_device_identify_info(info, &hash);
    exciton_sha256_end(&hash, key.hex);
    return key;
}

static void identify(const exciton_backend *backend, const exciton_kernel_spec *spec, char identity[IDENTITY])
{
    char hex[65];
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    backend->kernel_identify(spec, &hash);
    exciton_sha256_end(&hash, hex);
    memcpy(identity, hex, IDENTITY - 1);
    identity[IDENTITY - 1] = 0;
}

/* ---- lists ---- */

static exciton_memo *find(const struct exciton_memos *memos, const exciton_kernel_spec *spec)
{
    for (uint32_t i = 0; i < memos->count; ++i)
        if (exciton_kernel_same(&memos->list[i].finding.spec, spec))
            return &memos->list[i];
    return NULL;
}

/* Out of memory, or with too many, it is not kept: a test more, the next time. */
static bool add(const exciton_env *env, struct exciton_memos *memos, const exciton_memo *memo)
{
    exciton_memo *old = find(memos, &memo->finding.spec);
    if (old) {
        *old = *memo;
        return true;
    }
    if (memos->count == memos->capacity) {
        uint32_t capacity = memos->capacity ? memos->capacity * 2 : 16;
        exciton_memo *list = capacity <= MOST ? exciton_allocate_array(env, capacity, sizeof *list) : NULL;
        if (!list)
            return false;
        if (memos->count)
            memcpy(list, memos->list, memos->count * sizeof *list);
        exciton_release(env, memos->list);
        memos->list = list;
        memos->capacity = capacity;
    }
    memos->list[memos->count++] = *memo;
    return true;
}

/* ---- text ---- */

static int write_line(const exciton_memo *memo, char line[LINE])
{
    const exciton_kernel_spec *s = &memo->finding.spec;
    return snprintf(line, LINE, "%d %d %d %d %" PRIu32 " %" PRIu32 " %s %d %s\n", (int)s->kernel, (int)s->form, s->in_place, s->texels, s->group_size,
                    s->local_floats, memo->identity, (int)memo->finding.verdict, memo->finding.why);
}

/* A library's kernels are no part of what tells one entry from another, and so are tested by each process. */
static bool outlives(const exciton_memo *memo) { return !memo->finding.spec.clblast; }

/* Of a line without its end. */
static bool read_line(const char *line, exciton_memo *memo)
{
    int kernel, form, in_place, texels, verdict, at = 0;
    exciton_finding *f = &memo->finding;
    *memo = (exciton_memo){0};
    if (sscanf(line, "%d %d %d %d %" SCNu32 " %" SCNu32 " %16[0-9a-f] %d %n", &kernel, &form, &in_place, &texels, &f->spec.group_size,
               &f->spec.local_floats, memo->identity, &verdict, &at) != 8 || !at)
        return false;
    f->spec.kernel = (exciton_kernel)kernel;
    f->spec.form = (exciton_form)form;
    f->spec.in_place = in_place;
    f->spec.texels = texels;
    f->verdict = (exciton_answer)verdict;
    snprintf(f->why, sizeof f->why, "%s", line + at);
    return kernel >= 0 && kernel < EXCITON_KERNEL_COUNT && (form == EXCITON_FORM_ROWS || form == EXCITON_FORM_LANES) && f->spec.group_size &&
           verdict >= EXCITON_ANSWER_EXACT && verdict <= EXCITON_ANSWER_WRONG;
}

/* Those that `memos` has not. */
static void read_entry(const exciton_env *env, const exciton_device_info *info, struct exciton_memos *memos)
{
    size_t bytes;
    exciton_cache_key key = key_of(info);
    char *entry = exciton_cache_read(env, &key, &bytes), line[LINE];
    for (size_t at = 0, length; entry && at < bytes; at += length + 1) {
        const char *end = memchr(entry + at, '\n', bytes - at);
        exciton_memo memo;
        length = end ? (size_t)(end - entry) - at : bytes - at;
        if (length >= sizeof line)
            continue;
        memcpy(line, entry + at, length);
        line[length] = 0;
        if (read_line(line, &memo) && !find(memos, &memo.finding.spec))
            (void)add(env, memos, &memo);
    }
    exciton_release(env, entry);
}

/* Whether it is of this build's kernel. */
static bool holds(const exciton_backend *backend, exciton_memo *memo)
{
    char identity[IDENTITY];
    if (!memo->checked) {
        identify(backend, &memo->finding.spec, identity);
        memo->checked = !strcmp(identity, memo->identity);
    }
    return memo->checked;
}

/* ---- a device's ---- */

static struct exciton_memos *memos_of(exciton_device *d)
{
    const exciton_env *env = &d->context->env;
    if (d->memos || !(d->memos = exciton_allocate(env, sizeof *d->memos)))
        return d->memos;
    if (exciton_cache_exists(env))
        read_entry(env, &d->found->info, d->memos);
    return d->memos;
}

bool exciton_selftest_recall(exciton_device *d, const exciton_kernel_spec *spec, exciton_finding *finding)
{
    struct exciton_memos *memos = memos_of(d);
    exciton_memo *memo = memos ? find(memos, spec) : NULL;
    if (!memo || !holds(d->backend, memo))
        return false;
    *finding = memo->finding;
    return true;
}

void exciton_selftest_note(exciton_device *d, const exciton_finding *finding)
{
    struct exciton_memos *memos = memos_of(d);
    exciton_memo memo = {.finding = *finding, .checked = true};
    identify(d->backend, &finding->spec, memo.identity);
    if (memos && add(&d->context->env, memos, &memo))
        memos->changed = true;
}

/* What another process has written meanwhile stays. */
void exciton_selftest_remember(exciton_device *d)
{
    const exciton_env *env = &d->context->env;
    if (!d->memos || !d->memos->changed || !exciton_cache_exists(env))
        return;
    read_entry(env, &d->found->info, d->memos);
    char *text = exciton_allocate_array(env, d->memos->count, LINE);
    size_t used = 0;
    for (uint32_t i = 0; text && i < d->memos->count; ++i) {
        int length = outlives(&d->memos->list[i]) ? write_line(&d->memos->list[i], text + used) : 0;
        used += length > 0 && length < LINE ? (size_t)length : 0;
    }
    if (text) {
        exciton_cache_key key = key_of(&d->found->info);
        exciton_cache_write(env, &key, text, used);
    }
    exciton_release(env, text);
    d->memos->changed = false;
}

void exciton_selftest_forget(exciton_device *d)
{
    if (d->memos)
        exciton_release(&d->context->env, d->memos->list);
    exciton_release(&d->context->env, d->memos);
    d->memos = NULL;
}

/* ---- the public call ---- */

exciton_status exciton_device_answers(exciton_context *c, uint32_t index, exciton_answer_fn say, void *user)
{
    exciton_status status = exciton_object_check(c, EXCITON_KIND_CONTEXT, "device_answers");
    if (!status && !say)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "device_answers: say: NULL");
    if (!status)
        status = exciton_context_list(c);
    if (status)
        return status;
    if (index >= c->all.found_count)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "device_answers: index %" PRIu32 ": there are %" PRIu32, index, c->all.found_count);
    struct exciton_memos memos = {0};
    const exciton_found *found = &c->all.found[index];
    if (found->backend->kernel_identify && exciton_cache_exists(&c->env))
        read_entry(&c->env, &found->info, &memos);
    for (uint32_t i = 0; i < memos.count; ++i) {
        if (!holds(found->backend, &memos.list[i]))
            continue;
        const exciton_finding *f = &memos.list[i].finding;
        char variant[EXCITON_VARIANT_TEXT];
        exciton_variant_text(&f->spec, variant);
        say(user, variant, f->verdict, f->why);
    }
    exciton_release(&c->env, memos.list);
    return EXCITON_OK;
}
