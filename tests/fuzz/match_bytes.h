/* Graphs as bytes, each of which means something: items, each begun by a byte that says its kind (by 8) and followed by what
 * the functions below take. Bytes that lack are zero. Everything a graph's table can show may come up: cycles, values of
 * nobody, two nodes that make one value, equal names, huge sizes, constants that can't be read or are no numbers.
 * match_put writes a graph of match_graph.h so, for the corpus. */
#ifndef EXCITON_TESTS_FUZZ_MATCH_BYTES_H
#define EXCITON_TESTS_FUZZ_MATCH_BYTES_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "../unit/match_graph.h"

enum { MATCH_VALUES = 128, MATCH_NODES = 64, MATCH_CONSTANTS = 64, MATCH_RAW = 31, MATCH_CONSUMERS = 16 };
enum { MATCH_NODE, MATCH_NODE_TOO, MATCH_NODE_AS_WELL, MATCH_CONSTANT, MATCH_SHAPE, MATCH_OUTPUT, MATCH_NAME, MATCH_OPSET };

#define MATCH_COUNT(list) (sizeof(list) / sizeof(list)[0])

static const char *const match_ops[] = {
    "Mul", "Conv", "Relu", "Sigmoid", "GlobalAveragePool", "ReduceMean", "AveragePool", "Gemm", "MatMul", "Add", "Sub", "Div",
    "BatchNormalization", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Cast", "CastLike", "Constant",
    "ConstantOfShape", "Shape", "Gather", "Slice", "Concat", "Expand", "Tile", "Dropout", "Clip", "Max", "Min", "LeakyRelu", "PRelu",
    "HardSwish", "HardSigmoid", "Swish", "Pad", "QuantizeLinear", "DequantizeLinear", "GlobalMaxPool", "GlobalLpPool", "MaxPool",
    "ReduceMax", "ReduceMin", "ReduceSum", "Softmax", "Neg", "Tanh", "com.example.Mul",
};
static const char *const match_attributes[] = {
    "axes", "keepdims", "kernel_shape", "pads", "strides", "dilations", "group", "auto_pad", "perm", "axis", "alpha", "beta", "min",
    "max", "transA", "transB", "epsilon", "value", "value_float", "value_floats", "value_int", "value_ints", "starts", "ends", "steps",
    "allowzero", "training_mode", "mode", "to", "start", "end", "spatial", "noop_with_empty_axes", "ceil_mode", "count_include_pad",
    "size",
};
static const char *const match_texts[] = {
    "", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "constant", "wrap", "reflect", "edge", "a:b", "\n", ".", "/a/b", "x", "se",
    "block", "block.2", "layer1.0.se.fc1.weight", "layer1.0.se.fc2.weight", "s.fc.0.weight", "s.fc.2.weight", "conv2_se_1_weights",
    "conv2_se_2_weights", "onnx::Conv_1", "/se/fc1/Conv", "/se/fc2/Conv", "\xff\x7f", "s.fc1.weight", "s.fc2.weight",
};
static const double match_numbers[] = {
    0, -0.0, 1, 2, 3, 4, 5, 6, 0.5, 0.25, 0.125, (double)0.2f, (double)(1 / 6.0f), (double)0.16666667f, -1, -3, 1e-5, (double)0.1f,
    (double)NAN, (double)INFINITY, -(double)INFINITY, (double)FLT_MAX, -(double)FLT_MAX, (double)FLT_MIN, 1e-40, DBL_MAX, 1e-300,
    2147483648.0, 9007199254740992.0, 9223372036854775808.0, -9223372036854775808.0, 16, 1e10,
};
static const int64_t match_ints[] = {
    INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN, UINT32_MAX, 1ll << 32, 65536, 1000, -1000, 128, 256, 1ll << 62, INT64_MAX - 1,
};
static const uint64_t match_sizes[] = {
    256, 512, 1024, 65535, 65536, 1u << 24, 1ull << 31, 1ull << 32, 1ull << 62, 1ull << 63, UINT64_MAX, UINT64_MAX - 1,
};

/* ---- Taking ---------------------------------------------------------------------------------------------------- */

typedef struct match_cursor {
    const uint8_t *at, *end;
} match_cursor;

static inline uint8_t match_byte(match_cursor *c) { return c->at < c->end ? *c->at++ : 0; }

/* The codes below a limit are themselves, those above come from a table. */
static inline int64_t match_int(match_cursor *c)
{
    int8_t code = (int8_t)match_byte(c);
    return code >= -100 && code <= 100 ? code : match_ints[(uint8_t)code % MATCH_COUNT(match_ints)];
}

static inline uint64_t match_size(match_cursor *c)
{
    uint8_t code = match_byte(c);
    return code < 200 ? code : match_sizes[(size_t)(code - 200) % MATCH_COUNT(match_sizes)];
}

static inline double match_number(match_cursor *c)
{
    uint8_t code = match_byte(c), bits[8];
    double number;
    if (code < MATCH_COUNT(match_numbers))
        return match_numbers[code];
    if (code < 255)
        return (code - 144) / 8.0;
    for (int i = 0; i < 8; i++)
        bits[i] = match_byte(c);
    memcpy(&number, bits, sizeof number);
    return number;
}

/* One of the texts, or up to 31 bytes. */
static inline void match_text(match_cursor *c, char text[MG_TEXT])
{
    uint8_t code = match_byte(c);
    if (code < 224) {
        strcpy(text, match_texts[code % MATCH_COUNT(match_texts)]);
        return;
    }
    for (int i = 0; i < code - 224; i++)
        text[i] = (char)match_byte(c);
    text[code - 224] = '\0';
}

/* A value, 255: none. */
static inline uint32_t match_value(match_cursor *c, mg_graph *g)
{
    uint8_t code = match_byte(c);
    if (code == 255)
        return EXCITON_NO_VALUE;
    uint32_t value = code % MATCH_VALUES;
    for (; g->graph.value_count <= value; g->graph.value_count++) {
        mg_value *v = &g->values[g->graph.value_count];
        *v = (mg_value){.producer = EXCITON_NO_NODE, .constant = EXCITON_NO_CONSTANT};
        snprintf(v->name, sizeof v->name, "v%u", (unsigned)g->graph.value_count);
    }
    return value;
}

/* The name; then the count, and above it whether it is of another kind than the name says. */
static inline void match_attribute(match_cursor *c, mg_node *node)
{
    mg_attribute *a = &node->attributes[node->attribute_count++];
    *a = (mg_attribute){0};
    strcpy(a->name, match_attributes[match_byte(c) % MATCH_COUNT(match_attributes)]);
    uint8_t form = match_byte(c);
    a->kind = form & 0x80 ? (exciton_attribute_kind)((form >> 4 & 7) % (EXCITON_ATTRIBUTE_OTHER + 1)) : mg_kind(a->name);
    a->count = form % (MATCH_COUNT(a->ints) + 1);
    if (a->kind == EXCITON_ATTRIBUTE_FLOAT) {
        a->number = match_number(c);
    } else if (a->kind == EXCITON_ATTRIBUTE_STRING) {
        match_text(c, a->text);
        a->count = strlen(a->text);
    } else {
        size_t count = a->kind == EXCITON_ATTRIBUTE_INTS || a->kind == EXCITON_ATTRIBUTE_FLOATS ? a->count : 1;
        for (size_t i = 0; i < count; i++)
            a->ints[i] = match_int(c);
    }
}

/* The operator; a byte of counts: inputs, a second output, attributes, a name; then these. */
static inline void match_node(match_cursor *c, mg_graph *g)
{
    uint32_t index = g->graph.node_count++;
    mg_node *node = &g->nodes[index];
    *node = (mg_node){0};
    strcpy(node->op, match_ops[match_byte(c) % MATCH_COUNT(match_ops)]);
    uint8_t counts = match_byte(c);
    if (counts & 0x40)
        match_text(c, node->name);
    else
        snprintf(node->name, sizeof node->name, "n%u", (unsigned)index);
    for (uint32_t i = 0; i < 1 + (uint32_t)(counts >> 3 & 1); i++) {
        uint32_t value = node->outputs[node->output_count++] = match_value(c, g);
        if (value != EXCITON_NO_VALUE)
            g->values[value].producer = index;
    }
    for (uint32_t i = 0; i < (counts & 7u); i++) {
        uint32_t value = match_value(c, g);
        mg_value *v = value == EXCITON_NO_VALUE ? NULL : &g->values[value];
        if (v && v->consumer_count == MATCH_CONSUMERS)
            continue;
        node->inputs[node->input_count++] = value;
        if (v)
            v->consumers[v->consumer_count++] = index;
    }
    for (uint32_t i = 0; i < (counts >> 4 & 3u); i++)
        match_attribute(c, node);
}

/* Its value; type, and whether it can be read; rank; sizes; how many numbers of its own; these. */
static inline void match_constant(match_cursor *c, mg_graph *g)
{
    uint32_t value = match_value(c, g);
    mg_constant *k = &g->constants[g->constant_count];
    uint8_t type = match_byte(c);
    *k = (mg_constant){.header = {.element = (exciton_element)((type & 0x7f) % (EXCITON_ELEMENT_U8 + 1)), .count = 1},
                       .seed = g->constant_count, .broken = type & 0x80};
    k->header.rank = match_byte(c) % (EXCITON_GRAPH_RANK + 1);
    for (uint32_t i = 0; i < k->header.rank; i++) {
        uint64_t size = match_size(c);
        if (k->header.count && size > UINT64_MAX / k->header.count)
            size = 1; /* a reader refuses products beyond 64 bits */
        k->header.shape[i] = size;
        k->header.count *= size;
    }
    k->given = match_byte(c) % (MATCH_COUNT(k->numbers) + 1);
    for (uint32_t i = 0; i < k->given; i++)
        k->numbers[i] = match_number(c);
    if (value != EXCITON_NO_VALUE)
        g->values[value].constant = g->constant_count;
    g->constant_count++;
}

static inline void match_shape(match_cursor *c, mg_graph *g)
{
    uint32_t value = match_value(c, g), rank = match_byte(c) % (EXCITON_GRAPH_RANK + 1);
    mg_value *v = value == EXCITON_NO_VALUE ? NULL : &g->values[value];
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t size = match_size(c);
        if (v)
            v->shape[i] = size;
    }
    if (!v)
        return;
    v->known = true;
    v->rank = rank;
}

/* An attribute's tensor is any of the constants, floats are its integers. */
static inline exciton_attribute match_node_attribute(void *user, uint32_t node, const char *name)
{
    static float floats[MG_NODES][8];
    const mg_graph *g = user;
    exciton_attribute a = mg_node_attribute(user, node, name);
    if (a.kind == EXCITON_ATTRIBUTE_TENSOR && !g->constant_count)
        a.kind = EXCITON_ATTRIBUTE_NONE;
    a.tensor = g->constant_count ? a.tensor % g->constant_count : 0;
    for (size_t i = 0; i < a.count && a.kind == EXCITON_ATTRIBUTE_FLOATS; i++)
        floats[node][i] = (float)a.ints[i];
    a.floats = floats[node];
    return a;
}

static inline void match_take(mg_graph *g, const uint8_t *bytes, size_t size)
{
    match_cursor c = {bytes, bytes + size};
    g->graph.node_count = g->graph.value_count = g->constant_count = 0;
    g->graph.opset = 17;
    g->graph.node_attribute = match_node_attribute;
    while (c.at < c.end && g->graph.node_count < MATCH_NODES && g->constant_count < MATCH_CONSTANTS) {
        uint32_t value;
        switch (match_byte(&c) % 8) {
        case MATCH_CONSTANT: match_constant(&c, g); break;
        case MATCH_SHAPE: match_shape(&c, g); break;
        case MATCH_OUTPUT:
            if ((value = match_value(&c, g)) != EXCITON_NO_VALUE)
                g->values[value].output = true;
            break;
        case MATCH_NAME:
            if ((value = match_value(&c, g)) != EXCITON_NO_VALUE)
                match_text(&c, g->values[value].name);
            break;
        case MATCH_OPSET: g->graph.opset = 7 + match_byte(&c) % 22; break;
        default: match_node(&c, g); break;
        }
    }
}

/* ---- Putting: false where these bytes can't say it -------------------------------------------------------------- */

typedef struct match_writer {
    uint8_t bytes[4096];
    size_t size;
    bool failed;
} match_writer;

static inline void match_put_byte(match_writer *w, uint64_t byte)
{
    w->failed |= byte > 255 || w->size == sizeof w->bytes;
    if (!w->failed)
        w->bytes[w->size++] = (uint8_t)byte;
}

static inline void match_put_place(match_writer *w, const char *const *list, size_t count, const char *text)
{
    size_t i = 0;
    while (i < count && strcmp(list[i], text))
        i++;
    w->failed |= i == count;
    match_put_byte(w, i);
}

static inline void match_put_text(match_writer *w, const char *text)
{
    size_t length = strlen(text);
    w->failed |= length > MATCH_RAW;
    match_put_byte(w, 224 + length);
    for (size_t i = 0; i < length; i++)
        match_put_byte(w, (uint8_t)text[i]);
}

static inline void match_put_int(match_writer *w, int64_t number)
{
    for (int code = -128; code < 128; code++) {
        match_cursor c = {(uint8_t[]){(uint8_t)code}, NULL};
        c.end = c.at + 1;
        if (match_int(&c) == number) {
            match_put_byte(w, (uint8_t)code);
            return;
        }
    }
    w->failed = true;
}

static inline void match_put_size(match_writer *w, uint64_t number)
{
    for (unsigned code = 0; code < 256; code++) {
        match_cursor c = {(uint8_t[]){(uint8_t)code}, NULL};
        c.end = c.at + 1;
        if (match_size(&c) == number) {
            match_put_byte(w, code);
            return;
        }
    }
    w->failed = true;
}

static inline void match_put_number(match_writer *w, double number)
{
    uint8_t bits[8];
    memcpy(bits, &number, sizeof bits);
    for (size_t i = 0; i < MATCH_COUNT(match_numbers); i++)
        if (!memcmp(&match_numbers[i], &number, sizeof number)) {
            match_put_byte(w, i);
            return;
        }
    match_put_byte(w, 255);
    for (size_t i = 0; i < sizeof bits; i++)
        match_put_byte(w, bits[i]);
}

static inline void match_put_value(match_writer *w, uint32_t value)
{
    w->failed |= value != EXCITON_NO_VALUE && value >= MATCH_VALUES;
    match_put_byte(w, value == EXCITON_NO_VALUE ? 255 : value);
}

static inline void match_put_attribute(match_writer *w, const mg_attribute *a)
{
    match_put_place(w, match_attributes, MATCH_COUNT(match_attributes), a->name);
    match_put_byte(w, a->kind == EXCITON_ATTRIBUTE_STRING ? 0 : a->count);
    if (a->kind == EXCITON_ATTRIBUTE_FLOAT) {
        match_put_number(w, a->number);
    } else if (a->kind == EXCITON_ATTRIBUTE_STRING) {
        match_put_text(w, a->text);
    } else {
        size_t count = a->kind == EXCITON_ATTRIBUTE_INTS ? a->count : 1;
        for (size_t i = 0; i < count; i++)
            match_put_int(w, a->ints[i]);
    }
}

static inline void match_put_node(match_writer *w, const mg_node *node)
{
    w->failed |= node->attribute_count > 3 || node->input_count > 7;
    match_put_byte(w, MATCH_NODE);
    match_put_place(w, match_ops, MATCH_COUNT(match_ops), node->op);
    match_put_byte(w, node->input_count | (node->output_count - 1) << 3 | node->attribute_count << 4 | 0x40);
    match_put_text(w, node->name);
    for (uint32_t i = 0; i < node->output_count; i++)
        match_put_value(w, node->outputs[i]);
    for (uint32_t i = 0; i < node->input_count; i++)
        match_put_value(w, node->inputs[i]);
    for (uint32_t i = 0; i < node->attribute_count; i++)
        match_put_attribute(w, &node->attributes[i]);
}

static inline void match_put_constant(match_writer *w, const mg_graph *g, uint32_t constant)
{
    const mg_constant *k = &g->constants[constant];
    uint32_t value = 0;
    while (value < g->graph.value_count && g->values[value].constant != constant)
        value++;
    match_put_byte(w, MATCH_CONSTANT);
    match_put_value(w, value);
    match_put_byte(w, (unsigned)k->header.element | (k->broken ? 0x80u : 0));
    match_put_byte(w, k->header.rank);
    for (uint32_t i = 0; i < k->header.rank; i++)
        match_put_size(w, k->header.shape[i]);
    match_put_byte(w, k->given);
    for (uint32_t i = 0; i < k->given; i++)
        match_put_number(w, k->numbers[i]);
}

static inline bool match_put(match_writer *w, const mg_graph *g)
{
    w->size = 0;
    w->failed = g->graph.node_count >= MATCH_NODES || g->constant_count >= MATCH_CONSTANTS;
    for (uint32_t i = 0; i < g->constant_count; i++)
        match_put_constant(w, g, i);
    for (uint32_t i = 0; i < g->graph.node_count; i++)
        match_put_node(w, &g->nodes[i]);
    for (uint32_t i = 0; i < g->graph.value_count; i++) {
        const mg_value *v = &g->values[i];
        if (v->known) {
            match_put_byte(w, MATCH_SHAPE);
            match_put_value(w, i);
            match_put_byte(w, v->rank);
            for (uint32_t d = 0; d < v->rank; d++)
                match_put_size(w, v->shape[d]);
        }
        if (v->output) {
            match_put_byte(w, MATCH_OUTPUT);
            match_put_value(w, i);
        }
        if (strchr(v->name, '.')) { /* the weights' names name the block */
            match_put_byte(w, MATCH_NAME);
            match_put_value(w, i);
            match_put_text(w, v->name);
        }
    }
    for (int i = 0; i < 3; i++) /* no options, no fault: image.h */
        match_put_byte(w, 0);
    return !w->failed;
}

#endif
