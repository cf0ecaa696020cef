#include "support/check.h"

#include "base/os.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 100 };

static struct {
    uint64_t checks, failures, skips;
} total, before;
static const char *section = "";
static uint64_t began;
static bool at_first;

static void say(const char *word, const char *format, va_list list)
{
    printf("%s: %s: ", word, section);
    vprintf(format, list);
    putchar('\n');
    fflush(stdout);
}

/* No destructor of a driver that is in the middle of something. */
static void failed(void)
{
    if (at_first)
        _Exit(1);
}

bool check(bool ok, const char *format, ...)
{
    ++total.checks;
    if (!ok && ++total.failures <= SHOWN) {
        va_list list;
        va_start(list, format);
        say("FAIL", format, list);
        va_end(list);
    }
    if (!ok)
        failed();
    return ok;
}

bool check_status(exciton_status got, exciton_status wanted, const char *format, ...)
{
    ++total.checks;
    const char *line = exciton_last_error();
    bool told = wanted == EXCITON_OK || (line[0] && !strpbrk(line, "\r\n"));
    if (got == wanted && told)
        return true;
    if (++total.failures <= SHOWN) {
        va_list list;
        va_start(list, format);
        say("FAIL", format, list);
        va_end(list);
        printf("      got \"%s\", wanted \"%s\"; the line is \"%s\"\n", exciton_status_text(got), exciton_status_text(wanted),
               line);
        fflush(stdout);
    }
    failed();
    return false;
}

void check_skip(const char *format, ...)
{
    ++total.skips;
    va_list list;
    va_start(list, format);
    say("SKIP", format, list);
    va_end(list);
}

void check_section_begin(const char *name)
{
    section = name;
    before.checks = total.checks;
    before.failures = total.failures;
    before.skips = total.skips;
    began = exciton_clock();
}

void check_section_end(void)
{
    printf("%-12s %9" PRIu64 " checks %5" PRIu64 " failed %4" PRIu64 " skipped %7.2f s\n", section, total.checks - before.checks,
           total.failures - before.failures, total.skips - before.skips, (double)(exciton_clock() - began) / 1e9);
    fflush(stdout);
    section = "";
}

uint64_t check_failures(void) { return total.failures; }
void check_stop_at_first(void) { at_first = true; }

int check_finish(const char *title)
{
    bool passed = total.failures == 0 && total.checks > 0;
    printf("%s: %s: %" PRIu64 " checks, %" PRIu64 " failed, %" PRIu64 " skipped%s\n", passed ? "PASSED" : "FAILED", title,
           total.checks, total.failures, total.skips, total.checks ? "" : " (nothing was compared)");
    fflush(stdout);
    return passed ? 0 : 1;
}
