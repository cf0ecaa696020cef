#include "base/cache.h"

#include "base/os.h"

#include <stdio.h>
#include <string.h>

/* A container: magic, key, the content's length and its SHA-256 (both as text, nothing has an order of bytes), content. */
#define MAGIC "exciton cache 1\n"
enum {
    MAGIC_BYTES = 16, HEX = 64, LENGTH = 16,
    KEY_AT = MAGIC_BYTES, LENGTH_AT = KEY_AT + HEX, HASH_AT = LENGTH_AT + LENGTH, HEADER = HASH_AT + HEX,
    LARGEST = 64 << 20, /* no compiled kernel comes near it */
    NAME = HEX + 8
};

bool exciton_cache_exists(const exciton_env *env) { return env->cache.directory || env->cache.get; }

void exciton_cache_key_add(exciton_sha256 *hash, const void *data, size_t bytes)
{
    uint8_t length[8];
    for (int i = 0; i < 8; ++i)
        length[i] = (uint8_t)((uint64_t)bytes >> 8 * i);
    exciton_sha256_add(hash, length, sizeof length);
    exciton_sha256_add(hash, data, bytes);
}

void exciton_cache_key_add_text(exciton_sha256 *hash, const char *text) { exciton_cache_key_add(hash, text, strlen(text)); }

static void fill_header(unsigned char *header, const exciton_cache_key *key, const void *content, size_t bytes)
{
    char length[LENGTH + 1], hex[HEX + 1];
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_sha256_add(&hash, content, bytes);
    exciton_sha256_end(&hash, hex);
    snprintf(length, sizeof length, "%016llx", (unsigned long long)bytes);
    memcpy(header, MAGIC, MAGIC_BYTES);
    memcpy(header + KEY_AT, key->hex, HEX);
    memcpy(header + LENGTH_AT, length, LENGTH);
    memcpy(header + HASH_AT, hex, HEX);
}

/* ---- where entries lie ---- */

static void file_name(const exciton_cache_key *key, char name[NAME]) { snprintf(name, NAME, "%s.bin", key->hex); }

/* The entry's bytes, 0 for none; at most `capacity` of them are copied. */
static size_t fetch(const exciton_env *env, const exciton_cache_key *key, void *data, size_t capacity)
{
    char name[NAME], why[160] = "";
    if (env->cache.get)
        return env->cache.get(env->cache.user, key->hex, data, capacity);
    file_name(key, name);
    size_t bytes = exciton_private_load(env->cache.directory, name, data, capacity, why, sizeof why);
    if (why[0])
        exciton_log(env, EXCITON_LOG_WARNING, "cache: %s: %s: %s", env->cache.directory, name, why);
    return bytes;
}

static void keep(const exciton_env *env, const exciton_cache_key *key, const void *data, size_t bytes)
{
    char name[NAME], why[160] = "";
    if (env->cache.set) {
        env->cache.set(env->cache.user, key->hex, data, bytes);
        return;
    }
    file_name(key, name);
    if (!exciton_private_save(env->cache.directory, name, data, bytes, why, sizeof why))
        exciton_log(env, EXCITON_LOG_WARNING, "cache: %s: %s: %s", env->cache.directory, name, why);
}

/* ---- entries ---- */

void *exciton_cache_read(const exciton_env *env, const exciton_cache_key *key, size_t *bytes)
{
    *bytes = 0;
    if (!exciton_cache_exists(env))
        return NULL;
    size_t size = fetch(env, key, NULL, 0);
    if (size == 0)
        return NULL;
    unsigned char header[HEADER], *entry = size > HEADER && size <= LARGEST ? exciton_allocate(env, size) : NULL;
    bool good = entry && fetch(env, key, entry, size) == size;
    if (good) {
        fill_header(header, key, entry + HEADER, size - HEADER);
        good = memcmp(header, entry, HEADER) == 0;
    }
    if (!good) {
        exciton_log(env, EXCITON_LOG_WARNING, "cache: entry %s: %zu bytes that aren't what was written: not used", key->hex, size);
        exciton_release(env, entry);
        return NULL;
    }
    *bytes = size - HEADER;
    return memmove(entry, entry + HEADER, *bytes);
}

void exciton_cache_write(const exciton_env *env, const exciton_cache_key *key, const void *data, size_t bytes)
{
    if (!exciton_cache_exists(env) || bytes == 0 || bytes > LARGEST - HEADER)
        return;
    unsigned char *entry = exciton_allocate(env, HEADER + bytes);
    if (!entry)
        return;
    fill_header(entry, key, data, bytes);
    memcpy(entry + HEADER, data, bytes);
    keep(env, key, entry, HEADER + bytes);
    exciton_release(env, entry);
}
