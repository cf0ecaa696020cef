#include "formats/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read back as params.c reads a number: to double, then to float. 9 digits always do. */
void exciton_decimal_write(float value, char text[EXCITON_DECIMAL_BYTES])
{
    char local[2 * EXCITON_DECIMAL_BYTES];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(local, sizeof local, "%.*g", digits, (double)value);
        if ((float)strtod(local, NULL) == value)
            break;
    }
    /* A locale's decimal point may be anything, of several bytes too. */
    char *to = text;
    for (const char *from = local; *from && to < text + EXCITON_DECIMAL_BYTES - 1;) {
        size_t plain = strspn(from, "0123456789+-e");
        if (!plain) {
            *to++ = '.';
            from += strcspn(from, "0123456789+-e");
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}
