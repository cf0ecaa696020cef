/* The dictionary of an npy header: a Python literal, of which exactly three keys and their values are understood. */
#include "formats/npy.h"

#include <stdbool.h>
#include <string.h>

#include "base/checked.h"

typedef struct parser {
    const char *file;
    uint64_t offset; /* of text[0] in the file */
    const char *text;
    size_t length, at;
} parser;

typedef struct piece { const char *text; size_t length; } piece; /* of the header, not terminated */

enum { KEY_DESCR, KEY_ORDER, KEY_SHAPE, KEYS };
static const char *const key_names[KEYS] = {"descr", "fortran_order", "shape"};

static exciton_status fail(const parser *p, size_t at, const char *why)
{
    return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: header: %s", p->file, (unsigned long long)(p->offset + at), why);
}

static void skip_blanks(parser *p)
{
    while (p->at < p->length && p->text[p->at] == ' ')
        p->at++;
}

/* The next character after blanks; 0 at the end. */
static char peek(parser *p)
{
    skip_blanks(p);
    return p->at < p->length ? p->text[p->at] : '\0';
}

static bool take(parser *p, char c)
{
    if (peek(p) != c || p->at >= p->length)
        return false;
    p->at++;
    return true;
}

/* '…' or "…" of printable ASCII, no escapes: none of the words known here needs one. */
static exciton_status parse_string(parser *p, piece *string)
{
    char quote = peek(p);
    if (quote != '\'' && quote != '"')
        return fail(p, p->at, "a quoted string is expected");
    size_t start = ++p->at;
    for (; p->at < p->length && p->text[p->at] != quote; p->at++) {
        unsigned char c = (unsigned char)p->text[p->at];
        if (c == '\\')
            return fail(p, p->at, "an escape in a string");
        if (c < 0x20 || c >= 0x7f)
            return fail(p, p->at, "a string holds a character that is not printable ASCII");
    }
    if (p->at >= p->length)
        return fail(p, start - 1, "a string does not end");
    *string = (piece){p->text + start, p->at - start};
    p->at++;
    return EXCITON_OK;
}

static bool is(piece word, const char *text) { return word.length == strlen(text) && !memcmp(word.text, text, word.length); }

static exciton_status parse_descr(parser *p)
{
    size_t at = p->at;
    if (peek(p) == '[' || peek(p) == '(')
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: descr: a structured type; only '<f4' is read", p->file);
    piece descr;
    exciton_status failed = parse_string(p, &descr);
    if (failed || is(descr, "<f4"))
        return failed;
    const char *what = "is not read";
    if (descr.length && descr.text[0] == '>')
        what = "is big-endian";
    else if (descr.length && memchr(descr.text, 'O', descr.length))
        what = "is objects";
    else if (is(descr, "<f2") || is(descr, "<f8"))
        what = "is another width";
    return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: offset %llu: descr: '%.*s' %s; only '<f4' is read", p->file,
                           (unsigned long long)(p->offset + at), (int)exciton_min(descr.length, 40), descr.text, what);
}

static exciton_status parse_order(parser *p, bool *fortran)
{
    skip_blanks(p);
    size_t left = p->length - p->at;
    *fortran = left >= 4 && !memcmp(p->text + p->at, "True", 4);
    if (!*fortran && (left < 5 || memcmp(p->text + p->at, "False", 5)))
        return fail(p, p->at, "fortran_order is neither True nor False");
    p->at += *fortran ? 4 : 5;
    return EXCITON_OK;
}

/* A decimal number, with Python 2's L. */
static exciton_status parse_size(parser *p, uint64_t *size)
{
    char c = peek(p);
    size_t start = p->at;
    if (c < '0' || c > '9')
        return fail(p, p->at, "shape: a size is expected");
    *size = 0;
    for (; p->at < p->length && p->text[p->at] >= '0' && p->text[p->at] <= '9'; p->at++)
        if (!exciton_mul(*size, 10, size) || !exciton_add(*size, (uint64_t)(p->text[p->at] - '0'), size))
            return exciton_io_fail(EXCITON_ERROR_OVERFLOW, "%s: offset %llu: shape: a size above 64 bits", p->file,
                                   (unsigned long long)(p->offset + start));
    if (c == '0' && p->at - start > 1)
        return fail(p, start, "shape: a size with a leading zero");
    if (p->at < p->length && p->text[p->at] == 'L')
        p->at++;
    return EXCITON_OK;
}

/* (), (a,), (a, b), (a, b,): one size alone needs its comma, or it would be no tuple. */
static exciton_status parse_shape(parser *p, exciton_npy_header *header)
{
    if (!take(p, '('))
        return fail(p, p->at, "shape is not a tuple");
    header->dims = 0;
    bool comma = true;
    while (!take(p, ')')) {
        if (!comma)
            return fail(p, p->at, "shape: ',' or ')' is expected");
        uint64_t size = 0;
        exciton_status failed = parse_size(p, &size);
        if (failed)
            return failed;
        if (header->dims == EXCITON_TENSOR_DIMS)
            return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: shape: more than %d dimensions", p->file, EXCITON_TENSOR_DIMS);
        header->shape[header->dims++] = size;
        comma = take(p, ',');
    }
    if (header->dims == 1 && !comma)
        return fail(p, p->at, "shape is not a tuple: (n) instead of (n,)");
    return EXCITON_OK;
}

static exciton_status parse_item(parser *p, bool seen[KEYS], bool *fortran, exciton_npy_header *header)
{
    piece name;
    skip_blanks(p);
    size_t start = p->at;
    exciton_status failed = parse_string(p, &name);
    if (failed)
        return failed;
    int key = 0;
    while (key < KEYS && !is(name, key_names[key]))
        key++;
    if (key == KEYS)
        return fail(p, start, "a key that is not descr, fortran_order or shape");
    if (seen[key])
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: header: %s stands twice", p->file,
                               (unsigned long long)(p->offset + start), key_names[key]);
    seen[key] = true;
    if (!take(p, ':'))
        return fail(p, p->at, "':' is expected");
    skip_blanks(p);
    return key == KEY_DESCR ? parse_descr(p) : key == KEY_ORDER ? parse_order(p, fortran) : parse_shape(p, header);
}

exciton_status exciton_npy_parse(const char *file, uint64_t offset, const char *text, size_t length, exciton_npy_header *header)
{
    parser p = {.file = file, .offset = offset, .text = text, .length = length};
    bool seen[KEYS] = {false}, fortran = false;
    *header = (exciton_npy_header){0};
    if (!length || text[length - 1] != '\n')
        return fail(&p, length ? length - 1 : 0, "it does not end in a line break");
    p.length--;
    if (!take(&p, '{'))
        return fail(&p, p.at, "'{' is expected");
    bool comma = true;
    while (!take(&p, '}')) {
        if (!comma)
            return fail(&p, p.at, "',' or '}' is expected");
        exciton_status failed = parse_item(&p, seen, &fortran, header);
        if (failed)
            return failed;
        comma = take(&p, ',');
    }
    for (int key = 0; key < KEYS; key++)
        if (!seen[key])
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: header: %s is missing", file, key_names[key]);
    if (peek(&p) || p.at < p.length)
        return fail(&p, p.at, "bytes after the dictionary");
    if (fortran)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: fortran_order: True; only C order is read", file);
    return EXCITON_OK;
}
