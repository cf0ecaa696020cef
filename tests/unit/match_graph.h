/* A graph (formats/graph.h) in memory, from lines of text: for the tests of the matcher.
 *   OUT = OPERATOR OPERAND... NAME=VALUE...     a node, named after its output; OUT,OUT2 are two outputs; `-` is no operand
 *   in OUT:2,16,5,5                             an input of the graph and its shape, ? for a size that isn't known
 *   out VALUE                                   an output of the graph
 * An operand #4,16,1,1 is a constant of that shape with numbers of its own, #=3 a scalar, #1=3 a vector of one, #i2,3 a list of
 * integers, #s a scalar that can't be read. `#NAME:` before any of these names it. */
#ifndef EXCITON_TESTS_MATCH_GRAPH_H
#define EXCITON_TESTS_MATCH_GRAPH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/graph.h"

enum { MG_NODES = 256, MG_VALUES = 512, MG_EDGES = 12, MG_ATTRIBUTES = 6, MG_TEXT = 64 };

typedef struct mg_attribute {
    char name[MG_TEXT], text[MG_TEXT];
    exciton_attribute_kind kind;
    int64_t ints[8];
    double number;
    size_t count;
} mg_attribute;

typedef struct mg_node {
    char name[MG_TEXT], op[MG_TEXT];
    uint32_t inputs[MG_EDGES], input_count, outputs[2], output_count;
    mg_attribute attributes[MG_ATTRIBUTES];
    uint32_t attribute_count;
} mg_node;

typedef struct mg_value {
    char name[MG_TEXT];
    uint32_t producer, constant, consumers[16], consumer_count, rank;
    uint64_t shape[EXCITON_GRAPH_RANK];
    bool output, known;
} mg_value;

typedef struct mg_constant {
    exciton_constant header;
    double numbers[8]; /* of the first; the rest are made up from the index */
    uint32_t given, seed;
    bool broken;
} mg_constant;

typedef struct mg_graph {
    exciton_graph graph;
    mg_node nodes[MG_NODES];
    mg_value values[MG_VALUES];
    mg_constant constants[MG_VALUES];
    uint32_t constant_count;
} mg_graph;

static double mg_element(const mg_constant *constant, uint64_t index)
{
    if (index < constant->given)
        return constant->numbers[index];
    return (double)(float)((double)((index * 37 + constant->seed * 11) % 64) / 64 - 0.25);
}

/* ---- The table */

static const char *mg_node_name(void *user, uint32_t node) { return ((mg_graph *)user)->nodes[node].name; }
static const char *mg_node_operator(void *user, uint32_t node) { return ((mg_graph *)user)->nodes[node].op; }
static uint32_t mg_node_input_count(void *user, uint32_t node) { return ((mg_graph *)user)->nodes[node].input_count; }
static uint32_t mg_node_input(void *user, uint32_t node, uint32_t i) { return ((mg_graph *)user)->nodes[node].inputs[i]; }
static uint32_t mg_node_output_count(void *user, uint32_t node) { return ((mg_graph *)user)->nodes[node].output_count; }
static uint32_t mg_node_output(void *user, uint32_t node, uint32_t i) { return ((mg_graph *)user)->nodes[node].outputs[i]; }
static const char *mg_value_name(void *user, uint32_t value) { return ((mg_graph *)user)->values[value].name; }
static uint32_t mg_value_producer(void *user, uint32_t value) { return ((mg_graph *)user)->values[value].producer; }
static uint32_t mg_value_consumer_count(void *user, uint32_t value) { return ((mg_graph *)user)->values[value].consumer_count; }
static bool mg_value_is_output(void *user, uint32_t value) { return ((mg_graph *)user)->values[value].output; }
static uint32_t mg_value_constant(void *user, uint32_t value) { return ((mg_graph *)user)->values[value].constant; }
static exciton_constant mg_constant_of(void *user, uint32_t constant) { return ((mg_graph *)user)->constants[constant].header; }

static uint32_t mg_value_consumer(void *user, uint32_t value, uint32_t i)
{
    return i < 16 ? ((mg_graph *)user)->values[value].consumers[i] : 0;
}

static exciton_attribute mg_node_attribute(void *user, uint32_t node, const char *name)
{
    const mg_node *n = &((mg_graph *)user)->nodes[node];
    for (uint32_t i = 0; i < n->attribute_count; i++) {
        const mg_attribute *a = &n->attributes[i];
        if (!strcmp(a->name, name))
            return (exciton_attribute){.kind = a->kind, .number = a->number, .integer = a->ints[0], .ints = a->ints, .count = a->count,
                                       .text = a->text, .tensor = (uint32_t)a->ints[0]};
    }
    return (exciton_attribute){.kind = EXCITON_ATTRIBUTE_NONE};
}

static bool mg_value_shape(void *user, uint32_t value, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK])
{
    const mg_value *v = &((mg_graph *)user)->values[value];
    *rank = v->rank;
    memcpy(shape, v->shape, sizeof v->shape);
    return v->known;
}

static exciton_status mg_constant_read(void *user, uint32_t constant, uint64_t first, uint64_t count, double *elements)
{
    const mg_constant *c = &((mg_graph *)user)->constants[constant];
    if (c->broken)
        return exciton_report(EXCITON_ERROR_FILE, "graph: constant: cannot be read");
    for (uint64_t i = 0; i < count; i++)
        elements[i] = mg_element(c, first + i);
    return EXCITON_OK;
}

static exciton_status mg_constant_read_f32(void *user, uint32_t constant, uint64_t first, uint64_t count, float *elements)
{
    const mg_constant *c = &((mg_graph *)user)->constants[constant];
    for (uint64_t i = 0; i < count; i++)
        elements[i] = (float)mg_element(c, first + i);
    return c->broken ? exciton_report(EXCITON_ERROR_FILE, "graph: constant: cannot be read") : EXCITON_OK;
}

/* ---- Building */

static uint32_t mg_value_named(mg_graph *g, const char *name)
{
    if (!strcmp(name, "-"))
        return EXCITON_NO_VALUE;
    for (uint32_t i = 0; i < g->graph.value_count; i++)
        if (!strcmp(g->values[i].name, name))
            return i;
    mg_value *v = &g->values[g->graph.value_count];
    *v = (mg_value){.producer = EXCITON_NO_NODE, .constant = EXCITON_NO_CONSTANT};
    snprintf(v->name, sizeof v->name, "%s", name);
    return g->graph.value_count++;
}

static uint32_t mg_numbers(const char *text, double numbers[8])
{
    uint32_t count = 0;
    while (*text && count < 8) {
        char *end;
        numbers[count] = *text == '?' ? 0 : strtod(text, &end);
        if (*text != '?' && end == text)
            break;
        count++;
        text = *text == '?' ? text + 1 : end;
        text += *text == ',';
    }
    return count;
}

static uint32_t mg_add_constant(mg_graph *g, const char *text)
{
    char name[MG_TEXT];
    const char *colon = strchr(text, ':');
    snprintf(name, sizeof name, "c%u", (unsigned)g->constant_count);
    if (colon) {
        snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
        text = colon + 1;
    }
    mg_constant *c = &g->constants[g->constant_count];
    double numbers[8];
    *c = (mg_constant){.header = {.element = EXCITON_ELEMENT_F32, .count = 1}, .seed = g->constant_count};
    const char *equals = strchr(text, '=');
    c->broken = *text == 's';
    if (*text == 'i') {
        c->header.element = EXCITON_ELEMENT_I64;
        c->given = mg_numbers(text + 1, c->numbers);
        c->header.rank = 1;
        c->header.shape[0] = c->header.count = c->given;
    } else if (!c->broken) {
        c->given = equals ? mg_numbers(equals + 1, c->numbers) : 0;
        c->header.rank = equals == text ? 0 : mg_numbers(text, numbers);
        for (uint32_t i = 0; i < c->header.rank; i++)
            c->header.count *= c->header.shape[i] = (uint64_t)numbers[i];
    }
    uint32_t value = mg_value_named(g, name);
    g->values[value].constant = g->constant_count++;
    return value;
}

static exciton_attribute_kind mg_kind(const char *name)
{
    static const char *const floats[] = {"alpha", "beta", "min", "max", "epsilon", "value_float"};
    static const char *const lists[] = {"axes", "perm", "pads", "kernel_shape", "strides", "dilations", "value_ints", "starts", "ends"};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (!strcmp(name, floats[i]))
            return EXCITON_ATTRIBUTE_FLOAT;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(name, lists[i]))
            return EXCITON_ATTRIBUTE_INTS;
    if (!strcmp(name, "mode") || !strcmp(name, "auto_pad"))
        return EXCITON_ATTRIBUTE_STRING;
    return !strcmp(name, "value") ? EXCITON_ATTRIBUTE_TENSOR : EXCITON_ATTRIBUTE_INT;
}

static void mg_add_attribute(mg_graph *g, mg_node *node, const char *word, const char *equals)
{
    mg_attribute *a = &node->attributes[node->attribute_count++];
    double numbers[8] = {0};
    *a = (mg_attribute){0};
    snprintf(a->name, sizeof a->name, "%.*s", (int)(equals - word), word);
    snprintf(a->text, sizeof a->text, "%s", equals + 1);
    a->kind = mg_kind(a->name);
    a->count = a->kind == EXCITON_ATTRIBUTE_STRING ? strlen(a->text) : 0;
    if (a->kind == EXCITON_ATTRIBUTE_TENSOR) {
        a->ints[0] = g->values[mg_add_constant(g, equals + 2)].constant;
    } else if (a->kind != EXCITON_ATTRIBUTE_STRING) {
        a->count = mg_numbers(equals + 1, numbers);
        a->number = (double)(float)numbers[0];
        for (size_t i = 0; i < a->count; i++)
            a->ints[i] = (int64_t)numbers[i];
    }
}

static void mg_add_input(mg_graph *g, char *text)
{
    char *colon = strchr(text, ':');
    double numbers[8];
    if (colon)
        *colon = '\0';
    mg_value *v = &g->values[mg_value_named(g, text)];
    v->known = colon != NULL;
    v->rank = colon ? mg_numbers(colon + 1, numbers) : 0;
    for (uint32_t i = 0; i < v->rank; i++)
        v->shape[i] = (uint64_t)numbers[i];
}

static void mg_add_node(mg_graph *g, char *outputs, char *words)
{
    uint32_t index = g->graph.node_count++;
    mg_node *node = &g->nodes[index];
    char *save = NULL, *word = strtok_r(words, " ", &save), *comma = strchr(outputs, ',');
    *node = (mg_node){0};
    snprintf(node->op, sizeof node->op, "%s", word);
    if (comma)
        *comma = '\0';
    snprintf(node->name, sizeof node->name, "%s", outputs);
    node->outputs[node->output_count++] = mg_value_named(g, outputs);
    if (comma)
        node->outputs[node->output_count++] = mg_value_named(g, comma + 1);
    for (uint32_t i = 0; i < node->output_count; i++)
        g->values[node->outputs[i]].producer = index;
    while ((word = strtok_r(NULL, " ", &save))) {
        char *equals = strchr(word, '=');
        if (*word != '#' && equals) {
            mg_add_attribute(g, node, word, equals);
            continue;
        }
        uint32_t value = *word == '#' ? mg_add_constant(g, word + 1) : mg_value_named(g, word);
        node->inputs[node->input_count++] = value;
        if (value != EXCITON_NO_VALUE) {
            mg_value *v = &g->values[value];
            if (v->consumer_count < 16)
                v->consumers[v->consumer_count] = index;
            v->consumer_count++;
        }
    }
}

static void mg_init(mg_graph *g)
{
    memset(g, 0, sizeof *g);
    g->graph = (exciton_graph){
        .user = g, .opset = 17, .node_name = mg_node_name, .node_operator = mg_node_operator, .node_input_count = mg_node_input_count,
        .node_input = mg_node_input, .node_output_count = mg_node_output_count, .node_output = mg_node_output,
        .node_attribute = mg_node_attribute, .value_name = mg_value_name, .value_producer = mg_value_producer,
        .value_consumer_count = mg_value_consumer_count, .value_consumer = mg_value_consumer, .value_is_output = mg_value_is_output,
        .value_constant = mg_value_constant, .value_shape = mg_value_shape, .constant = mg_constant_of,
        .constant_read = mg_constant_read, .constant_read_f32 = mg_constant_read_f32,
    };
}

static inline void mg_parse(mg_graph *g, const char *text)
{
    mg_init(g);
    char *copy = strdup(text), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line += strspn(line, " ");
        char *equals = strstr(line, " = ");
        if (!strncmp(line, "in ", 3))
            mg_add_input(g, line + 3);
        else if (!strncmp(line, "out ", 4))
            g->values[mg_value_named(g, line + 4)].output = true;
        else if (equals) {
            *equals = '\0';
            mg_add_node(g, line, equals + 3);
        }
    }
    free(copy);
}

#endif
