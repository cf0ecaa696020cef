/* What outlives a process: compiled kernels and measurements, in containers that say what they are. A driver sees no byte
 * that wasn't verified: some crash on a truncated binary, others run one with a flipped bit. Whatever is wrong with an entry,
 * or with the place where it lies, makes it a miss and a line in the log. */
#ifndef EXCITON_BASE_CACHE_H
#define EXCITON_BASE_CACHE_H

#include "base/env.h"
#include "base/hash.h"

/* Made of everything the content depends on. */
typedef struct exciton_cache_key {
    char hex[65];
} exciton_cache_key;

/* Whether the context has a cache at all. */
bool exciton_cache_exists(const exciton_env *env);

/* The entry's content, to be released with exciton_release; NULL: a miss. */
void *exciton_cache_read(const exciton_env *env, const exciton_cache_key *key, size_t *bytes);
/* Replaces an older entry as a whole. */
void exciton_cache_write(const exciton_env *env, const exciton_cache_key *key, const void *data, size_t bytes);

/* A part of a key: its length counts, so that two parts can't be mistaken for one. */
void exciton_cache_key_add(exciton_sha256 *hash, const void *data, size_t bytes);
void exciton_cache_key_add_text(exciton_sha256 *hash, const char *text);

#endif
