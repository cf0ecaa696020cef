/* Models for the tests of the ONNX reader, and opening them from memory. */
#ifndef EXCITON_TESTS_ONNX_MODELS_H
#define EXCITON_TESTS_ONNX_MODELS_H

#include "io_files.h"

#include "formats/onnx.h"
#include "onnx_walk.h"
#include "onnx_writer.h"

/* ---- Opening --------------------------------------------------------------------------------------------------- */

/* The image is copied into a block of its size, so that a sanitizer sees a read beyond it. */
typedef struct opened {
    unsigned char *bytes;
    io_files files;
    exciton_onnx *onnx;
    const exciton_graph *g;
} opened;

static inline exciton_status open_bytes(opened *o, const unsigned char *from, size_t size)
{
    o->bytes = malloc(size ? size : 1);
    assert_non_null(o->bytes);
    memcpy(o->bytes, from, size);
    io_files_init_image(&o->files, o->bytes, size);
    exciton_status status = exciton_onnx_open(&o->files.calls, "some.onnx", &o->onnx);
    o->g = status ? NULL : exciton_onnx_graph(o->onnx);
    return status;
}

static inline void close_opened(opened *o)
{
    exciton_onnx_close(o->onnx);
    io_assert_clean(&o->files);
    free(o->bytes);
}

static inline void open_writer(opened *o, const writer *w)
{
    if (open_bytes(o, w->bytes, w->size))
        fail_msg("%s", exciton_last_error());
}

static inline uint32_t value_of(const exciton_graph *g, const char *name)
{
    for (uint32_t v = 0; v < g->value_count; v++)
        if (!strcmp(g->value_name(g->user, v), name))
            return v;
    return EXCITON_NO_VALUE;
}

static inline uint32_t constant_of(const exciton_graph *g, const char *name)
{
    uint32_t constant = g->value_constant(g->user, value_of(g, name));
    assert_int_not_equal(constant, EXCITON_NO_CONSTANT);
    return constant;
}

/* ---- Models ----------------------------------------------------------------------------------------------------- */

static inline void write_subgraph(writer *w)
{
    begin_node(w, "If", "x", "-");
    begin_attribute(w, "then_branch", 5);
    begin(w, 6);
    node(w, "Relu", "pooled", "inner");
    begin_node(w, "Loop", "inner x", "inner2");
    begin_attribute(w, "body", 5);
    begin(w, 6);
    node(w, "Neg", "w", "deep");
    end(w);
    end(w);
    end(w);
    value(w, 12, "inner2", DIMS(1));
    end(w);
    end(w);
    end(w);
}

/* Every kind of field, unknown ones at every level, nodes not in order. */
static inline void write_all(writer *w)
{
    begin_model(w);
    unknown(w);
    value(w, 11, "x", DIMS(1, -1, 3, 3));
    value(w, 12, "y", DIMS(1));
    value(w, 13, "pooled", DIMS(1, 4, 0));
    begin_node(w, "Fused", "pooled - w", "y");
    text(w, 7, "com.example");
    unknown(w);
    begin_attribute(w, "alpha", 1);
    fixed(w, 2, 0x3e4ccccd, 4);
    unknown(w);
    end(w);
    begin_attribute(w, "mode", 3);
    text(w, 4, "same");
    end(w);
    end(w);
    begin_node(w, "ReduceMean", "x", "pooled");
    text(w, 3, "pool");
    text(w, 7, "ai.onnx");
    integers(w, "axes", true, DIMS(2, -1));
    begin_attribute(w, "keepdims", 2);
    number(w, 3, -5);
    end(w);
    end(w);
    begin_node(w, "Constant", "", "k");
    begin_attribute(w, "value", 4);
    begin_tensor(w, 5, "", 1, DIMS(2));
    bytes(w, 9, "\0\0\x80\x3f\0\0\0\x40", 8);
    end(w);
    end(w);
    end(w);
    static const float two[] = {0.5f, -1};
    begin_node(w, "Constant", "", "kf");
    begin_attribute(w, "value_floats", 6);
    bytes(w, 7, two, sizeof two);
    end(w);
    end(w);
    begin_node(w, "Constant", "", "ki");
    begin_attribute(w, "value_int", 2);
    number(w, 3, -7);
    end(w);
    end(w);
    begin_node(w, "Constant", "", "ks"); /* a string: not a constant of ours */
    begin_attribute(w, "value_string", 3);
    text(w, 4, "s");
    end(w);
    end(w);
    write_subgraph(w);
    begin_tensor(w, 5, "w", 1, DIMS(2, 1));
    unknown(w);
    bytes(w, 9, two, sizeof two);
    end(w);
    begin_tensor(w, 5, "nine", 1, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 2));
    end(w);
    begin(w, 15);
    begin_tensor(w, 1, "sparse", 1, DIMS(1));
    bytes(w, 9, two, 4);
    end(w);
    number(w, 3, 4);
    number(w, 3, 5);
    end(w);
    end_model(w);
    unknown(w);
    opset(w, "com.example", 1);
    begin(w, 25);
    text(w, 1, "Relu");
    text(w, 10, "com.example");
    end(w);
}

enum { MOST = 8 };
typedef enum form { FORM_RAW, FORM_PACKED, FORM_UNPACKED, FORM_MIXED, FORM_COUNT } form;

/* Bits as they lie in raw data, and what they are as f32 and f64. */
static const struct elements {
    exciton_element element;
    int64_t type;
    uint32_t field, bytes;
    size_t count;
    uint64_t bits[MOST];
    uint32_t singles[MOST];
    uint64_t doubles[MOST];
} all_elements[] = {
    {EXCITON_ELEMENT_F32, 1, 4, 4, 6, {0, 0x80000000, 1, 0x3f800000, 0x7f800000, 0x7f812345},
     {0, 0x80000000, 1, 0x3f800000, 0x7f800000, 0x7f812345},
     {0, 1ull << 63, 0x36a0000000000000, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff82468a0000000}},
    {EXCITON_ELEMENT_F64, 11, 10, 8, 5, {0x3fd5555555555555, 0x7e37e43c8800759c, 1, 0xfff0000000000000, 0x3ff0000010000000},
     {0x3eaaaaab, 0x7f800000, 0, 0xff800000, 0x3f800000},
     {0x3fd5555555555555, 0x7e37e43c8800759c, 1, 0xfff0000000000000, 0x3ff0000010000000}},
    {EXCITON_ELEMENT_F16, 10, 5, 2, 8, {0x8000, 1, 0x83ff, 0x0400, 0x3c00, 0x7bff, 0xfc00, 0x7e01},
     {0x80000000, 0x33800000, 0xb87fc000, 0x38800000, 0x3f800000, 0x477fe000, 0xff800000, 0x7fc02000},
     {1ull << 63, 0x3e70000000000000, 0xbf0ff80000000000, 0x3f10000000000000, 0x3ff0000000000000, 0x40effc0000000000,
      0xfff0000000000000, 0x7ff8040000000000}},
    {EXCITON_ELEMENT_BF16, 16, 5, 2, 5, {0x8000, 1, 0x3f80, 0xff80, 0x7fc1}, {0x80000000, 0x00010000, 0x3f800000, 0xff800000, 0x7fc10000},
     {1ull << 63, 0x37a0000000000000, 0x3ff0000000000000, 0xfff0000000000000, 0x7ff8200000000000}},
    {EXCITON_ELEMENT_I64, 7, 7, 8, 4, {UINT64_MAX, 1ull << 63, (1ull << 53) - 1, (1ull << 53) + (1ull << 29) + 1},
     {0xbf800000, 0xdf000000, 0x5a000000, 0x5a000001}, /* the last: rounded once */
     {0xbff0000000000000, 0xc3e0000000000000, 0x433fffffffffffff, 0x4340000010000000}},
    {EXCITON_ELEMENT_I32, 6, 5, 4, 3, {0xffffffff, 0x80000000, 16777217}, {0xbf800000, 0xcf000000, 0x4b800000},
     {0xbff0000000000000, 0xc1e0000000000000, 0x4170000010000000}},
    {EXCITON_ELEMENT_I8, 3, 5, 1, 3, {0xff, 0x80, 0x7f}, {0xbf800000, 0xc3000000, 0x42fe0000},
     {0xbff0000000000000, 0xc060000000000000, 0x405fc00000000000}},
    {EXCITON_ELEMENT_U8, 2, 5, 1, 3, {0xff, 0x80, 0}, {0x437f0000, 0x43000000, 0}, {0x406fe00000000000, 0x4060000000000000, 0}},
};

/* An element as its typed field has it. */
static inline uint64_t wire_number(const struct elements *e, uint64_t bits)
{
    return e->element == EXCITON_ELEMENT_I32 ? (uint64_t)(int64_t)(int32_t)bits
         : e->element == EXCITON_ELEMENT_I8 ? (uint64_t)(int64_t)(int8_t)bits : bits;
}

static inline void write_element(writer *w, const struct elements *e, uint64_t bits, bool with_tag)
{
    bool floating = e->field == 4 || e->field == 10;
    if (floating && with_tag)
        fixed(w, e->field, bits, e->bytes);
    else if (floating)
        for (uint32_t b = 0; b < e->bytes; b++)
            raw(w, &(unsigned char){(unsigned char)(bits >> (8 * b))}, 1);
    else if (with_tag)
        number(w, e->field, (int64_t)wire_number(e, bits));
    else
        varint(w, wire_number(e, bits));
}

static inline void write_elements(writer *w, const struct elements *e, form how)
{
    begin_tensor(w, 5, "t", e->type, 1, (int64_t[]){(int64_t)e->count});
    size_t first = how == FORM_UNPACKED ? e->count : how == FORM_MIXED ? 2 : 0;
    for (size_t i = 0; i < first; i++)
        write_element(w, e, e->bits[i], true);
    if (how == FORM_MIXED) {
        bytes(w, e->field, "", 0);
        unknown(w);
    }
    if (how == FORM_RAW) {
        begin(w, 9);
        for (size_t i = 0; i < e->count; i++)
            for (uint32_t b = 0; b < e->bytes; b++)
                raw(w, &(unsigned char){(unsigned char)(e->bits[i] >> (8 * b))}, 1);
        end(w);
    } else if (first < e->count) {
        begin(w, e->field);
        for (size_t i = first; i < e->count; i++)
            write_element(w, e, e->bits[i], false);
        end(w);
    }
    end(w);
}

/* An entry of external_data, unless `content` is NULL. */
static inline void entry(writer *w, const char *key, const char *content)
{
    if (!content)
        return;
    begin(w, 13);
    text(w, 1, key);
    text(w, 2, content);
    end(w);
}

#endif
