/* SE blocks as a safetensors file: the header, made as a text of our own, then the tensors in the same order. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "formats/blocks.h"
#include "formats/decimal.h"
#include "formats/utf8.h"
#include "formats/weights.h"

#define LENGTH_BYTES 8
#define HEADER_ALIGN 8
/* What the reader takes: 100,000,000 bytes, and 2,000,000 values, of which a block has fewer than 50. */
#define HEADER_CAP 100000000
#define BLOCKS_CAP 40000

/* ---- What may be written --------------------------------------------------------------------------------------- */

static exciton_status refuse(exciton_status status, const char *name, const char *field, const char *why)
{
    return exciton_io_fail(status, "weights write: block '%.100s': %s: %s", name, field, why);
}

static exciton_status check_name(const char *name)
{
    const unsigned char *text = (const unsigned char *)name;
    size_t length = strlen(name), step;
    for (size_t i = 0; i < length; i += step) {
        step = exciton_utf8_sequence(text + i, length - i);
        if (!step)
            return refuse(EXCITON_ERROR_NAME, name, "name", "not UTF-8");
        if (text[i] == ':' || text[i] < 0x20 || text[i] == 0x7f)
            return refuse(EXCITON_ERROR_NAME, name, "name", "with a colon or control character");
    }
    return EXCITON_OK;
}

static exciton_status check_layer(const char *name, const char *field, const exciton_layer *layer)
{
    if (!layer->data)
        return refuse(EXCITON_ERROR_ARGUMENT, name, field, "data is NULL");
    if ((unsigned)layer->type > EXCITON_TYPE_F32)
        return refuse(EXCITON_ERROR_ARGUMENT, name, field, "its type is none");
    if ((unsigned)layer->order > EXCITON_ORDER_IN_OUT)
        return refuse(EXCITON_ERROR_ARGUMENT, name, field, "its order is none");
    return EXCITON_OK;
}

static exciton_status check_block(const char *name, const exciton_se *se)
{
    if (!name || !se)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights write: %s: is NULL", name ? "block" : "name");
    if (se->size && se->size < sizeof *se)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights write: se: size %zu is less than %zu", se->size, sizeof *se);
    exciton_status failed = check_name(name);
    if (!failed && !se->channels)
        failed = refuse(EXCITON_ERROR_SHAPE, name, "channels", "is zero");
    if (!failed)
        failed = check_layer(name, "fc1", &se->fc1);
    if (!failed)
        failed = check_layer(name, "fc2", &se->fc2);
    if (failed)
        return failed;
    if ((unsigned)se->activation > EXCITON_ACTIVATION_HARD_SWISH)
        return refuse(EXCITON_ERROR_ARGUMENT, name, "activation", "is none");
    if ((unsigned)se->gate > EXCITON_GATE_HARD_SIGMOID_CUSTOM)
        return refuse(EXCITON_ERROR_ARGUMENT, name, "gate", "is none");
    if (se->gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM && (isinf(se->gate_slope) || isinf(se->gate_offset)))
        return refuse(EXCITON_ERROR_ARGUMENT, name, "gate", "its slope or offset is infinite");
    if ((unsigned)se->output > EXCITON_OUTPUT_RESIDUAL)
        return refuse(EXCITON_ERROR_ARGUMENT, name, "output", "is none");
    if ((unsigned)se->then > EXCITON_THEN_RELU)
        return refuse(EXCITON_ERROR_ARGUMENT, name, "then", "is none");
    return EXCITON_OK;
}

static int by_text(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;
    return strcmp(*a, *b);
}

static exciton_status check_unique(const exciton_calls *calls, uint32_t count, const char *const *names)
{
    const char **sorted = exciton_io_allocate(calls, count, sizeof *sorted);
    if (!sorted)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "weights write: names: out of memory");
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_text);
    exciton_status failed = EXCITON_OK;
    for (uint32_t i = 1; i < count && !failed; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            failed = refuse(EXCITON_ERROR_NAME, sorted[i], "name", "there are two of it");
    exciton_io_release(calls, sorted);
    return failed;
}

/* ---- The header ------------------------------------------------------------------------------------------------ */

/* A text that grows; after a failure it takes nothing more. */
typedef struct header {
    const exciton_calls *calls;
    char *text;
    size_t length, capacity;
    exciton_status failed;
    uint64_t end; /* of the tensors so far */
    bool first;   /* of an object's members */
} header;

static void put(header *to, const char *text, size_t length)
{
    if (to->failed)
        return;
    if (length > to->capacity - to->length) {
        size_t capacity = 2 * (to->capacity + length) + 4096;
        char *grown = to->length + length > HEADER_CAP ? NULL : exciton_io_allocate(to->calls, capacity, 1);
        if (!grown) {
            bool large = to->length + length > HEADER_CAP;
            to->failed = exciton_io_fail(large ? EXCITON_ERROR_UNSUPPORTED : EXCITON_ERROR_MEMORY, "weights write: header: %s",
                                         large ? "more than 100000000 bytes" : "out of memory");
            return;
        }
        if (to->length)
            memcpy(grown, to->text, to->length);
        exciton_io_release(to->calls, to->text);
        to->text = grown;
        to->capacity = capacity;
    }
    memcpy(to->text + to->length, text, length);
    to->length += length;
}

static void put_text(header *to, const char *text) { put(to, text, strlen(text)); }

/* A member's key and colon: NAME.WORD, or WORD for the block without a name. */
static void put_key(header *to, const char *name, const char *word)
{
    put_text(to, to->first ? "\"" : ",\"");
    to->first = false;
    for (const char *c = name; *c; c++) {
        if (*c == '"' || *c == '\\')
            put(to, "\\", 1);
        put(to, c, 1);
    }
    put_text(to, *name ? "." : "");
    put_text(to, word);
    put_text(to, "\":");
}

static void put_param(header *to, const char *name, enum exciton_param param, const char *value)
{
    if (!value)
        return;
    put_key(to, name, exciton_param_names[param]);
    put_text(to, "\"");
    put_text(to, value);
    put_text(to, "\"");
}

static void put_number(header *to, const char *name, enum exciton_param param, float value)
{
    char text[EXCITON_DECIMAL_BYTES];
    if (isnan(value))
        return;
    exciton_decimal_write(value, text);
    put_param(to, name, param, text);
}

static void put_gate(header *to, const char *name, const exciton_se *se)
{
    static const float slopes[] = {
        [EXCITON_GATE_HARD_SIGMOID_6] = 1.0f / 6.0f, [EXCITON_GATE_HARD_SIGMOID_5] = 0.2f, [EXCITON_GATE_HARD_SIGMOID_PADDLE] = 0.1666667f,
    };
    bool hard = se->gate >= EXCITON_GATE_HARD_SIGMOID_6, custom = se->gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    put_param(to, name, EXCITON_PARAM_GATE, exciton_param_word(EXCITON_PARAM_GATE, hard ? EXCITON_GATE_HARD_SIGMOID_CUSTOM : (int)se->gate));
    if (hard) {
        put_number(to, name, EXCITON_PARAM_GATE_SLOPE, custom ? se->gate_slope : slopes[se->gate]);
        put_number(to, name, EXCITON_PARAM_GATE_OFFSET, custom ? se->gate_offset : 0.5f);
    }
}

static void put_metadata(header *to, const char *name, const exciton_se *se)
{
    put_param(to, name, EXCITON_PARAM_ORDER, exciton_param_word(EXCITON_PARAM_ORDER, EXCITON_ORDER_OUT_IN));
    put_param(to, name, EXCITON_PARAM_ACTIVATION, exciton_param_word(EXCITON_PARAM_ACTIVATION, (int)se->activation));
    put_gate(to, name, se);
    put_param(to, name, EXCITON_PARAM_OUTPUT, exciton_param_word(EXCITON_PARAM_OUTPUT, (int)se->output));
    put_param(to, name, EXCITON_PARAM_THEN, exciton_param_word(EXCITON_PARAM_THEN, (int)se->then));
}

/* `inputs` 0: a bias. */
static void put_tensor(header *to, const char *name, const char *layer, const char *part, uint64_t outputs, uint64_t inputs)
{
    char text[160];
    uint64_t begin = to->end, bytes;
    if (to->failed)
        return;
    if (!exciton_mul(outputs, inputs ? inputs : 1, &bytes) || !exciton_mul(bytes, sizeof(float), &bytes) ||
        !exciton_add(begin, bytes, &to->end) || to->end > INT64_MAX) {
        to->failed = refuse(EXCITON_ERROR_OVERFLOW, name, "channels", "the bytes overflow");
        return;
    }
    snprintf(text, sizeof text, "%s.%s", layer, part);
    put_key(to, name, text);
    if (inputs)
        snprintf(text, sizeof text, "{\"dtype\":\"F32\",\"shape\":[%llu,%llu],\"data_offsets\":[%llu,%llu]}", (unsigned long long)outputs,
                 (unsigned long long)inputs, (unsigned long long)begin, (unsigned long long)to->end);
    else
        snprintf(text, sizeof text, "{\"dtype\":\"F32\",\"shape\":[%llu],\"data_offsets\":[%llu,%llu]}", (unsigned long long)outputs,
                 (unsigned long long)begin, (unsigned long long)to->end);
    put_text(to, text);
}

static uint64_t hidden_of(const exciton_se *se) { return se->hidden ? se->hidden : exciton_max(se->channels / 16, 1); }

static void put_block(header *to, const char *name, const exciton_se *se)
{
    const char *const *layers = exciton_block_pairs[EXCITON_BLOCK_OWN];
    for (int i = 0; i < 2; i++) {
        const exciton_layer *layer = i ? &se->fc2 : &se->fc1;
        uint64_t outputs = i ? se->channels : hidden_of(se), inputs = i ? hidden_of(se) : se->channels;
        put_tensor(to, name, layers[i], "weight", outputs, inputs);
        if (layer->bias)
            put_tensor(to, name, layers[i], "bias", outputs, 0);
    }
}

/* With the length before it, padded so that the data begin at a multiple of 8. */
static exciton_status make_header(header *to, uint32_t count, const char *const *names, const exciton_se *const *blocks)
{
    put(to, "\0\0\0\0\0\0\0\0{\"__metadata__\":{", LENGTH_BYTES + 17);
    to->first = true;
    for (uint32_t i = 0; i < count; i++)
        put_metadata(to, names[i], blocks[i]);
    put_text(to, "}");
    for (uint32_t i = 0; i < count; i++)
        put_block(to, names[i], blocks[i]);
    put_text(to, "}");
    put(to, "       ", (size_t)(exciton_round_up(to->length, HEADER_ALIGN) - to->length));
    for (int i = 0; i < LENGTH_BYTES && !to->failed; i++)
        to->text[i] = (char)((uint64_t)(to->length - LENGTH_BYTES) >> (8 * i) & 0xff);
    return to->failed;
}

/* ---- The tensors ----------------------------------------------------------------------------------------------- */

/* After a failure the sink is gone. */
static exciton_status write_transposed(exciton_sink *sink, const float *data, uint64_t outputs, uint64_t inputs)
{
    const exciton_calls *calls = sink->calls;
    float *turned = exciton_io_allocate(calls, outputs * inputs, sizeof *turned);
    if (!turned) {
        exciton_status failed = exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: write: out of memory", sink->path);
        exciton_sink_abandon(sink);
        return failed;
    }
    for (uint64_t o = 0; o < outputs; o++)
        for (uint64_t i = 0; i < inputs; i++)
            turned[o * inputs + i] = data[i * outputs + o];
    exciton_status failed = exciton_sink_write(sink, turned, outputs * inputs * sizeof *turned);
    exciton_io_release(calls, turned);
    return failed;
}

static exciton_status write_layer(exciton_sink *sink, const exciton_layer *layer, uint64_t outputs, uint64_t inputs)
{
    exciton_status failed = layer->order == EXCITON_ORDER_IN_OUT
                                ? write_transposed(sink, layer->data, outputs, inputs)
                                : exciton_sink_write(sink, layer->data, outputs * inputs * sizeof(float));
    if (!failed && layer->bias)
        failed = exciton_sink_write(sink, layer->bias, outputs * sizeof(float));
    return failed;
}

static exciton_status write_file(const exciton_calls *calls, const char *path, const header *made, uint32_t count,
                                 const exciton_se *const *blocks)
{
    exciton_sink sink;
    exciton_status failed = exciton_sink_create(calls, path, &sink);
    if (!failed)
        failed = exciton_sink_write(&sink, made->text, made->length);
    for (uint32_t i = 0; i < count && !failed; i++) {
        const exciton_se *se = blocks[i];
        failed = write_layer(&sink, &se->fc1, hidden_of(se), se->channels);
        if (!failed)
            failed = write_layer(&sink, &se->fc2, se->channels, hidden_of(se));
    }
    return failed ? failed : exciton_sink_commit(&sink);
}

exciton_status exciton_weights_write_with(const exciton_calls *calls, const char *path, uint32_t count, const char *const *names,
                                          const exciton_se *const *blocks)
{
    if (!path || !names || !blocks)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights write: %s: is NULL", !path ? "path" : !names ? "names" : "blocks");
    if (!count)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights write: count: is zero");
    if (count > BLOCKS_CAP)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "weights write: count: %u is more than %d", count, BLOCKS_CAP);
    exciton_status failed = EXCITON_OK;
    for (uint32_t i = 0; i < count && !failed; i++)
        failed = check_block(names[i], blocks[i]);
    if (!failed)
        failed = check_unique(calls, count, names);
    if (failed)
        return failed;
    header made = {.calls = calls};
    failed = make_header(&made, count, names, blocks);
    if (!failed)
        failed = write_file(calls, path, &made, count, blocks);
    exciton_io_release(calls, made.text);
    return failed;
}

exciton_status exciton_weights_write(const char *path, uint32_t count, const char *const *names, const exciton_se *const *blocks)
{
    return exciton_weights_write_with(&exciton_system_calls, path, count, names, blocks);
}
