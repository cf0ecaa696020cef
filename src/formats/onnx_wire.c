#include "formats/onnx_wire.h"

#include <string.h>

#include "base/checked.h"

enum { VARINT_BYTES = 10 };
#define NUMBER_MOST ((UINT32_C(1) << 29) - 1)

void exciton_wire_init(exciton_wire *wire, const exciton_source *source)
{
    wire->source = source;
    wire->at = wire->from = wire->to = 0;
}

static exciton_status fail_at(const exciton_wire *wire, uint64_t offset, const char *why)
{
    return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %s", wire->source->name, (unsigned long long)offset, why);
}

/* The byte at `at`, which is below `end`. */
static exciton_status fill(exciton_wire *wire)
{
    if (wire->at >= wire->from && wire->at < wire->to)
        return EXCITON_OK;
    uint64_t bytes = exciton_min(wire->source->bytes - wire->at, EXCITON_WIRE_WINDOW);
    exciton_status failed = exciton_source_read(wire->source, wire->at, bytes, wire->window);
    wire->from = wire->at;
    wire->to = failed ? wire->at : wire->at + bytes;
    return failed;
}

exciton_status exciton_wire_varint(exciton_wire *wire, uint64_t end, uint64_t *value)
{
    uint64_t start = wire->at, read = 0;
    for (unsigned i = 0; i < VARINT_BYTES; i++) {
        if (wire->at >= end)
            return fail_at(wire, start, "a number goes beyond its message's end");
        exciton_status failed = fill(wire);
        if (failed)
            return failed;
        unsigned char byte = wire->window[wire->at++ - wire->from];
        if (i == VARINT_BYTES - 1 && byte > 1)
            break;
        read |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *value = read;
            return EXCITON_OK;
        }
    }
    return fail_at(wire, start, "a number of more than 64 bits");
}

exciton_status exciton_wire_tag(exciton_wire *wire, uint64_t end, uint32_t *number, exciton_wire_type *type)
{
    uint64_t start = wire->at, tag;
    exciton_status failed = exciton_wire_varint(wire, end, &tag);
    if (failed)
        return failed;
    if (tag >> 3 == 0 || tag >> 3 > NUMBER_MOST)
        return fail_at(wire, start, "no field has this number");
    switch (tag & 7) {
    case EXCITON_WIRE_VARINT: case EXCITON_WIRE_64: case EXCITON_WIRE_BYTES: case EXCITON_WIRE_32: break;
    case 3: case 4: return fail_at(wire, start, "a group");
    default: return fail_at(wire, start, "no such wire type");
    }
    *number = (uint32_t)(tag >> 3);
    *type = (exciton_wire_type)(tag & 7);
    return EXCITON_OK;
}

exciton_status exciton_wire_length(exciton_wire *wire, uint64_t end, uint64_t *length)
{
    uint64_t start = wire->at;
    exciton_status failed = exciton_wire_varint(wire, end, length);
    if (failed)
        return failed;
    if (*length > end - wire->at)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %llu bytes in a message that has %llu left", wire->source->name,
                               (unsigned long long)start, (unsigned long long)*length, (unsigned long long)(end - wire->at));
    return EXCITON_OK;
}

exciton_status exciton_wire_copy(exciton_wire *wire, uint64_t end, uint64_t bytes, void *data)
{
    if (bytes > end - wire->at)
        return fail_at(wire, wire->at, "a value goes beyond its message's end");
    char *to = data;
    while (bytes) {
        exciton_status failed = fill(wire);
        if (failed)
            return failed;
        uint64_t part = exciton_min(bytes, wire->to - wire->at);
        memcpy(to, wire->window + (wire->at - wire->from), (size_t)part);
        to += part;
        wire->at += part;
        bytes -= part;
    }
    return EXCITON_OK;
}

exciton_status exciton_wire_skip(exciton_wire *wire, uint64_t end, exciton_wire_type type)
{
    uint64_t bytes = type == EXCITON_WIRE_64 ? 8 : 4;
    if (type == EXCITON_WIRE_VARINT)
        return exciton_wire_varint(wire, end, &bytes);
    if (type == EXCITON_WIRE_BYTES) {
        exciton_status failed = exciton_wire_length(wire, end, &bytes);
        if (failed)
            return failed;
    }
    if (bytes > end - wire->at)
        return fail_at(wire, wire->at, "a value goes beyond its message's end");
    wire->at += bytes;
    return EXCITON_OK;
}
