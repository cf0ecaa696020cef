/* Windows alone: its headers, and text between UTF-8 and what it calls wide. */
#ifndef EXCITON_BASE_TEXT_WINDOWS_H
#define EXCITON_BASE_TEXT_WINDOWS_H

#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0601
#  undef _WIN32_WINNT
#  define _WIN32_WINNT 0x0601
#endif
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

#include <stdbool.h>
#include <stdio.h>

#ifndef ENABLE_VIRTUAL_TERMINAL_PROCESSING
#  define ENABLE_VIRTUAL_TERMINAL_PROCESSING 0x0004
#endif

enum { EXCITON_PATH = 4096 }; /* characters, with the end */

/* False where it isn't UTF-8, or too long. */
static inline bool exciton_to_wide(const char *text, wchar_t wide[EXCITON_PATH])
{
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, EXCITON_PATH) > 0;
}

/* The system's own words for one of its errors, without the line break that it ends them with. */
static inline void exciton_system_text(DWORD code, char *text, size_t size)
{
    wchar_t wide[256];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL, code, 0,
                                  wide, 256, NULL);
    while (length > 0 && (wide[length - 1] == L' ' || wide[length - 1] == L'.'))
        wide[--length] = 0;
    if (size == 0)
        return;
    if (length == 0 || size > 0x7fffffff || WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, (int)size, NULL, NULL) == 0)
        (void)snprintf(text, size, "error %lu", (unsigned long)code);
}

#endif
