#include "core/select.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const api_words[] = {"host", "opencl", "vulkan"};

static bool same_word(const char *a, const char *b, size_t length)
{
    if (strlen(b) != length)
        return false;
    for (size_t i = 0; i < length; ++i)
        if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]))
            return false;
    return true;
}

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; ++text) {
        size_t i = 0;
        while (i < length && text[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            ++i;
        if (i == length)
            return true;
    }
    return false;
}

/* One physical device seen through two APIs. */
static bool same_device(const exciton_found *a, const exciton_found *b)
{
    if (a->info.api == b->info.api)
        return false;
    if (a->info.has_uuid && b->info.has_uuid && !memcmp(a->info.uuid, b->info.uuid, sizeof a->info.uuid))
        return true;
    return a->has_pci && b->has_pci && !memcmp(a->pci, b->pci, sizeof a->pci);
}

/* discrete, integrated, virtual, software, host. */
static int rank(const exciton_found *f) { return EXCITON_DEVICE_DISCRETE - (int)f->info.type + (f->info.type == EXCITON_DEVICE_HOST ? 1 : 0); }

/* ---- messages ---- */

static exciton_status refuse(exciton_status status, const exciton_found *found, uint32_t count, const char *selector)
{
    char list[768] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < count && used < sizeof list; ++i) {
        int n = snprintf(list + used, sizeof list - used, "%s%s:%s (%s)", i ? ", " : "", api_words[found[i].info.api], found[i].info.driver,
                         found[i].info.name);
        used += n > 0 ? (size_t)n : 0;
    }
    return exciton_fail(status, "device: '%s': %s; there is %s", selector, status == EXCITON_ERROR_ABSENT ? "absent" : "more than one has that name",
                        list[0] ? list : "none");
}

/* ---- class words ---- */

typedef bool (*filter_fn)(const exciton_found *);

static bool is_gpu(const exciton_found *f) { return f->info.type >= EXCITON_DEVICE_VIRTUAL; }
static bool is_cpu(const exciton_found *f) { return f->info.type == EXCITON_DEVICE_SOFTWARE; }
static bool is_host(const exciton_found *f) { return f->info.api == EXCITON_API_HOST; }
static bool is_opencl(const exciton_found *f) { return f->info.api == EXCITON_API_OPENCL; }
static bool is_vulkan(const exciton_found *f) { return f->info.api == EXCITON_API_VULKAN; }
static bool is_auto(const exciton_found *f) { return f->info.type != EXCITON_DEVICE_SOFTWARE; }
static bool is_any(const exciton_found *f) { return f != NULL; }

static const struct {
    const char *word;
    filter_fn filter;
} classes[] = {{"auto", is_auto}, {"gpu", is_gpu}, {"cpu", is_cpu}, {"host", is_host}, {"opencl", is_opencl}, {"vulkan", is_vulkan}};

/* A GPU seen through both APIs is taken through Vulkan. */
static bool better(const exciton_found *a, const exciton_found *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    return a->info.api == EXCITON_API_VULKAN && same_device(a, b);
}

static exciton_status first_of(const exciton_found *found, uint32_t count, filter_fn filter, const char *selector, uint32_t *index)
{
    const exciton_found *best = NULL;
    for (uint32_t i = 0; i < count; ++i)
        if (filter(&found[i]) && (!best || better(&found[i], best)))
            best = &found[i];
    if (!best)
        return refuse(EXCITON_ERROR_ABSENT, found, count, selector);
    *index = (uint32_t)(best - found);
    return EXCITON_OK;
}

/* ---- names ---- */

static bool is_uuid(const char *text, uint8_t uuid[16])
{
    unsigned digits = 0;
    for (; *text; ++text) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || digits == 32)
            return false;
        int c = tolower((unsigned char)*text), value = c <= '9' ? c - '0' : c - 'a' + 10;
        uuid[digits / 2] = (uint8_t)(digits % 2 ? uuid[digits / 2] | value : value << 4);
        ++digits;
    }
    return digits == 32;
}

static bool matches(const exciton_found *f, const char *part, const uint8_t *uuid)
{
    if (uuid)
        return f->info.has_uuid && !memcmp(f->info.uuid, uuid, sizeof f->info.uuid);
    return contains(f->info.name, part) || contains(f->info.driver, part);
}

static exciton_status by_part(const exciton_found *found, uint32_t count, filter_fn filter, const char *part, const char *selector, uint32_t *index)
{
    uint8_t uuid[16];
    const uint8_t *wanted = is_uuid(part, uuid) ? uuid : NULL;
    const exciton_found *best = NULL;
    for (uint32_t i = 0; *part && i < count; ++i) {
        if (!filter(&found[i]) || !matches(&found[i], part, wanted))
            continue;
        if (best && !same_device(best, &found[i]))
            return refuse(EXCITON_ERROR_AMBIGUOUS, found, count, selector);
        if (!best || better(&found[i], best))
            best = &found[i];
    }
    if (!best)
        return refuse(EXCITON_ERROR_ABSENT, found, count, selector);
    *index = (uint32_t)(best - found);
    return EXCITON_OK;
}

bool exciton_select_api(const char *selector, exciton_api *api)
{
    const char *colon = strchr(selector, ':');
    size_t length = colon ? (size_t)(colon - selector) : strlen(selector);
    for (int i = EXCITON_API_HOST; i <= EXCITON_API_VULKAN; ++i)
        if (same_word(selector, api_words[i], length) && !(colon && i == EXCITON_API_HOST)) {
            *api = (exciton_api)i;
            return true;
        }
    return false;
}

exciton_status exciton_select(const exciton_found *found, uint32_t count, const char *selector, uint32_t *index)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; ++i)
        if (same_word(selector, classes[i].word, strlen(selector)))
            return first_of(found, count, classes[i].filter, selector, index);
    const char *colon = strchr(selector, ':');
    if (colon && same_word(selector, "opencl", (size_t)(colon - selector)))
        return by_part(found, count, is_opencl, colon + 1, selector, index);
    if (colon && same_word(selector, "vulkan", (size_t)(colon - selector)))
        return by_part(found, count, is_vulkan, colon + 1, selector, index);
    return by_part(found, count, is_any, selector, selector, index);
}

/* ---- the shortest selector ---- */

static bool gives(const exciton_found *found, uint32_t count, const char *selector, uint32_t index)
{
    uint32_t got;
    return !exciton_select(found, count, selector, &got) && got == index;
}

exciton_status exciton_select_name(const exciton_env *env, const exciton_found *found, uint32_t count, uint32_t index, bool part,
                                   const char **selector)
{
    const exciton_device_info *info = &found[index].info;
    char with_api[256], uuid[33], named[512], exactly[64];
    snprintf(with_api, sizeof with_api, "%s:%s", api_words[info->api], info->driver);
    snprintf(named, sizeof named, "%s:%s", api_words[info->api], info->name);
    for (int i = 0; i < 16; ++i)
        snprintf(uuid + 2 * i, 3, "%02x", info->uuid[i]);
    snprintf(exactly, sizeof exactly, "%s:%s", api_words[info->api], uuid);
    const char *candidates[] = {info->driver, api_words[info->api], with_api, info->name, uuid, named, exactly};
    const char *best = NULL;
    exciton_api api;
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; ++i)
        if ((!best || strlen(candidates[i]) < strlen(best)) && (!part || exciton_select_api(candidates[i], &api)) &&
            gives(found, count, candidates[i], index))
            best = candidates[i];
    *selector = exciton_duplicate(env, best ? best : info->has_uuid ? uuid : named);
    return *selector ? EXCITON_OK : exciton_fail(EXCITON_ERROR_MEMORY, "devices: %s: out of memory", info->name);
}
