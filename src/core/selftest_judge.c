#include "core/selftest_judge.h"

#include "base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What an element of a buffer is after a step. */
typedef enum what { KEPT, ANYTHING, MEAN, HIDDEN, GATE, PART, OUTPUT, COPIED } what;
static const char *const names[] = {"memory outside of its outputs", "", "s", "h", "g", "a part of W1 s", "y", "a copy"};

typedef struct judgement {
    const exciton_env *env;
    const exciton_kernel_spec *spec;
    const exciton_known *k;
    exciton_estimate *s, *h, *g; /* NULL until something differs */
} judgement;

/* ---- what is what ---- */

/* Regions of the scratch that the kernel writes. Their padding, and what other shares and blocks than a sample's first leave
 * in s and h, is working memory. */
static bool writes(exciton_kernel kernel, what region)
{
    switch (kernel) {
    case EXCITON_KERNEL_SQUEEZE:
        return region == MEAN;
    case EXCITON_KERNEL_HIDDEN:
        return region == HIDDEN;
    case EXCITON_KERNEL_GATE:
        return region == GATE;
    case EXCITON_KERNEL_SPLIT_SQUEEZE:
        return region == MEAN || region == PART;
    case EXCITON_KERNEL_SPLIT_SCALE:
        return region == HIDDEN || region == GATE;
    case EXCITON_KERNEL_SAMPLE:
    case EXCITON_KERNEL_PIPELINE:
        return region == MEAN || region == HIDDEN || region == GATE;
    default:
        return false;
    }
}

/* Of element `i` of the block's scratch; `index` is the element in the tensor. */
static what what_of_scratch(const judgement *j, uint64_t i, uint64_t *index)
{
    const exciton_se_layout l = exciton_known_layout(j->k, j->spec);
    const exciton_se_problem *p = &j->k->p;
    const struct {
        what region;
        uint64_t at, pitch, width, end;
    } regions[] = {
        {MEAN, l.s_at, l.s_pitch, p->channels, l.s_at + j->k->batch * l.s_pitch},
        {HIDDEN, l.h_at, l.h_pitch, p->hidden, l.h_at + j->k->batch * l.h_pitch},
        {GATE, l.g_at, p->channel_pitch, p->channels, l.g_at + j->k->batch * p->channel_pitch},
        {PART, l.parts_at, p->hidden_pitch, p->hidden, l.parts_at + j->k->batch * p->blocks * p->hidden_pitch},
    };
    for (size_t r = 0; r < sizeof regions / sizeof regions[0]; ++r) {
        if (!writes(j->spec->kernel, regions[r].region) || i < regions[r].at || i >= regions[r].end)
            continue;
        uint64_t row = (i - regions[r].at) / regions[r].pitch, column = (i - regions[r].at) % regions[r].pitch;
        *index = row * regions[r].width + column;
        return column < regions[r].width ? regions[r].region : ANYTHING;
    }
    return KEPT;
}

static what what_of(const judgement *j, exciton_role role, uint64_t i, uint64_t *index)
{
    bool written = role == (j->spec->in_place ? EXCITON_ROLE_X : EXCITON_ROLE_Y) && exciton_kernel_describe(j->spec->kernel)->has_in_place;
    if (role == EXCITON_ROLE_SAVED)
        return COPIED;
    if (role == EXCITON_ROLE_T)
        return i >= j->k->at[role] ? what_of_scratch(j, i - j->k->at[role], index) : KEPT;
    uint64_t begin = exciton_known_tensor(j->k, role);
    if (!written || i < begin || i >= begin + exciton_case_count(&j->k->c, EXCITON_CASE_X))
        return j->spec->kernel == EXCITON_KERNEL_STREAM ? COPIED : KEPT;
    *index = i - begin;
    return OUTPUT;
}

/* The block whose part of the buffer the element is in. */
static const exciton_known *block_of(const exciton_known_set *set, exciton_role role, uint64_t i)
{
    const exciton_known *k = &set->list[0];
    for (int b = 1; b < EXCITON_KNOWN && role != EXCITON_ROLE_SAVED; ++b)
        if (i >= set->list[b].at[role])
            k = &set->list[b];
    return k;
}

/* ---- the oracle ---- */

static exciton_case_data data_of(const exciton_known_set *set, const exciton_known *k)
{
    return (exciton_case_data){.x = set->image[EXCITON_ROLE_X] + exciton_known_tensor(k, EXCITON_ROLE_X), .w1 = k->w1, .b1 = k->b1, .w2 = k->w2,
                               .b2 = k->b2};
}

static exciton_status ask_oracle(judgement *j, const exciton_known_set *set)
{
    uint64_t rows = j->k->batch * j->k->c.channels, hidden = j->k->batch * j->k->c.hidden;
    if (j->s)
        return EXCITON_OK;
    j->s = exciton_allocate_array(j->env, 2 * rows + hidden, sizeof *j->s);
    if (!j->s)
        return exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
    j->g = j->s + rows;
    j->h = j->g + rows;
    exciton_case_data data = data_of(set, j->k);
    exciton_oracle_gates(&j->k->c, &data, j->s, j->h, j->g);
    return EXCITON_OK;
}

/* A block's part of W1 s: a product and an addition rounded for each channel, of means that are off themselves. */
static exciton_estimate part(const judgement *j, uint64_t index)
{
    const exciton_se_problem *p = &j->k->p;
    uint64_t unit = index / p->hidden, r = index % p->hidden, n = unit / p->blocks, first = unit % p->blocks * p->block;
    uint64_t end = exciton_min(first + p->block, p->channels);
    exciton_estimate e = {0, 0x1p-126L};
    for (uint64_t c = first; c < end; ++c) {
        const exciton_estimate *s = &j->s[n * p->channels + c];
        long double w = j->k->w1[r * p->channels + c], size = w < 0 ? -w : w, mean = s->value < 0 ? -s->value : s->value;
        e.value += w * s->value;
        e.bound += size * s->bound + (long double)(p->block + 1) * 0x1p-23L * size * (mean + s->bound);
    }
    return e;
}

static bool admits(judgement *j, const exciton_known_set *set, what is, uint64_t index, float got)
{
    exciton_estimate e;
    switch (is) {
    case MEAN:
        e = j->s[index];
        break;
    case HIDDEN:
        e = j->h[index];
        break;
    case GATE:
        e = j->g[index];
        break;
    case PART:
        e = part(j, index);
        break;
    case OUTPUT:
        e = exciton_oracle_output(&j->k->c, &j->g[index / j->k->space], data_of(set, j->k).x[index]);
        break;
    default:
        return false;
    }
    return exciton_estimate_admits(&e, got);
}

/* ---- comparison ---- */

static void lower(exciton_finding *finding, exciton_answer verdict, what is, uint64_t index, float got, float wanted)
{
    if (finding->verdict >= verdict)
        return;
    uint32_t bits[2];
    memcpy(&bits[0], &got, sizeof got);
    memcpy(&bits[1], &wanted, sizeof wanted);
    finding->verdict = verdict;
    if (is == KEPT)
        snprintf(finding->why, sizeof finding->why, "it wrote %s", names[is]);
    else
        snprintf(finding->why, sizeof finding->why, "%s[%" PRIu64 "] is %.9g (%08" PRIx32 "), not %.9g (%08" PRIx32 ")", names[is], index, (double)got,
                 bits[0], (double)wanted, bits[1]);
}

static exciton_status judge_element(judgement *j, const exciton_known_set *set, exciton_role role, uint64_t i, float got, float wanted,
                                    exciton_finding *finding)
{
    const exciton_known *k = block_of(set, role, i);
    uint64_t index = i;
    if (k != j->k) {
        exciton_release(j->env, j->s);
        j->s = NULL;
        j->k = k;
    }
    what is = what_of(j, role, i, &index);
    if (is == ANYTHING)
        return EXCITON_OK;
    if (is == KEPT || is == COPIED) {
        lower(finding, EXCITON_ANSWER_WRONG, is, index, got, wanted);
        return EXCITON_OK;
    }
    exciton_status status = ask_oracle(j, set);
    if (!status)
        lower(finding, admits(j, set, is, index, got) ? EXCITON_ANSWER_INEXACT : EXCITON_ANSWER_WRONG, is, index, got, wanted);
    return status;
}

exciton_status exciton_known_judge(const exciton_env *env, const exciton_known_set *set, exciton_role role, const float *got, const float *wanted,
                                   exciton_finding *finding)
{
    judgement j = {.env = env, .spec = &finding->spec};
    exciton_status status = EXCITON_OK;
    if (memcmp(got, wanted, set->count[role] * sizeof *got) == 0)
        return EXCITON_OK;
    for (uint64_t i = 0; !status && i < set->count[role] && finding->verdict != EXCITON_ANSWER_WRONG; ++i)
        if (memcmp(&got[i], &wanted[i], sizeof *got) != 0)
            status = judge_element(&j, set, role, i, got[i], wanted[i], finding);
    exciton_release(env, j.s);
    return status;
}
