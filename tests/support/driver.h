/* Drivers that a test may see, and those it must. */
#ifndef EXCITON_TESTS_DRIVER_H
#define EXCITON_TESTS_DRIVER_H

#include <exciton/exciton.h>

/* Exit status of a test whose device is absent and not required; ctest's SKIP_RETURN_CODE. */
enum { TEST_SKIPPED = 77 };

/* Whether EXCITON_TEST_REQUIRE, a list with commas, names `selector`. */
bool test_is_required(const char *selector);
/* What a failing exciton_device_open(selector) means for a test's exit status: 1, or 77 where the device is absent and
 * not required. Prints the line. */
int test_absent(const char *selector, exciton_status status);
/* Prints warnings and errors of the library, every line with EXCITON_TEST_VERBOSE set. */
void test_log(void *user, exciton_log_level level, const char *line);

#endif
