/* Small ONNX files, field by field, for tests that need ones that no exporter writes. After cmocka's header. */
#ifndef EXCITON_TESTS_ONNX_WRITER_H
#define EXCITON_TESTS_ONNX_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct writer {
    unsigned char bytes[8192];
    size_t size, begun[16], depth;
} writer;

static inline void raw(writer *w, const void *bytes, size_t size)
{
    assert_true(w->size + size <= sizeof w->bytes);
    if (size)
        memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static inline void varint(writer *w, uint64_t number)
{
    do {
        unsigned char byte = (unsigned char)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        raw(w, &byte, 1);
        number >>= 7;
    } while (number);
}

static inline void tag(writer *w, uint32_t number, uint32_t type) { varint(w, (uint64_t)number << 3 | type); }
static inline void number(writer *w, uint32_t field, int64_t value) { tag(w, field, 0); varint(w, (uint64_t)value); }

static inline void bytes(writer *w, uint32_t field, const void *content, size_t size)
{
    tag(w, field, 2);
    varint(w, size);
    raw(w, content, size);
}

static inline void text(writer *w, uint32_t field, const char *content) { bytes(w, field, content, strlen(content)); }

static inline void fixed(writer *w, uint32_t field, uint64_t bits, size_t size)
{
    tag(w, field, size == 8 ? 1 : 5);
    for (size_t i = 0; i < size; i++)
        raw(w, &(unsigned char){(unsigned char)(bits >> (8 * i))}, 1);
}

static inline void begin(writer *w, uint32_t field)
{
    tag(w, field, 2);
    w->begun[w->depth++] = w->size;
}

static inline void end(writer *w)
{
    size_t from = w->begun[--w->depth], size = w->size - from;
    writer length = {.size = 0};
    varint(&length, size);
    assert_true(w->size + length.size <= sizeof w->bytes);
    memmove(w->bytes + from + length.size, w->bytes + from, size);
    memcpy(w->bytes + from, length.bytes, length.size);
    w->size += length.size;
}

/* Unknown fields of every type. */
static inline void unknown(writer *w)
{
    number(w, 900, -1);
    fixed(w, 901, 7, 8);
    text(w, 902, "unknown");
    fixed(w, 903, 7, 4);
}

static inline void opset(writer *w, const char *domain, int64_t version)
{
    begin(w, 8);
    if (domain)
        text(w, 1, domain);
    number(w, 2, version);
    end(w);
}

/* Up to and with the graph's begin. */
static inline void begin_model(writer *w)
{
    *w = (writer){.size = 0};
    number(w, 1, 8);
    opset(w, NULL, 13);
    begin(w, 7);
}

/* Names are cut at blanks; "-" is an empty one. */
static inline void texts(writer *w, uint32_t field, const char *names)
{
    while (*names) {
        size_t length = strcspn(names, " ");
        bytes(w, field, names, length == 1 && *names == '-' ? 0 : length);
        names += length + (names[length] == ' ');
    }
}

static inline void begin_node(writer *w, const char *operator, const char *inputs, const char *outputs)
{
    begin(w, 1);
    texts(w, 1, inputs);
    texts(w, 2, outputs);
    text(w, 4, operator);
}

static inline void node(writer *w, const char *operator, const char *inputs, const char *outputs)
{
    begin_node(w, operator, inputs, outputs);
    end(w);
}

static inline void begin_attribute(writer *w, const char *name, int64_t type)
{
    begin(w, 5);
    text(w, 1, name);
    number(w, 20, type);
}

static inline void integers(writer *w, const char *name, bool packed, size_t count, const int64_t *values)
{
    begin_attribute(w, name, 7);
    if (packed)
        begin(w, 8);
    for (size_t i = 0; i < count; i++)
        if (packed)
            varint(w, (uint64_t)values[i]);
        else
            number(w, 8, values[i]);
    if (packed)
        end(w);
    end(w);
}

/* An input, output or value_info; a size of -1 has a name instead. */
static inline void value(writer *w, uint32_t field, const char *name, size_t rank, const int64_t *sizes)
{
    begin(w, field);
    text(w, 1, name);
    begin(w, 2);
    begin(w, 1);
    number(w, 1, 1);
    begin(w, 2);
    for (size_t i = 0; i < rank; i++) {
        begin(w, 1);
        if (sizes[i] == -1)
            text(w, 2, "N");
        else
            number(w, 1, sizes[i]);
        end(w);
    }
    end(w);
    end(w);
    end(w);
    end(w);
}

static inline void begin_tensor(writer *w, uint32_t field, const char *name, int64_t type, size_t rank, const int64_t *dims)
{
    begin(w, field);
    for (size_t i = 0; i < rank; i++)
        number(w, 1, dims[i]);
    number(w, 2, type);
    text(w, 8, name);
}

#define DIMS(...) sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__}

static inline void end_model(writer *w)
{
    end(w);
    assert_int_equal(w->depth, 0);
}

#endif
