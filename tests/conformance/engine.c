/* One case on one device: tensors laid out in buffers as the variant says, everything around them guarded, outputs
 * poisoned; afterwards every byte of every buffer is compared with what it must be. */
#include "conformance/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 64, X = 0, Y, S, H, G, TENSORS, SCRATCH = TENSORS, NONE = 99 /* no buffer */ };
static const uint32_t poison = UINT32_C(0xffffffff), guard = UINT32_C(0x7fa5c3e1); /* NaNs both */
static const char *const names[TENSORS] = {"x", "y", "s", "h", "g"};

bool is_refusal(exciton_status status) { return status == EXCITON_ERROR_UNSUPPORTED || status == EXCITON_ERROR_LIMIT; }

bool suite_may_refuse(const suite *s, const variant *v)
{
    if (v->form != EXCITON_FORM_DEFAULT && !s->limits.forms[v->form])
        return true;
    if (s->limits.max_iterations && !s->limits.local_memory_is_global && v->group_size == 1)
        return true; /* one work-item walks a row's lanes. No GPU counts iterations, but a processor's driver that passes for one */
    uint64_t weights = (v->c.channels + 8) * (v->c.hidden + 8) * 2 * sizeof(float); /* with their padding, at most */
    return v->schedule > EXCITON_SCHEDULE_THREE_STAGES || weights > s->limits.max_binding_range;
}

void suite_try(suite *s, const variant *v, const tensors *t)
{
    exciton_status status = engine_check(&s->device, v, t);
    const char *schedule = exciton_schedule_name(v->schedule), *form = exciton_form_name(v->form);
    if (is_refusal(status) && suite_may_refuse(s, v))
        check_skip("%s, %s, %s: %s", v->name, schedule, form, exciton_last_error());
    else
        check_status(status, EXCITON_OK, "%s, %s, %s", v->name, schedule, form);
}

/* ---- Tensors ---- */

static float *floats(uint64_t count)
{
    float *p = malloc((count ? count : 1) * sizeof *p);
    if (!p) {
        fprintf(stderr, "conformance: out of memory\n");
        exit(1);
    }
    return p;
}

static float *transposed(const float *w, uint64_t rows, uint64_t columns)
{
    float *t = floats(rows * columns);
    for (uint64_t r = 0; r < rows; ++r)
        for (uint64_t c = 0; c < columns; ++c)
            t[c * rows + r] = w[r * columns + c];
    return t;
}

void tensors_make(const exciton_case *c, tensors *t)
{
    t->count = exciton_case_count(c, EXCITON_CASE_X);
    t->rows = c->shape.batch * c->channels;
    t->hidden_rows = c->shape.batch * c->hidden;
    t->x = floats(t->count), t->y = floats(t->count);
    t->s = floats(t->rows), t->g = floats(t->rows), t->h = floats(t->hidden_rows);
    float **const to[] = {&t->x, &t->w1, &t->b1, &t->w2, &t->b2};
    for (int i = EXCITON_CASE_X; i <= EXCITON_CASE_B2; ++i) {
        if (i != EXCITON_CASE_X)
            *to[i] = floats(exciton_case_count(c, (exciton_case_tensor)i));
        exciton_case_fill(c, (exciton_case_tensor)i, *to[i]);
    }
    t->w1_in_out = transposed(t->w1, c->hidden, c->channels);
    t->w2_in_out = transposed(t->w2, c->channels, c->hidden);
}

void tensors_release(tensors *t)
{
    float *const all[] = {t->x, t->y, t->s, t->h, t->g, t->w1, t->b1, t->w2, t->b2, t->w1_in_out, t->w2_in_out};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i)
        free(all[i]);
    *t = (tensors){0};
}

exciton_case_data tensors_data(const exciton_case *c, const tensors *t)
{
    return (exciton_case_data){.x = t->x, .w1 = t->w1, .w2 = t->w2, .b1 = c->bias1 ? t->b1 : NULL, .b2 = c->bias2 ? t->b2 : NULL};
}

exciton_status engine_plan(engine *e, const variant *v, const tensors *t, exciton_plan **plan)
{
    exciton_se se = exciton_case_describe(&v->c);
    if (v->default_hidden)
        se.hidden = 0;
    se.fc1 = (exciton_layer){.data = v->order1 == EXCITON_ORDER_IN_OUT ? t->w1_in_out : t->w1,
                             .order = v->order1,
                             .bias = v->c.bias1 ? t->b1 : NULL};
    se.fc2 = (exciton_layer){.data = v->order2 == EXCITON_ORDER_IN_OUT ? t->w2_in_out : t->w2,
                             .order = v->order2,
                             .bias = v->c.bias2 ? t->b2 : NULL};
    se.max = v->max;
    se.schedule = v->schedule;
    se.form = v->form;
    se.group_size = v->group_size;
    se.shares = v->shares;
    return exciton_plan_create_se(e->device, &se, plan);
}

/* ---- Layout ---- */

typedef struct layout {
    uint32_t buffer[TENSORS]; /* NONE: absent */
    uint64_t start[TENSORS], count[TENSORS];
    uint64_t used[SCRATCH];   /* elements of each buffer, guards included; 0: not used */
} layout;

/* A buffer of its own for each tensor, and nothing around it: checkers that know no other bounds see what is beyond. */
static void lay_out_tight(const variant *v, layout *l)
{
    bool in_place = v->placement == PLACE_IN_PLACE || v->placement == PLACE_ODD_IN_PLACE;
    for (uint32_t i = 0; i < TENSORS; ++i) {
        if (l->buffer[i] == NONE)
            continue;
        l->buffer[i] = i == Y && in_place ? X : i;
        l->start[i] = 0;
        l->used[i] = l->buffer[i] == i ? l->count[i] : 0;
    }
}

static void lay_out(const engine *e, const variant *v, const tensors *t, layout *l)
{
    const uint64_t counts[TENSORS] = {t->count, t->count, t->rows, t->hidden_rows, t->rows};
    const bool present[TENSORS] = {true, true, v->save_s, v->save_h, v->save_g};
    bool one = v->placement == PLACE_ONE_BUFFER || v->placement == PLACE_TOUCHING, touching = v->placement == PLACE_TOUCHING;
    bool odd = v->placement == PLACE_ODD || v->placement == PLACE_ODD_IN_PLACE;
    bool in_place = v->placement == PLACE_IN_PLACE || v->placement == PLACE_ODD_IN_PLACE;
    uint64_t next[3];
    for (int b = 0; b < 3; ++b)
        next[b] = GUARD + (odd ? 1 + 2u * (unsigned)b : touching ? 3 : 0);
    *l = (layout){.used = {0}};
    for (int i = 0; i < TENSORS; ++i) {
        l->count[i] = counts[i];
        l->buffer[i] = !present[i] ? NONE : one || i == X ? 0 : i == Y ? 1 : 2;
        if (l->buffer[i] == NONE)
            continue;
        if (i == Y && in_place) {
            l->buffer[Y] = 0;
            l->start[Y] = l->start[X];
            continue;
        }
        uint64_t *at = &next[l->buffer[i]];
        l->start[i] = *at;
        *at += counts[i];
        l->used[l->buffer[i]] = *at + GUARD;
        if (!touching)
            *at = (*at + 2 * GUARD - 1) / GUARD * GUARD + (odd ? 3 : 0); /* a guard between, and the alignment again */
    }
    if (e->tight)
        lay_out_tight(v, l);
}

static void fill_words(float *to, uint64_t count, uint32_t word)
{
    for (uint64_t i = 0; i < count; ++i)
        memcpy(&to[i], &word, 4);
}

/* What buffer `b` holds before a run (outputs poisoned), or must hold after it. */
static float *image(const variant *v, const tensors *t, const layout *l, uint32_t b, bool after)
{
    (void)v;
    float *const data[TENSORS] = {t->x, t->y, t->s, t->h, t->g};
    float *words = floats(l->used[b]);
    fill_words(words, l->used[b], guard);
    for (int i = TENSORS - 1; i >= 0; --i) { /* x after y: in place x is what is written */
        if (l->buffer[i] != b || (after && i == X && l->buffer[Y] == b && l->start[Y] == l->start[X]))
            continue;
        if (i == X || after)
            memcpy(words + l->start[i], data[i], l->count[i] * sizeof(float));
        else
            fill_words(words + l->start[i], l->count[i], poison);
    }
    return words;
}

/* ---- Buffers ---- */

static exciton_status take_buffer(engine *e, uint32_t which, exciton_domain domain, uint64_t elements, exciton_buffer **buffer)
{
    exciton_buffer **kept = &e->buffers[which][domain];
    uint64_t bytes = elements * sizeof(float);
    exciton_status status = EXCITON_OK;
    if (e->tight ? exciton_buffer_bytes(*kept) != bytes : exciton_buffer_bytes(*kept) < bytes) {
        exciton_buffer_destroy(*kept);
        *kept = NULL;
        status = exciton_buffer_create(e->device, e->tight ? bytes : bytes + bytes / 2 + 65536, domain, kept);
    }
    *buffer = *kept;
    return status;
}

static exciton_domain domain_of(const variant *v, const layout *l, uint32_t b)
{
    if (v->domains != DOMAINS_HOST)
        return v->domains == DOMAINS_DEVICE ? EXCITON_DOMAIN_DEVICE : EXCITON_DOMAIN_DEFAULT;
    return b == l->buffer[X] && l->buffer[Y] != b ? EXCITON_DOMAIN_UPLOAD : EXCITON_DOMAIN_READBACK;
}

void engine_close(engine *e)
{
    for (int i = 0; i < ENGINE_BUFFERS; ++i)
        for (int d = 0; d < ENGINE_DOMAINS; ++d)
            exciton_buffer_destroy(e->buffers[i][d]);
    exciton_device_close(e->device);
    *e = (engine){0};
}

/* ---- Comparison ---- */

static uint32_t bits_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    return bits;
}

/* Where element `i` of a buffer lies: "y[12]", or "the guard before y". */
static void locate(const layout *l, uint32_t b, uint64_t i, char *text, size_t size)
{
    snprintf(text, size, "a guard at element %" PRIu64 " of buffer %" PRIu32, i, b);
    for (int t = 0; t < TENSORS; ++t)
        if (l->buffer[t] == b && i >= l->start[t] && i < l->start[t] + l->count[t])
            snprintf(text, size, "%s[%" PRIu64 " of %" PRIu64 "]", names[t], i - l->start[t], l->count[t]);
}

static void compare(const variant *v, const layout *l, uint32_t b, const float *got, const float *wanted)
{
    char text[VARIANT_TEXT], where[80];
    if (memcmp(got, wanted, l->used[b] * sizeof(float)) == 0) {
        check(true, "%s", v->name);
        return;
    }
    uint64_t first = 0, different = 0;
    for (uint64_t i = l->used[b]; i-- > 0;)
        if (bits_of(got[i]) != bits_of(wanted[i])) {
            first = i;
            ++different;
        }
    locate(l, b, first, where, sizeof where);
    variant_text(v, text);
    check(false, "%s is %.9g (%08" PRIx32 "), wanted %.9g (%08" PRIx32 "); %" PRIu64 " words differ\n      %s", where,
          (double)got[first], bits_of(got[first]), (double)wanted[first], bits_of(wanted[first]), different, text);
}

/* ---- Runs ---- */

typedef struct prepared {
    exciton_buffer *buffer[SCRATCH + 1];
    exciton_args args;
    uint64_t scratch_bytes;
} prepared;

enum { SCRATCH_AT = 256, SCRATCH_GUARD = 1024 };

static exciton_status prepare(engine *e, const variant *v, const tensors *t, const layout *l, exciton_plan *plan, prepared *p)
{
    *p = (prepared){{NULL}, {.size = sizeof p->args}, 0};
    for (uint32_t b = 0; b < SCRATCH; ++b) {
        if (!l->used[b])
            continue;
        exciton_status status = take_buffer(e, b, domain_of(v, l, b), l->used[b], &p->buffer[b]);
        if (status != EXCITON_OK)
            return status;
        float *words = image(v, t, l, b, false);
        status = exciton_buffer_write(p->buffer[b], 0, words, l->used[b] * sizeof(float));
        free(words);
        if (status != EXCITON_OK)
            return status;
    }
    exciton_view *const views[TENSORS] = {&p->args.in, &p->args.out, &p->args.s, &p->args.h, &p->args.g};
    for (int i = 0; i < TENSORS; ++i)
        if (l->buffer[i] != NONE)
            *views[i] = (exciton_view){.buffer = p->buffer[l->buffer[i]], .offset = l->start[i] * sizeof(float)};
    if (!v->zero_shape)
        p->args.shape = v->c.shape;
    if (!v->own_scratch)
        return EXCITON_OK;
    exciton_status status = exciton_plan_scratch_bytes(plan, &v->c.shape, &p->scratch_bytes);
    if (status != EXCITON_OK)
        return status;
    uint64_t words = (SCRATCH_AT + p->scratch_bytes + SCRATCH_GUARD) / sizeof(float);
    status = take_buffer(e, SCRATCH, EXCITON_DOMAIN_DEFAULT, words, &p->buffer[SCRATCH]);
    if (status != EXCITON_OK)
        return status;
    float *poisoned = floats(words);
    fill_words(poisoned, words, guard);
    status = exciton_buffer_write(p->buffer[SCRATCH], 0, poisoned, words * sizeof(float));
    free(poisoned);
    p->args.scratch = (exciton_view){.buffer = p->buffer[SCRATCH], .offset = SCRATCH_AT};
    return status;
}

static exciton_status execute(engine *e, exciton_plan *plan, const exciton_args *args)
{
    exciton_binding *binding = NULL;
    exciton_ticket ticket = 0;
    exciton_status status = exciton_binding_create(plan, args, &binding);
    if (status == EXCITON_OK)
        status = exciton_submit(e->device, &binding, 1, &ticket);
    if (status == EXCITON_OK)
        status = exciton_wait(e->device, ticket, EXCITON_WAIT_DEFAULT);
    exciton_binding_destroy(binding);
    return status;
}

static exciton_status check_scratch(const variant *v, const prepared *p)
{
    if (!p->buffer[SCRATCH])
        return EXCITON_OK;
    uint32_t word, wrong = 0;
    unsigned char band[SCRATCH_AT + SCRATCH_GUARD];
    exciton_status status = exciton_buffer_read(p->buffer[SCRATCH], 0, band, SCRATCH_AT);
    if (status == EXCITON_OK)
        status = exciton_buffer_read(p->buffer[SCRATCH], SCRATCH_AT + p->scratch_bytes, band + SCRATCH_AT, SCRATCH_GUARD / 4 * 3);
    for (size_t at = 0; at < SCRATCH_AT + SCRATCH_GUARD / 4 * 3; at += 4) {
        memcpy(&word, band + at, 4);
        wrong += word != guard;
    }
    char text[VARIANT_TEXT];
    variant_text(v, text);
    check(status != EXCITON_OK || wrong == 0,
          "%" PRIu32 " words around the scratch of %" PRIu64 " bytes were written\n      %s", wrong, p->scratch_bytes, text);
    return status;
}

static exciton_status engine_run(engine *e, const variant *v, const tensors *t, const layout *l, prepared *p)
{
    exciton_plan *plan = NULL;
    exciton_status status = engine_plan(e, v, t, &plan);
    if (status == EXCITON_OK)
        status = prepare(e, v, t, l, plan, p);
    if (status == EXCITON_OK)
        status = execute(e, plan, &p->args);
    exciton_plan_destroy(plan);
    return status;
}

exciton_status engine_check(engine *e, const variant *v, const tensors *t)
{
    layout l;
    prepared p;
    lay_out(e, v, t, &l);
    exciton_status status = engine_run(e, v, t, &l, &p);
    for (uint32_t b = 0; b < SCRATCH && status == EXCITON_OK; ++b) {
        if (!l.used[b])
            continue;
        float *got = floats(l.used[b]), *wanted = image(v, t, &l, b, true);
        status = exciton_buffer_read(p.buffer[b], 0, got, l.used[b] * sizeof(float));
        if (status == EXCITON_OK)
            compare(v, &l, b, got, wanted);
        free(got);
        free(wanted);
    }
    return status == EXCITON_OK ? check_scratch(v, &p) : status;
}

exciton_status engine_fill(engine *e, const variant *v, tensors *t)
{
    layout l;
    prepared p;
    lay_out(e, v, t, &l);
    exciton_status status = engine_run(e, v, t, &l, &p);
    float *const to[TENSORS] = {NULL, t->y, t->s, t->h, t->g};
    for (int i = Y; i < TENSORS && status == EXCITON_OK; ++i)
        if (l.buffer[i] != NONE)
            status = exciton_buffer_read(p.buffer[l.buffer[i]], l.start[i] * sizeof(float), to[i], l.count[i] * sizeof(float));
    return status;
}

static void check_oracle(const variant *v, const tensors *t)
{
    exciton_estimate *estimates = malloc((2 * t->rows + t->hidden_rows) * sizeof *estimates);
    if (!estimates)
        return;
    exciton_estimate *s = estimates, *g = s + t->rows, *h = g + t->rows;
    exciton_case_data data = tensors_data(&v->c, t);
    exciton_oracle_gates(&v->c, &data, s, h, g);
    char text[VARIANT_TEXT];
    variant_text(v, text);
    uint64_t at = exciton_oracle_check_output(&v->c, &data, g, t->y);
    check(at == t->count, "y[%" PRIu64 "] is outside the oracle's bound\n      %s", at, text);
    at = exciton_oracle_check(s, t->rows, t->s);
    check(at == t->rows, "s[%" PRIu64 "] is outside the oracle's bound\n      %s", at, text);
    at = exciton_oracle_check(h, t->hidden_rows, t->h);
    check(at == t->hidden_rows, "h[%" PRIu64 "] is outside the oracle's bound\n      %s", at, text);
    at = exciton_oracle_check(g, t->rows, t->g);
    check(at == t->rows, "g[%" PRIu64 "] is outside the oracle's bound\n      %s", at, text);
    free(estimates);
}

bool suite_reference(suite *s, const variant *v, tensors *t)
{
    variant plain = *v;
    plain.max = v->c.shape;
    plain.zero_shape = true;
    plain.default_hidden = false;
    plain.order1 = plain.order2 = EXCITON_ORDER_OUT_IN;
    plain.schedule = EXCITON_SCHEDULE_THREE_STAGES;
    plain.form = EXCITON_FORM_ROWS;
    plain.group_size = plain.shares = 0;
    plain.placement = PLACE_SEPARATE;
    plain.save_s = plain.save_h = plain.save_g = true;
    plain.own_scratch = false;
    plain.domains = DOMAINS_DEFAULT;
    if (!check_status(engine_fill(&s->host, &plain, t), EXCITON_OK, "%s: the reference on host", v->name))
        return false;
    check_oracle(v, t);
    return true;
}
