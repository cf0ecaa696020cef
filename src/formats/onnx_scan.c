#include "formats/onnx_scan.h"
#include "formats/utf8.h"

#include <string.h>

#include "base/checked.h"
#include "onnx.pb-c.h"

/* What the unpacked model may take, by our estimate: some 100,000 nodes. */
#define BUDGET (UINT64_C(256) << 20)
/* A field's share besides its content: protobuf-c's note of it, a pointer, the allocator's own. */
#define FIELD_BYTES 48
#define STRING_MOST 65535
/* Of one attribute: more floats, integers or bytes are not a matcher's business. */
#define ATTRIBUTE_MOST 65536
/* Graphs in graphs, each some messages deep. */
#define DEPTH_MOST 100
/* A length in `trimmed`, written before it is known: a varint of five bytes. */
#define LENGTH_BYTES 5

typedef enum kind {
    MESSAGE,  /* kept, by its own table */
    DESCEND,  /* walked, not kept */
    VARINT, FIXED_32, STRING, BYTES, /* kept */
    VARINTS, FLOATS,                 /* kept, packed or not */
    NAME,     /* an attribute's: kept */
    READ,     /* a name that a graph in a graph reads: kept as one of the attribute's strings */
    CUT,      /* makes the attribute one without a value */
    OTHER,    /* known, not kept */
    RAW, PACKED_32, PACKED_64, PACKED_VARINT, STRINGS /* payloads */
} kind;

typedef struct message message;
typedef struct field {
    uint32_t number;
    kind kind;
    bool repeated;
    const message *message;
} field;

struct message {
    const char *name;
    size_t bytes; /* unpacked */
    uint32_t one_of; /* the fields, as bits of their places in the table, of which only one may be there */
    const field *fields; /* ends with number 0 */
};

#define FIELDS(...) (const field[]){__VA_ARGS__, {0}}
#define ONE(number, kind) {number, kind, false, NULL}
#define ANY(number, kind) {number, kind, true, NULL}

static const message opset = {"opset_import", sizeof(ExcitonOnnx__OperatorSetIdProto), 0, FIELDS(ONE(1, STRING), ONE(2, VARINT))};
static const message function = {"function", sizeof(ExcitonOnnx__FunctionProto), 0, FIELDS(ONE(1, STRING), ONE(10, STRING))};
static const message entry = {"external_data", sizeof(ExcitonOnnx__StringStringEntryProto), 0, FIELDS(ONE(1, STRING), ONE(2, STRING))};
static const message segment = {"segment", sizeof(ExcitonOnnx__TensorProto__Segment), 0, (const field[]){{0}}};
static const message tensor = {
    "tensor", sizeof(ExcitonOnnx__TensorProto) + 16, 0,
    FIELDS(ANY(1, VARINTS), ONE(2, VARINT), {3, MESSAGE, false, &segment}, ANY(EXCITON_ONNX_FLOAT_DATA, PACKED_32),
           ANY(EXCITON_ONNX_INT32_DATA, PACKED_VARINT), ANY(EXCITON_ONNX_STRING_DATA, STRINGS),
           ANY(EXCITON_ONNX_INT64_DATA, PACKED_VARINT), ONE(8, STRING), ONE(EXCITON_ONNX_RAW_DATA, RAW),
           ANY(EXCITON_ONNX_DOUBLE_DATA, PACKED_64), ANY(EXCITON_ONNX_UINT64_DATA, PACKED_VARINT),
           {13, MESSAGE, true, &entry}, ONE(14, VARINT))};
static const message sparse = {
    "sparse_initializer", sizeof(ExcitonOnnx__SparseTensorProto), 0, FIELDS({1, MESSAGE, false, &tensor}, ANY(3, VARINTS))};

/* A graph in a node's attribute: only which names it reads. */
static const message inner_graph;
static const message inner_value = {"value_info", 0, 0, FIELDS(ONE(1, READ))};
static const message inner_attribute = {
    "attribute", 0, 0, FIELDS({6, DESCEND, false, &inner_graph}, {11, DESCEND, true, &inner_graph})};
static const message inner_node = {"node", 0, 0, FIELDS(ANY(1, READ), {5, DESCEND, true, &inner_attribute})};
static const message inner_graph = {
    "graph", 0, 0, FIELDS({1, DESCEND, true, &inner_node}, {12, DESCEND, true, &inner_value})};

static const message attribute = {
    "attribute", sizeof(ExcitonOnnx__AttributeProto), 0x1fffc,
    FIELDS(ONE(1, NAME), ONE(20, VARINT), ONE(21, CUT), ONE(2, FIXED_32), ONE(3, VARINT), ONE(4, BYTES), {5, MESSAGE, false, &tensor},
           {6, DESCEND, false, &inner_graph}, ANY(7, FLOATS), ANY(8, VARINTS), ANY(9, OTHER), ANY(10, OTHER),
           {11, DESCEND, true, &inner_graph}, ONE(14, OTHER), ANY(15, OTHER), ONE(22, OTHER), ANY(23, OTHER))};
static const message node = {
    "node", sizeof(ExcitonOnnx__NodeProto), 0,
    FIELDS(ANY(1, STRING), ANY(2, STRING), ONE(3, STRING), ONE(4, STRING), {5, MESSAGE, true, &attribute}, ONE(7, STRING))};

static const message dimension = {"dim", sizeof(ExcitonOnnx__TensorShapeProto__Dimension), 0, FIELDS(ONE(1, VARINT))};
static const message shape = {"shape", sizeof(ExcitonOnnx__TensorShapeProto), 0, FIELDS({1, MESSAGE, true, &dimension})};
static const message tensor_type = {"tensor_type", sizeof(ExcitonOnnx__TypeProto__Tensor), 0, FIELDS({2, MESSAGE, false, &shape})};
static const message type = {"type", sizeof(ExcitonOnnx__TypeProto), 0, FIELDS({1, MESSAGE, false, &tensor_type})};
static const message value = {"value_info", sizeof(ExcitonOnnx__ValueInfoProto), 0, FIELDS(ONE(1, STRING), {2, MESSAGE, false, &type})};

static const message graph = {
    "graph", sizeof(ExcitonOnnx__GraphProto), 0,
    FIELDS({1, MESSAGE, true, &node}, {5, MESSAGE, true, &tensor}, {11, MESSAGE, true, &value}, {12, MESSAGE, true, &value},
           {13, MESSAGE, true, &value}, {15, MESSAGE, true, &sparse})};
static const message model = {
    "model", sizeof(ExcitonOnnx__ModelProto), 0,
    FIELDS(ONE(1, VARINT), {7, MESSAGE, false, &graph}, {8, MESSAGE, true, &opset}, {25, MESSAGE, true, &function})};

typedef struct scanner {
    exciton_wire *wire;
    exciton_onnx_scan *scan;
    uint64_t charged; /* of BUDGET */
    /* Of the attribute that is being read. */
    bool cut;
    uint64_t elements;
    uint64_t name, name_bytes; /* its field in `trimmed` */
} scanner;

static exciton_status fail_at(const scanner *s, exciton_status status, uint64_t offset, const message *in, const char *why)
{
    return exciton_io_fail(status, "%s: offset %llu: %s: %s", s->wire->source->name, (unsigned long long)offset, in->name, why);
}

/* ---- What is written ------------------------------------------------------------------------------------------- */

static exciton_status charge(scanner *s, uint64_t bytes)
{
    s->charged += bytes; /* both far below 2^64 */
    if (s->charged > BUDGET)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: offset %llu: a graph that takes more than %llu MiB without its tensors",
                               s->wire->source->name, (unsigned long long)s->wire->at, (unsigned long long)(BUDGET >> 20));
    return EXCITON_OK;
}

/* Room for `more` items beyond `count`. */
static exciton_status grow(scanner *s, void **items, uint64_t *room, uint64_t count, uint64_t more, size_t size)
{
    if (more <= *room - count)
        return EXCITON_OK;
    const exciton_calls *calls = s->wire->source->calls;
    uint64_t wanted = exciton_max(exciton_max(*room * 2, count + more), 64);
    void *grown = exciton_io_allocate(calls, wanted, size);
    if (!grown)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the graph", s->wire->source->name);
    if (count)
        memcpy(grown, *items, (size_t)count * size);
    exciton_io_release(calls, *items);
    *items = grown;
    *room = wanted;
    return EXCITON_OK;
}

static exciton_status reserve(scanner *s, uint64_t bytes)
{
    exciton_onnx_scan *scan = s->scan;
    void *items = scan->trimmed;
    exciton_status failed = grow(s, &items, &scan->trimmed_room, scan->trimmed_bytes, bytes, 1);
    scan->trimmed = items;
    return failed;
}

/* After reserve. */
static void put_varint(scanner *s, uint64_t number)
{
    exciton_onnx_scan *scan = s->scan;
    for (; number > 0x7f; number >>= 7)
        scan->trimmed[scan->trimmed_bytes++] = (unsigned char)(number | 0x80);
    scan->trimmed[scan->trimmed_bytes++] = (unsigned char)number;
}

static void put_length(unsigned char *at, uint64_t length)
{
    for (int i = 0; i < LENGTH_BYTES; i++, length >>= 7)
        at[i] = (unsigned char)((length & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

/* A field's tag, and room for `bytes` more. */
static exciton_status put_tag(scanner *s, uint32_t number, exciton_wire_type wire_type, uint64_t bytes)
{
    exciton_status failed = charge(s, FIELD_BYTES + bytes);
    if (!failed)
        failed = reserve(s, 20 + bytes);
    if (!failed)
        put_varint(s, (uint64_t)number << 3 | wire_type);
    return failed;
}

static exciton_status put_number(scanner *s, uint32_t number, uint64_t content)
{
    exciton_status failed = put_tag(s, number, EXCITON_WIRE_VARINT, 8);
    if (!failed)
        put_varint(s, content);
    return failed;
}

/* ---- Strings --------------------------------------------------------------------------------------------------- */

static exciton_status read_string(scanner *s, const message *in, const field *f, uint64_t end)
{
    uint64_t length, start = s->wire->at;
    exciton_status failed = exciton_wire_length(s->wire, end, &length);
    if (!failed && length > STRING_MOST)
        failed = fail_at(s, EXCITON_ERROR_UNSUPPORTED, start, in, "a name of more than 65535 bytes");
    uint64_t tag = s->scan->trimmed_bytes;
    bool ends = f->kind == READ; /* protobuf-c ends a string, not bytes */
    if (!failed)
        failed = put_tag(s, ends ? 9 : f->number, EXCITON_WIRE_BYTES, length + ends);
    if (failed)
        return failed;
    exciton_onnx_scan *scan = s->scan;
    put_varint(s, length + ends);
    unsigned char *text = scan->trimmed + scan->trimmed_bytes;
    failed = exciton_wire_copy(s->wire, end, length, text);
    if (failed)
        return failed;
    for (size_t i = 0, step; i < length; i += step) {
        step = exciton_utf8_sequence(text + i, (size_t)length - i);
        if (!step)
            return fail_at(s, EXCITON_ERROR_FORMAT, s->wire->at - length + i, in, "a string that is not UTF-8, or has a zero in it");
    }
    if (ends)
        text[length] = 0;
    scan->trimmed_bytes += length + ends;
    if (f->kind == NAME) {
        s->name = tag;
        s->name_bytes = scan->trimmed_bytes - tag;
    }
    return EXCITON_OK;
}

static exciton_status read_bytes(scanner *s, const field *f, uint64_t end)
{
    uint64_t length;
    exciton_status failed = exciton_wire_length(s->wire, end, &length);
    if (failed)
        return failed;
    if (length > ATTRIBUTE_MOST) {
        s->cut = true;
        s->wire->at += length;
        return EXCITON_OK;
    }
    failed = put_tag(s, f->number, EXCITON_WIRE_BYTES, length);
    if (failed)
        return failed;
    put_varint(s, length);
    failed = exciton_wire_copy(s->wire, end, length, s->scan->trimmed + s->scan->trimmed_bytes);
    s->scan->trimmed_bytes += length;
    return failed;
}

/* ---- Numbers --------------------------------------------------------------------------------------------------- */

static exciton_status read_fixed(scanner *s, const field *f, uint64_t end)
{
    unsigned char bytes[4];
    exciton_status failed = exciton_wire_copy(s->wire, end, sizeof bytes, bytes);
    if (failed || s->cut)
        return failed;
    failed = put_tag(s, f->number, EXCITON_WIRE_32, sizeof bytes);
    if (failed)
        return failed;
    memcpy(s->scan->trimmed + s->scan->trimmed_bytes, bytes, sizeof bytes);
    s->scan->trimmed_bytes += sizeof bytes;
    return EXCITON_OK;
}

static exciton_status read_varint(scanner *s, const field *f, uint64_t end)
{
    uint64_t number;
    exciton_status failed = exciton_wire_varint(s->wire, end, &number);
    return failed || s->cut ? failed : put_number(s, f->number, number);
}

/* Each element as a field of its own. */
static exciton_status read_elements(scanner *s, const message *in, const field *f, exciton_wire_type wire_type, uint64_t end)
{
    uint64_t last = end, length;
    bool packed = wire_type == EXCITON_WIRE_BYTES;
    if (packed) {
        exciton_status failed = exciton_wire_length(s->wire, end, &length);
        if (failed)
            return failed;
        last = s->wire->at + length;
    }
    do {
        if (packed && s->wire->at == last)
            break;
        if (in == &attribute && ++s->elements > ATTRIBUTE_MOST)
            s->cut = true;
        exciton_status failed = f->kind == FLOATS ? read_fixed(s, f, last) : read_varint(s, f, last);
        if (failed)
            return failed;
    } while (packed);
    return EXCITON_OK;
}

/* ---- Payloads -------------------------------------------------------------------------------------------------- */

static exciton_status add_piece(scanner *s, uint32_t number, const exciton_onnx_piece *piece)
{
    exciton_onnx_scan *scan = s->scan;
    exciton_onnx_record *record = &scan->records[scan->record_count - 1];
    if (record->field && record->field != number)
        return fail_at(s, EXCITON_ERROR_FORMAT, piece->begin, &tensor, "data in two fields");
    record->field = number;
    exciton_onnx_piece *last = record->pieces ? &scan->pieces[scan->piece_count - 1] : NULL;
    if (last && last->tagged && piece->tagged && last->end == piece->begin) {
        last->end = piece->end;
        last->count += piece->count;
        return EXCITON_OK;
    }
    exciton_status failed = charge(s, sizeof *piece);
    void *items = scan->pieces;
    if (!failed)
        failed = grow(s, &items, &scan->piece_room, scan->piece_count, 1, sizeof *piece);
    scan->pieces = items;
    if (failed)
        return failed;
    scan->pieces[scan->piece_count++] = *piece;
    record->pieces++;
    return EXCITON_OK;
}

/* The field whose tag was at `start`. */
static exciton_status read_payload(scanner *s, const field *f, exciton_wire_type wire_type, uint64_t start, uint64_t end)
{
    exciton_onnx_piece piece = {.begin = start, .count = 1, .tagged = true};
    uint64_t size = f->kind == PACKED_32 ? 4 : f->kind == PACKED_64 ? 8 : 1;
    exciton_status failed = EXCITON_OK;
    if (wire_type == EXCITON_WIRE_BYTES && f->kind != STRINGS) {
        uint64_t length;
        failed = exciton_wire_length(s->wire, end, &length);
        if (failed)
            return failed;
        if (length % size)
            return fail_at(s, EXCITON_ERROR_FORMAT, start, &tensor, "data that end within an element");
        piece = (exciton_onnx_piece){.begin = s->wire->at, .count = f->kind == PACKED_VARINT ? 0 : length / size};
        s->wire->at += length;
        if (!length)
            return EXCITON_OK;
    } else {
        failed = exciton_wire_skip(s->wire, end, wire_type);
    }
    piece.end = s->wire->at;
    return failed ? failed : add_piece(s, f->number, &piece);
}

/* ---- Messages -------------------------------------------------------------------------------------------------- */

static exciton_status walk(scanner *s, const message *in, uint64_t end, uint32_t depth);

static exciton_status begin_tensor(scanner *s, uint64_t offset)
{
    exciton_onnx_scan *scan = s->scan;
    void *items = scan->records;
    exciton_status failed = charge(s, sizeof *scan->records);
    if (!failed)
        failed = grow(s, &items, &scan->record_room, scan->record_count, 1, sizeof *scan->records);
    scan->records = items;
    if (!failed)
        scan->records[scan->record_count++] = (exciton_onnx_record){.offset = offset, .first = (uint32_t)scan->piece_count};
    return failed;
}

static exciton_status begin_node(scanner *s, uint64_t offset)
{
    exciton_onnx_scan *scan = s->scan;
    void *items = scan->nodes;
    exciton_status failed = charge(s, sizeof *scan->nodes);
    if (!failed)
        failed = grow(s, &items, &scan->node_room, scan->node_count, 1, sizeof *scan->nodes);
    scan->nodes = items;
    if (!failed)
        scan->nodes[scan->node_count++] = offset;
    return failed;
}

static exciton_status end_tensor(scanner *s)
{
    exciton_status failed = put_tag(s, EXCITON_ONNX_RAW_DATA, EXCITON_WIRE_BYTES, 4);
    if (failed)
        return failed;
    put_varint(s, 4);
    for (int i = 0; i < 4; i++)
        s->scan->trimmed[s->scan->trimmed_bytes++] = (unsigned char)((s->scan->record_count - 1) >> (8 * i));
    return EXCITON_OK;
}

/* Only the name stays. */
static void cut_attribute(scanner *s, uint64_t body)
{
    memmove(s->scan->trimmed + body, s->scan->trimmed + s->name, (size_t)s->name_bytes);
    s->scan->trimmed_bytes = body + s->name_bytes;
}

static exciton_status read_message(scanner *s, const field *f, uint64_t end, uint32_t depth)
{
    uint64_t length;
    exciton_status failed = exciton_wire_length(s->wire, end, &length);
    if (failed)
        return failed;
    uint64_t last = s->wire->at + length;
    if (f->kind == DESCEND)
        return walk(s, f->message, last, depth);
    failed = charge(s, f->message->bytes);
    if (!failed)
        failed = put_tag(s, f->number, EXCITON_WIRE_BYTES, LENGTH_BYTES);
    if (failed)
        return failed;
    uint64_t body = s->scan->trimmed_bytes += LENGTH_BYTES;
    if (f->message == &attribute) {
        s->cut = false;
        s->elements = 0;
        s->name = body;
        s->name_bytes = 0;
    } else if (f->message == &tensor) {
        failed = begin_tensor(s, s->wire->at);
    } else if (f->message == &node) {
        failed = begin_node(s, s->wire->at);
    }
    if (!failed)
        failed = walk(s, f->message, last, depth);
    if (!failed && f->message == &tensor)
        failed = end_tensor(s);
    if (failed)
        return failed;
    if (f->message == &attribute && s->cut)
        cut_attribute(s, body);
    s->cut = s->cut && f->message != &attribute;
    put_length(s->scan->trimmed + body - LENGTH_BYTES, s->scan->trimmed_bytes - body);
    return EXCITON_OK;
}

static bool type_fits(kind k, exciton_wire_type wire_type)
{
    switch (k) {
    case VARINT: return wire_type == EXCITON_WIRE_VARINT;
    case FIXED_32: return wire_type == EXCITON_WIRE_32;
    case VARINTS: case PACKED_VARINT: return wire_type == EXCITON_WIRE_VARINT || wire_type == EXCITON_WIRE_BYTES;
    case FLOATS: case PACKED_32: return wire_type == EXCITON_WIRE_32 || wire_type == EXCITON_WIRE_BYTES;
    case PACKED_64: return wire_type == EXCITON_WIRE_64 || wire_type == EXCITON_WIRE_BYTES;
    default: return wire_type == EXCITON_WIRE_BYTES;
    }
}

static exciton_status read_field(scanner *s, const message *in, const field *f, exciton_wire_type wire_type, uint64_t start,
                                 uint64_t end, uint32_t depth)
{
    if (!type_fits(f->kind, wire_type))
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %s: field %u has wire type %d", s->wire->source->name,
                               (unsigned long long)start, in->name, (unsigned)f->number, (int)wire_type);
    switch (f->kind) {
    case MESSAGE: case DESCEND: return read_message(s, f, end, depth + 1);
    case VARINT: return read_varint(s, f, end);
    case FIXED_32: return read_fixed(s, f, end);
    case STRING: case NAME: case READ: return read_string(s, in, f, end);
    case BYTES: return read_bytes(s, f, end);
    case VARINTS: case FLOATS: return read_elements(s, in, f, wire_type, end);
    case CUT: s->cut = true; return exciton_wire_skip(s->wire, end, wire_type);
    case OTHER: return exciton_wire_skip(s->wire, end, wire_type);
    default: return read_payload(s, f, wire_type, start, end);
    }
}

/* Reads to `end`, the message's end. A field that may come once comes once: readers differ in which of two they take. */
static exciton_status walk(scanner *s, const message *in, uint64_t end, uint32_t depth)
{
    if (depth > DEPTH_MOST)
        return fail_at(s, EXCITON_ERROR_UNSUPPORTED, s->wire->at, in, "nested too deep");
    uint32_t seen = 0;
    while (s->wire->at < end) {
        uint64_t start = s->wire->at;
        uint32_t number, bit = 1;
        exciton_wire_type wire_type;
        exciton_status failed = exciton_wire_tag(s->wire, end, &number, &wire_type);
        if (failed)
            return failed;
        const field *f = in->fields;
        for (; f->number && f->number != number; f++)
            bit <<= 1;
        if (f->number) {
            if (seen & bit && !f->repeated)
                return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %s: field %u twice", s->wire->source->name,
                                       (unsigned long long)start, in->name, (unsigned)number);
            seen |= bit;
            uint32_t values = seen & in->one_of;
            if (values & (values - 1))
                return fail_at(s, EXCITON_ERROR_FORMAT, start, in, "two values");
            failed = read_field(s, in, f, wire_type, start, end, depth);
        } else {
            failed = exciton_wire_skip(s->wire, end, wire_type);
        }
        if (failed)
            return failed;
    }
    return EXCITON_OK;
}

exciton_status exciton_onnx_scan_file(exciton_wire *wire, exciton_onnx_scan *scan)
{
    scanner s = {.wire = wire, .scan = scan};
    wire->at = 0;
    exciton_status failed = reserve(&s, 1);
    return failed ? failed : walk(&s, &model, wire->source->bytes, 0);
}
