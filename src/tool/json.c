/* A JSON writer: one value to stdout, two blanks a level. */
#include <math.h>
#include <stdio.h>

#include "tool/tool.h"

static void new_line(const tool_json *json)
{
    putchar('\n');
    for (uint32_t i = 0; i < json->depth; i++)
        fputs("  ", stdout);
}

/* What stands before a value or a key: a comma unless it is the first, and its place. */
static void before(tool_json *json)
{
    if (json->keyed) {
        json->keyed = false;
        return;
    }
    if (json->comma)
        putchar(',');
    if (json->depth)
        new_line(json);
}

void tool_json_begin(tool_json *json, char bracket)
{
    before(json);
    putchar(bracket);
    json->depth++;
    json->comma = false;
}

void tool_json_end(tool_json *json, char bracket)
{
    json->depth--;
    if (json->comma)
        new_line(json);
    putchar(bracket);
    json->comma = true;
    if (!json->depth)
        putchar('\n');
}

/* Bytes of the UTF-8 character at `text`, 0 where there is none: overlong forms, surrogates and what lies beyond
 * U+10FFFF are none. A zero ends the text and continues nothing, so that no byte after it is read. */
static uint32_t utf8_length(const unsigned char *text)
{
    uint32_t length = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                    : text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : 0;
    for (uint32_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) || (text[0] == 0xf0 && text[1] < 0x90) ||
        (text[0] == 0xf4 && text[1] >= 0x90))
        return 0;
    return length;
}

static void put_string(const char *text)
{
    putchar('"');
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t length = utf8_length(at);
        if (!length) {
            fputs("\\ufffd", stdout);
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            printf("\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7f) {
            printf("\\u%04x", *at);
        } else {
            fwrite(at, 1, length, stdout);
        }
        at += length;
    }
    putchar('"');
}

void tool_json_key(tool_json *json, const char *key)
{
    before(json);
    put_string(key);
    fputs(": ", stdout);
    json->keyed = json->comma = true;
}

void tool_json_string(tool_json *json, const char *text)
{
    before(json);
    if (text)
        put_string(text);
    else
        fputs("null", stdout);
    json->comma = true;
}

void tool_json_integer(tool_json *json, uint64_t value)
{
    before(json);
    printf("%llu", (unsigned long long)value);
    json->comma = true;
}

void tool_json_number(tool_json *json, double value)
{
    before(json);
    if (isfinite(value))
        printf("%.9g", value);
    else
        fputs("null", stdout);
    json->comma = true;
}

void tool_json_verbatim(tool_json *json, const char *text)
{
    before(json);
    fputs(text, stdout);
    json->comma = true;
}

void tool_json_boolean(tool_json *json, bool value) { tool_json_verbatim(json, value ? "true" : "false"); }

void tool_json_header(tool_json *json)
{
    tool_json_begin(json, '{');
    tool_json_key(json, "format");
    tool_json_integer(json, 1);
    tool_json_key(json, "numerics");
    tool_json_integer(json, exciton_numerics());
}
