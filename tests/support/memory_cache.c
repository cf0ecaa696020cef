#include "support/memory_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 256 };

static struct entry {
    char key[65];
    void *data;
    size_t bytes;
} entries[ENTRIES];
static uint32_t entry_count;

static struct entry *entry_of(const char *key)
{
    for (uint32_t i = 0; i < entry_count; ++i)
        if (!strcmp(entries[i].key, key))
            return &entries[i];
    return NULL;
}

static size_t get(void *user, const char *key, void *data, size_t capacity)
{
    (void)user;
    const struct entry *e = entry_of(key);
    if (e && e->bytes <= capacity)
        memcpy(data, e->data, e->bytes);
    return e ? e->bytes : 0;
}

/* Where there is no memory or room, what was there stays. */
static void set(void *user, const char *key, const void *data, size_t bytes)
{
    (void)user;
    struct entry *e = entry_of(key);
    void *copy = e || entry_count < ENTRIES ? malloc(bytes) : NULL;
    if (!copy)
        return;
    if (!e) {
        e = &entries[entry_count++];
        snprintf(e->key, sizeof e->key, "%s", key);
    }
    free(e->data);
    e->data = memcpy(copy, data, bytes);
    e->bytes = bytes;
}

exciton_cache memory_cache(void) { return (exciton_cache){.get = get, .set = set}; }

void memory_cache_clear(void)
{
    while (entry_count) {
        free(entries[--entry_count].data);
        entries[entry_count] = (struct entry){0};
    }
}
