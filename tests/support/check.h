/* Checks of the conformance and fault tests: counted, a failure printed with what was compared, a section's time shown.
 * Not for several threads at once: a thread hands its result to the one that checks it. */
#ifndef EXCITON_TESTS_CHECK_H
#define EXCITON_TESTS_CHECK_H

#include <exciton/exciton.h>

#if defined(__GNUC__)
#  define CHECK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#  define CHECK_PRINTF(f, a)
#endif

/* Counts one check; prints "FAIL: …" when `ok` is false (the first hundred). Returns `ok`. */
bool check(bool ok, const char *format, ...) CHECK_PRINTF(2, 3);
/* `got` is `wanted`, and a failure has left a line of one line. */
bool check_status(exciton_status got, exciton_status wanted, const char *format, ...) CHECK_PRINTF(3, 4);
/* Counts by name: what could not be compared, and why. */
void check_skip(const char *format, ...) CHECK_PRINTF(1, 2);

void check_section_begin(const char *name);
void check_section_end(void);
/* Prints the summary. 0: passed; 1: something failed, or nothing was compared. */
int check_finish(const char *title);
uint64_t check_failures(void);
/* From now on the first failure ends the process, with status 1. */
void check_stop_at_first(void);

#endif
