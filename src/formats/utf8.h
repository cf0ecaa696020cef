/* UTF-8 as it is allowed in files: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef EXCITON_FORMATS_UTF8_H
#define EXCITON_FORMATS_UTF8_H

#include <stddef.h>

/* The bytes of the sequence at `text`, 0 where it is none or a zero. */
size_t exciton_utf8_sequence(const unsigned char *text, size_t left);

#endif
