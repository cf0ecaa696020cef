#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

static _Thread_local char line[LINE_BYTES];

static const char *const texts[] = {
    [EXCITON_OK] = "ok",
    [EXCITON_ERROR_ARGUMENT] = "bad argument",
    [EXCITON_ERROR_SHAPE] = "bad shape",
    [EXCITON_ERROR_OVERFLOW] = "size overflow",
    [EXCITON_ERROR_OVERLAP] = "overlapping tensors",
    [EXCITON_ERROR_FOREIGN] = "object of another device",
    [EXCITON_ERROR_STALE] = "object already destroyed",
    [EXCITON_ERROR_MEMORY] = "out of memory",
    [EXCITON_ERROR_LIMIT] = "beyond a limit of the device",
    [EXCITON_ERROR_UNSUPPORTED] = "not supported",
    [EXCITON_ERROR_ABSENT] = "no such device",
    [EXCITON_ERROR_AMBIGUOUS] = "ambiguous device",
    [EXCITON_ERROR_LOST] = "device lost",
    [EXCITON_ERROR_TIMEOUT] = "timed out",
    [EXCITON_ERROR_DRIVER] = "driver failed",
    [EXCITON_ERROR_COMPILE] = "kernel not compiled",
    [EXCITON_ERROR_FILE] = "file error",
    [EXCITON_ERROR_FORMAT] = "bad file content",
    [EXCITON_ERROR_NAME] = "no such name",
    [EXCITON_ERROR_CHECK] = "check failed",
};

const char *exciton_status_text(exciton_status status)
{
    return (unsigned)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}

const char *exciton_last_error(void) { return line; }

static void flatten(char *text)
{
    for (; *text; ++text)
        if (*text == '\n' || *text == '\r' || *text == '\t')
            *text = ' ';
}

exciton_status exciton_fail(exciton_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char text[LINE_BYTES]; /* an argument may be the line itself */
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    flatten(text);
    memcpy(line, text, sizeof text);
    return status;
}

exciton_status exciton_fail_within(exciton_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char text[LINE_BYTES];
    int used = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (used < 0 || used >= LINE_BYTES - 3)
        used = 0;
    int more = snprintf(text + used, sizeof text - (size_t)used, "%s%s", used ? ": " : "", line);
    if (more < 0)
        text[used] = '\0';
    flatten(text);
    memcpy(line, text, sizeof text);
    return status;
}

exciton_status exciton_report(exciton_status status, const char *text) { return exciton_fail(status, "%s", text ? text : ""); }
