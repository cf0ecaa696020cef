/* Elements of tensors: little-endian in raw data or external files, or numbers of the wire format in typed fields. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "formats/onnx_model.h"

/* Elements that are read at once. */
#define PART 2048
#define ELEMENT_MOST 8
#define VARINT_MOST 10

static const struct { int32_t type; exciton_element element; uint32_t bytes, field; } types[] = {
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, EXCITON_ELEMENT_F32, 4, EXCITON_ONNX_FLOAT_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, EXCITON_ELEMENT_F64, 8, EXCITON_ONNX_DOUBLE_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, EXCITON_ELEMENT_F16, 2, EXCITON_ONNX_INT32_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, EXCITON_ELEMENT_BF16, 2, EXCITON_ONNX_INT32_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__INT64, EXCITON_ELEMENT_I64, 8, EXCITON_ONNX_INT64_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__INT32, EXCITON_ELEMENT_I32, 4, EXCITON_ONNX_INT32_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__INT8, EXCITON_ELEMENT_I8, 1, EXCITON_ONNX_INT32_DATA},
    {EXCITON_ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, EXCITON_ELEMENT_U8, 1, EXCITON_ONNX_INT32_DATA},
};

exciton_status exciton_onnx_fail_constant(const exciton_onnx *onnx, const exciton_onnx_constant *constant, exciton_status status,
                                          const char *format, ...)
{
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return exciton_io_fail(status, "%s: offset %" PRIu64 ": tensor '%.100s': %s", onnx->source.name,
                           constant->record ? constant->record->offset : 0, constant->name, why);
}

/* ---- Headers --------------------------------------------------------------------------------------------------- */

uint32_t exciton_onnx_tensor_index(const ExcitonOnnx__TensorProto *tensor)
{
    uint32_t index = 0;
    for (int i = 0; i < 4; i++)
        index |= (uint32_t)tensor->raw_data.data[i] << (8 * i);
    return index;
}

/* More dimensions than a graph shows make it a tensor of which only the count is known. */
static exciton_status init_shape(const exciton_onnx *onnx, exciton_onnx_constant *constant, size_t rank, const int64_t *sizes)
{
    exciton_constant *shown = &constant->shown;
    shown->count = 1;
    shown->rank = rank <= EXCITON_GRAPH_RANK ? (uint32_t)rank : 0;
    for (size_t i = 0; i < rank; i++) {
        if (sizes[i] < 0)
            return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "dims: %" PRId64, sizes[i]);
        if (!exciton_mul(shown->count, (uint64_t)sizes[i], &shown->count))
            return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_OVERFLOW, "dims: the product overflows");
        if (i < shown->rank)
            shown->shape[i] = (uint64_t)sizes[i];
    }
    return EXCITON_OK;
}

/* The fewest and most elements that the pieces can hold. */
static void count_elements(const exciton_onnx *onnx, const exciton_onnx_record *record, uint64_t *least, uint64_t *most)
{
    *least = *most = 0; /* sums stay below the file's size */
    for (uint32_t i = 0; i < record->pieces; i++) {
        const exciton_onnx_piece *piece = &onnx->scan.pieces[record->first + i];
        uint64_t bytes = piece->end - piece->begin;
        *least += piece->count ? piece->count : exciton_divide_up(bytes, VARINT_MOST);
        *most += piece->count ? piece->count : bytes;
    }
}

static exciton_status check_payload(const exciton_onnx *onnx, const exciton_onnx_constant *constant, uint32_t field)
{
    const exciton_onnx_record *record = constant->record;
    uint64_t least, most, needed = constant->shown.count;
    if (constant->external)
        return record->field ? exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "data here and in another file")
                             : EXCITON_OK;
    if (record->field && record->field != EXCITON_ONNX_RAW_DATA && record->field != field)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "data_type %d with data in field %u",
                                          (int)constant->type, (unsigned)record->field);
    count_elements(onnx, record, &least, &most);
    if (record->field == EXCITON_ONNX_RAW_DATA)
        needed *= constant->bytes;
    if (needed < least || needed > most)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "dims make %" PRIu64 " %s, there are %" PRIu64,
                                          needed, record->field == EXCITON_ONNX_RAW_DATA ? "bytes" : "elements",
                                          needed < least ? least : most);
    return EXCITON_OK;
}

exciton_status exciton_onnx_tensor_init(exciton_onnx *onnx, const ExcitonOnnx__TensorProto *tensor, const char *name)
{
    uint32_t index = exciton_onnx_tensor_index(tensor);
    exciton_onnx_constant *constant = &onnx->constants[index];
    *constant = (exciton_onnx_constant){.name = name, .type = tensor->data_type, .tensor = tensor, .record = &onnx->scan.records[index]};
    exciton_status failed = init_shape(onnx, constant, tensor->n_dims, tensor->dims);
    if (failed)
        return failed;
    int32_t location = tensor->has_data_location ? (int32_t)tensor->data_location : 0;
    if (location != EXCITON_ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT &&
        location != EXCITON_ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "data_location %d", (int)location);
    constant->external = location == EXCITON_ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    if (tensor->segment || tensor->n_dims > EXCITON_GRAPH_RANK)
        return EXCITON_OK;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].type != constant->type)
            continue;
        uint64_t bytes;
        constant->bytes = types[i].bytes;
        if (!exciton_mul(constant->shown.count, types[i].bytes, &bytes))
            return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_OVERFLOW, "dims: the product overflows");
        constant->shown.element = types[i].element;
        return check_payload(onnx, constant, types[i].field);
    }
    return EXCITON_OK;
}

exciton_status exciton_onnx_sparse_init(exciton_onnx *onnx, const ExcitonOnnx__SparseTensorProto *sparse)
{
    uint32_t index = exciton_onnx_tensor_index(sparse->values);
    exciton_onnx_constant *constant = &onnx->constants[index];
    *constant = (exciton_onnx_constant){.name = sparse->values->name ? sparse->values->name : "",
                                        .type = sparse->values->data_type, .tensor = sparse->values,
                                        .record = &onnx->scan.records[index]};
    return init_shape(onnx, constant, sparse->n_dims, sparse->dims);
}

/* ---- Typed fields ---------------------------------------------------------------------------------------------- */

/* A varint of int32_data or int64_data as the element's bytes, as raw data have them. */
static bool to_bytes(exciton_element element, uint64_t number, uint32_t bytes, unsigned char *to)
{
    int64_t integer = (int64_t)number;
    bool fits = true;
    switch (element) {
    case EXCITON_ELEMENT_F16: case EXCITON_ELEMENT_BF16: fits = number <= UINT16_MAX; break;
    case EXCITON_ELEMENT_I32: fits = integer >= INT32_MIN && integer <= INT32_MAX; break;
    case EXCITON_ELEMENT_I8: fits = integer >= INT8_MIN && integer <= INT8_MAX; break;
    case EXCITON_ELEMENT_U8: fits = number <= UINT8_MAX; break;
    default: break;
    }
    for (uint32_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(number >> (8 * i));
    return fits;
}

/* The element at the cursor, `to` NULL: only past it. */
static exciton_status take_one(exciton_onnx *onnx, const exciton_onnx_constant *constant, const exciton_onnx_piece *piece,
                               unsigned char *to)
{
    exciton_onnx_cursor *cursor = &onnx->cursor;
    uint32_t number;
    exciton_wire_type wire_type;
    exciton_status failed = EXCITON_OK;
    bool fixed = constant->record->field == EXCITON_ONNX_FLOAT_DATA || constant->record->field == EXCITON_ONNX_DOUBLE_DATA;
    unsigned char skipped[ELEMENT_MOST];
    uint64_t content, start = cursor->at;
    onnx->wire.at = cursor->at;
    if (piece->tagged)
        failed = exciton_wire_tag(&onnx->wire, piece->end, &number, &wire_type);
    if (!failed && fixed)
        failed = exciton_wire_copy(&onnx->wire, piece->end, constant->bytes, to ? to : skipped);
    else if (!failed)
        failed = exciton_wire_varint(&onnx->wire, piece->end, &content);
    if (!failed && !fixed && !to_bytes(constant->shown.element, content, constant->bytes, to ? to : skipped))
        failed = exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT,
                                            "offset %" PRIu64 ": %" PRId64 " is beyond the element's type", start, (int64_t)content);
    cursor->at = onnx->wire.at;
    cursor->element++;
    return failed;
}

/* The next `count` elements, `to` NULL: past them. */
static exciton_status take(exciton_onnx *onnx, const exciton_onnx_constant *constant, uint64_t count, unsigned char *to)
{
    exciton_onnx_cursor *cursor = &onnx->cursor;
    const exciton_onnx_piece *pieces = onnx->scan.pieces + constant->record->first;
    bool fixed = constant->record->field == EXCITON_ONNX_FLOAT_DATA || constant->record->field == EXCITON_ONNX_DOUBLE_DATA;
    while (count) {
        if (cursor->piece == constant->record->pieces)
            return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "data end after %" PRIu64 " of %" PRIu64 " elements",
                                              cursor->element, constant->shown.count);
        const exciton_onnx_piece *piece = &pieces[cursor->piece];
        uint64_t taken = 1;
        exciton_status failed = EXCITON_OK;
        if (fixed && !piece->tagged) {
            taken = exciton_min(count, (piece->end - cursor->at) / constant->bytes);
            if (to)
                failed = exciton_source_read(&onnx->source, cursor->at, taken * constant->bytes, to);
            cursor->at += taken * constant->bytes;
            cursor->element += taken;
        } else {
            failed = take_one(onnx, constant, piece, to);
        }
        if (failed)
            return failed;
        if (to)
            to += taken * constant->bytes;
        count -= taken;
        if (cursor->at == piece->end && ++cursor->piece < constant->record->pieces)
            cursor->at = pieces[cursor->piece].begin;
    }
    if (cursor->element == constant->shown.count && cursor->piece != constant->record->pieces)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT, "data go on after %" PRIu64 " elements",
                                          constant->shown.count);
    return EXCITON_OK;
}

static exciton_status fetch_typed(exciton_onnx *onnx, const exciton_onnx_constant *constant, uint64_t first, uint64_t count,
                                  unsigned char *to)
{
    exciton_onnx_cursor *cursor = &onnx->cursor;
    if (cursor->constant != constant || cursor->element > first)
        *cursor = (exciton_onnx_cursor){.constant = constant, .at = onnx->scan.pieces[constant->record->first].begin};
    exciton_status failed = take(onnx, constant, first - cursor->element, NULL);
    if (!failed)
        failed = take(onnx, constant, count, to);
    if (failed)
        cursor->constant = NULL;
    return failed;
}

/* ---- Elements -------------------------------------------------------------------------------------------------- */

/* As raw data have them. */
static exciton_status fetch(exciton_onnx *onnx, const exciton_onnx_constant *constant, uint64_t first, uint64_t count,
                            unsigned char *to)
{
    uint64_t at = first * constant->bytes, bytes = count * constant->bytes;
    if (constant->external)
        return exciton_onnx_external_read(onnx, constant, at, bytes, to);
    if (constant->record->field == EXCITON_ONNX_RAW_DATA)
        return exciton_source_read(&onnx->source, onnx->scan.pieces[constant->record->first].begin + at, bytes, to);
    return fetch_typed(onnx, constant, first, count, to);
}

static uint64_t bits_of(const unsigned char *from, uint32_t bytes)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < bytes; i++)
        bits |= (uint64_t)from[i] << (8 * i);
    return bits;
}

static float float_of_bits(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static double double_of_bits(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Exact; a NaN keeps its bits. */
static float float_of_half(uint32_t half)
{
    uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
    if (exponent == 0x1f)
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent)
        return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float number = (float)fraction * 0x1p-24f;
    return sign ? -number : number;
}

static int64_t integer_of(exciton_element element, uint64_t bits)
{
    switch (element) {
    case EXCITON_ELEMENT_I64: return (int64_t)bits;
    case EXCITON_ELEMENT_I32: return (int32_t)(uint32_t)bits;
    case EXCITON_ELEMENT_I8: return (int8_t)(uint8_t)bits;
    default: return (int64_t)bits;
    }
}

/* f32 to f32 keeps every bit; others round once. */
static float to_float(exciton_element element, uint64_t bits)
{
    switch (element) {
    case EXCITON_ELEMENT_F32: return float_of_bits((uint32_t)bits);
    case EXCITON_ELEMENT_F64: return (float)double_of_bits(bits);
    case EXCITON_ELEMENT_F16: return float_of_half((uint32_t)bits);
    case EXCITON_ELEMENT_BF16: return float_of_bits((uint32_t)bits << 16);
    default: return (float)integer_of(element, bits);
    }
}

static double to_double(exciton_element element, uint64_t bits)
{
    switch (element) {
    case EXCITON_ELEMENT_F64: return double_of_bits(bits);
    case EXCITON_ELEMENT_F32: case EXCITON_ELEMENT_F16: case EXCITON_ELEMENT_BF16: return (double)to_float(element, bits);
    default: return (double)integer_of(element, bits);
    }
}

/* One of the two is NULL. */
static exciton_status read_elements(exciton_onnx *onnx, uint32_t index, uint64_t first, uint64_t count, double *doubles, float *floats)
{
    const exciton_onnx_constant *constant = &onnx->constants[index];
    exciton_element element = constant->shown.element;
    if (first > constant->shown.count || count > constant->shown.count - first)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_ARGUMENT, "%" PRIu64 " elements from %" PRIu64 " of %" PRIu64,
                                          count, first, constant->shown.count);
    if (element == EXCITON_ELEMENT_OTHER)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_UNSUPPORTED, "data_type %d, or its form, is not read",
                                          (int)constant->type);
    unsigned char part[PART * ELEMENT_MOST];
    for (uint64_t done = 0, now; done < count; done += now) {
        now = exciton_min(count - done, PART);
        if (constant->tensor) {
            exciton_status failed = fetch(onnx, constant, first + done, now, part);
            if (failed)
                return failed;
        }
        for (uint64_t i = 0; i < now; i++) {
            uint64_t bits = constant->tensor ? bits_of(part + i * constant->bytes, constant->bytes) : 0, at = first + done + i;
            if (constant->integers)
                bits = (uint64_t)constant->integers[at];
            if (doubles)
                doubles[done + i] = constant->floats ? (double)constant->floats[at] : to_double(element, bits);
            else
                floats[done + i] = constant->floats ? constant->floats[at] : to_float(element, bits);
        }
    }
    return EXCITON_OK;
}

exciton_status exciton_onnx_constant_read(void *user, uint32_t constant, uint64_t first, uint64_t count, double *elements)
{
    return read_elements(user, constant, first, count, elements, NULL);
}

exciton_status exciton_onnx_constant_read_f32(void *user, uint32_t constant, uint64_t first, uint64_t count, float *elements)
{
    return read_elements(user, constant, first, count, NULL, elements);
}
