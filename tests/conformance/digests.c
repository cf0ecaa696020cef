/* exciton_device_verify against the committed digests, which every device must give; a single changed bit shows. */
#include "conformance/suite.h"
#include "verify/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void count_progress(void *user, uint32_t done, uint32_t cases)
{
    uint32_t *last = user;
    check(done == *last + 1 && done <= cases, "progress: %" PRIu32 " of %" PRIu32 " after %" PRIu32, done, cases, *last);
    *last = done;
}

static void run_line(suite *s, const char *name, uint32_t cases, uint64_t seed, const char *digest)
{
    exciton_verify_result result;
    uint32_t last = 0;
    exciton_verify_params params = {.suite = name, .cases = cases, .seed = seed, .progress = count_progress, .user = &last};
    if (!check_status(exciton_device_verify(s->device.device, &params, &result), EXCITON_OK,
                      "%s, %" PRIu32 " cases, seed %" PRIu64, name, cases, seed))
        return;
    printf("  %s %" PRIu32 " %" PRIu64 " %s\n", name, cases, seed, result.digest);
    check(last == cases && result.cases == cases, "%" PRIu32 " of %" PRIu32 " cases", result.cases, cases);
    check(result.failed == 0, "%" PRIu32 " cases failed; the first: %s", result.failed, result.first_failure);
    check(strcmp(result.digest, digest) == 0, "%s, %" PRIu32 " cases, seed %" PRIu64 ": %s, not %s", name, cases, seed,
          result.digest, digest);
}

/* A case's own digest, with bit `flip` of its outputs changed (none: UINT64_MAX). */
static void digest_of(const variant *v, tensors *t, uint64_t flip, char hex[65])
{
    float *const outputs[] = {t->y, t->s, t->h, t->g};
    const uint64_t counts[] = {t->count, t->rows, t->hidden_rows, t->rows};
    exciton_sha256 hash;
    for (int undo = 0; undo < 2; ++undo) {
        uint64_t at = flip;
        for (int i = 0; i < 4 && flip != UINT64_MAX; ++i) {
            if (at < counts[i] * 32) {
                uint32_t bits;
                memcpy(&bits, &outputs[i][at / 32], 4);
                bits ^= UINT32_C(1) << at % 32;
                memcpy(&outputs[i][at / 32], &bits, 4);
                break;
            }
            at -= counts[i] * 32;
        }
        if (undo)
            break;
        exciton_digest_begin(&hash, EXCITON_SUITE_SE_F32);
        exciton_digest_case(&hash, &v->c, t->y, t->s, t->h, t->g);
        exciton_sha256_end(&hash, hex);
    }
}

/* The digest that verify gives for one case is that of the outputs on host, and of no others. */
static void run_bits(suite *s)
{
    variant v = variant_of_shape("digest", 1, 1, 1, 1);
    exciton_case_make(0, 11, &v.c);
    v.max = v.c.shape;
    v.save_s = v.save_h = v.save_g = true;
    tensors t;
    tensors_make(&v.c, &t);
    char right[65], other[65];
    exciton_verify_result result;
    if (check_status(engine_fill(&s->device, &v, &t), EXCITON_OK, "case 0 of seed 11") &&
        check_status(exciton_device_verify(s->device.device, &(exciton_verify_params){.cases = 1, .seed = 11}, &result),
                     EXCITON_OK, "verify")) {
        digest_of(&v, &t, UINT64_MAX, right);
        check(strcmp(right, result.digest) == 0, "the digest of one case is %s, its outputs' is %s", result.digest, right);
        uint64_t bits = (t.count + 2 * t.rows + t.hidden_rows) * 32;
        for (uint64_t flip = 0; flip < bits; flip += 1 + bits / 97) {
            digest_of(&v, &t, flip, other);
            check(strcmp(other, right) != 0, "bit %" PRIu64 " doesn't change the digest", flip);
        }
        digest_of(&v, &t, bits - 1, other);
        check(strcmp(other, right) != 0, "the last bit doesn't change the digest");
    }
    tensors_release(&t);
}

void section_digests(suite *s)
{
    run_bits(s);
    FILE *file = fopen(s->options.golden, "r");
    if (!check(file != NULL, "no file %s", s->options.golden))
        return;
    char line[256], name[33], digest[65];
    uint32_t cases, lines = 0;
    uint64_t seed;
    while (fgets(line, sizeof line, file))
        if (line[0] != '#' && sscanf(line, "%32s %" SCNu32 " %" SCNu64 " %64s", name, &cases, &seed, digest) == 4) {
            run_line(s, name, cases, seed, digest);
            ++lines;
        }
    fclose(file);
    check(lines > 0, "%s has no digest", s->options.golden);
}
