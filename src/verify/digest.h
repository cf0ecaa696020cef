/* What `exciton verify` prints: SHA-256 over "exciton SUITE numerics N\n" and, for each case, its text, a newline and
 * the bytes of y, s, h and g, little-endian f32. docs/numbers.md has the definition. */
#ifndef EXCITON_VERIFY_DIGEST_H
#define EXCITON_VERIFY_DIGEST_H

#include "base/hash.h"
#include "verify/cases.h"

void exciton_digest_begin(exciton_sha256 *hash, const char *suite);
void exciton_digest_case(exciton_sha256 *hash, const exciton_case *c, const float *y, const float *s, const float *h,
                         const float *g);

#endif
