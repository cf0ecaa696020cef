/* SHA-256 (FIPS 180-4). */
#ifndef EXCITON_BASE_HASH_H
#define EXCITON_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct exciton_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} exciton_sha256;

void exciton_sha256_begin(exciton_sha256 *hash);
void exciton_sha256_add(exciton_sha256 *hash, const void *data, size_t bytes);
/* 64 lower-case hex digits and a zero. */
void exciton_sha256_end(exciton_sha256 *hash, char hex[65]);

#endif
