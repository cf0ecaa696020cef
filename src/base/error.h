/* Failures: a status, and one line a thread that names the culprit. */
#ifndef EXCITON_BASE_ERROR_H
#define EXCITON_BASE_ERROR_H

#include <exciton/exciton.h>

#if defined(__MINGW32__) && !defined(__clang__) /* printf alone would mean Microsoft's */
#  define EXCITON_PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))
#elif defined(__GNUC__)
#  define EXCITON_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#  define EXCITON_PRINTF(f, a)
#endif

/* Sets the thread's line, "what: where: why", and returns `status`. Long lines are cut; line breaks become blanks. */
exciton_status exciton_fail(exciton_status status, const char *format, ...) EXCITON_PRINTF(2, 3);

/* Puts "format: " before the line already there; returns `status`. */
exciton_status exciton_fail_within(exciton_status status, const char *format, ...) EXCITON_PRINTF(2, 3);

#endif
