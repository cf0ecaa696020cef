/* Protobuf's wire format read through a small window of a file. Every function advances `at` only within `end`, the end of
 * the message that is read; what isn't the wire format is EXCITON_ERROR_FORMAT with file and offset. */
#ifndef EXCITON_FORMATS_ONNX_WIRE_H
#define EXCITON_FORMATS_ONNX_WIRE_H

#include "formats/file.h"

enum { EXCITON_WIRE_WINDOW = 16384 };

typedef enum exciton_wire_type { EXCITON_WIRE_VARINT, EXCITON_WIRE_64, EXCITON_WIRE_BYTES, EXCITON_WIRE_32 = 5 } exciton_wire_type;

typedef struct exciton_wire {
    const exciton_source *source;
    uint64_t at;       /* the next byte's offset */
    uint64_t from, to; /* what the window holds */
    unsigned char window[EXCITON_WIRE_WINDOW];
} exciton_wire;

void exciton_wire_init(exciton_wire *wire, const exciton_source *source);

exciton_status exciton_wire_varint(exciton_wire *wire, uint64_t end, uint64_t *value);
/* A field's number and type; groups are refused. */
exciton_status exciton_wire_tag(exciton_wire *wire, uint64_t end, uint32_t *number, exciton_wire_type *type);
/* A length, checked to end within the message. */
exciton_status exciton_wire_length(exciton_wire *wire, uint64_t end, uint64_t *length);
exciton_status exciton_wire_copy(exciton_wire *wire, uint64_t end, uint64_t bytes, void *data);
/* The rest of a field whose tag was read. */
exciton_status exciton_wire_skip(exciton_wire *wire, uint64_t end, exciton_wire_type type);

#endif
