/* The generated cases: each against the host backend's bits and the oracle's bound. Counted by the levels of each
 * factor and by schedule x form x placement; a cell without a comparison is a failure, unless the device refused it. */
#include "conformance/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SCHEDULES = 5, FORMS = 3 };

typedef struct cell {
    uint32_t compared, refused;
    char why[200];
} cell;

static cell cells[SCHEDULES][FORMS][PLACEMENTS];
static uint32_t levels[FACTORS][COVERING_LEVELS], refused_levels[FACTORS][COVERING_LEVELS];
static uint32_t compared, refused, left_out;

static void run(suite *s, const variant *v)
{
    tensors t;
    tensors_make(&v->c, &t);
    if (suite_reference(s, v, &t)) {
        exciton_status status = engine_check(&s->device, v, &t);
        cell *c = &cells[v->schedule][v->form][v->placement];
        if (status == EXCITON_OK) {
            ++compared;
            ++c->compared;
            for (int f = 0; f < FACTORS; ++f)
                ++levels[f][v->level[f]];
        } else if (is_refusal(status) && suite_may_refuse(s, v)) {
            ++refused;
            for (int f = 0; f < FACTORS; ++f)
                ++refused_levels[f][v->level[f]];
            ++c->refused;
            snprintf(c->why, sizeof c->why, "%s", exciton_last_error());
            if (s->options.one_case)
                check_skip("%s: %s", v->name, exciton_last_error());
        } else {
            char text[VARIANT_TEXT];
            variant_text(v, text);
            check_status(status, EXCITON_OK, "%s", text);
        }
    }
    tensors_release(&t);
}

static void report_levels(const suite *s)
{
    for (int f = 0; f < FACTORS; ++f) {
        printf("  %-11s", variant_factors[f].name);
        for (int i = 0; i < variant_factors[f].levels; ++i) {
            printf(" %s:%" PRIu32, variant_factors[f].level[i], levels[f][i]);
            bool lacks = (f == FACTOR_FORM && i > 0 && !s->limits.forms[i]) || (refused_levels[f][i] && !s->options.no_skips);
            check(levels[f][i] > 0 || lacks || s->options.part, "no case compared with %s %s", variant_factors[f].name, variant_factors[f].level[i]);
        }
        putchar('\n');
    }
}

static const char *level_name(factor f, int level) { return variant_factors[f].level[level]; }

/* Whether `c` has its cases; a refused cell is skipped by name, or fails where nothing may be refused. */
static void judge(const suite *s, const cell *c, int schedule, int form, int place)
{
    const char *names[] = {level_name(FACTOR_SCHEDULE, schedule), level_name(FACTOR_FORM, form),
                           level_name(FACTOR_PLACEMENT, place)};
    if (c->compared)
        check(true, "%s", names[0]);
    else if (c->refused && (!s->options.no_skips || !s->limits.forms[form]))
        check_skip("%s, %s, %s: %" PRIu32 " cases refused: %s", names[0], names[1], names[2], c->refused, c->why);
    else
        check(false, "no case compared under %s, %s, %s%s%s", names[0], names[1], names[2], c->refused ? "; refused: " : "",
              c->why);
}

static void report_cells(const suite *s)
{
    printf("  cases compared (refused), by schedule and form; columns");
    for (int p = 0; p < PLACEMENTS; ++p)
        printf(" %s", level_name(FACTOR_PLACEMENT, p));
    putchar('\n');
    for (int schedule = s->options.full; schedule < SCHEDULES; ++schedule)
        for (int form = s->options.full; form < FORMS; ++form) {
            printf("  %-16s %-6s", level_name(FACTOR_SCHEDULE, schedule), level_name(FACTOR_FORM, form));
            for (int p = 0; p < PLACEMENTS; ++p) {
                const cell *c = &cells[schedule][form][p];
                printf(c->refused ? " %4" PRIu32 " (%" PRIu32 ")" : " %4" PRIu32, c->compared, c->refused);
            }
            putchar('\n');
        }
    for (int schedule = s->options.full; schedule < SCHEDULES && !s->options.part; ++schedule)
        for (int form = s->options.full; form < FORMS; ++form)
            for (int p = 0; p < PLACEMENTS; ++p)
                judge(s, &cells[schedule][form][p], schedule, form, p);
}

/* Under 300 cases no cell is sure to have one; of parts of a run, whoever adds them up judges the sums. */
static void report(const suite *s, uint32_t cases)
{
    printf("  %" PRIu32 " cases, %" PRIu32 " compared, %" PRIu32 " refused by the device\n", cases, compared, refused);
    if (left_out)
        check_skip("%" PRIu32 " cases of more than %" PRIu32 " elements", left_out, s->options.most);
    if ((cases >= 300 && !s->options.only) || s->options.part) {
        report_levels(s);
        report_cells(s);
    }
    check(compared > 0, "no case was compared");
}

/* Whether the case counts: for devices that take a second for some thousand elements, larger ones are left out. */
static bool visit(suite *s, const variant *v)
{
    if (s->options.only && !variant_is(v, s->options.only))
        return true;
    if (s->options.most && exciton_case_count(&v->c, EXCITON_CASE_X) > s->options.most) {
        ++left_out;
        return false;
    }
    if (s->options.list) {
        char text[VARIANT_TEXT];
        variant_text(v, text);
        puts(text);
    } else {
        run(s, v);
    }
    return true;
}

void section_cases(suite *s)
{
    variant v;
    uint32_t done = 0;
    if (s->options.one_case) {
        if (check(variant_from_name(s->options.one_case, &v), "no case is called %s", s->options.one_case))
            done = visit(s, &v);
    } else if (s->options.full) {
        for (uint64_t i = 0; i < variant_full_count(); ++i) {
            variant_from_index(s->options.seed, i, &v);
            done += visit(s, &v);
        }
    } else {
        /* Whole covering sets of one seed after the other, until there are enough cases. */
        for (uint64_t seed = s->options.seed; done < s->options.cases; ++seed) {
            uint32_t row = 0;
            for (; variant_from_row(seed, row, &v); ++row)
                done += visit(s, &v);
            if (!check(row > 0 && done > 0, "no case in the covering set of seed %" PRIu64, seed))
                return;
        }
    }
    if (!s->options.list)
        report(s, done);
}
