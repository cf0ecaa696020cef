/* The first pass over an ONNX file: payloads of tensors stay in the file, their places are recorded; the rest, trimmed to
 * what a graph needs, is copied out for protobuf-c. Caps are in docs/formats.md. */
#ifndef EXCITON_FORMATS_ONNX_SCAN_H
#define EXCITON_FORMATS_ONNX_SCAN_H

#include <stdbool.h>

#include "formats/onnx_wire.h"

/* Fields of TensorProto that hold a payload. */
enum {
    EXCITON_ONNX_FLOAT_DATA = 4, EXCITON_ONNX_INT32_DATA = 5, EXCITON_ONNX_STRING_DATA = 6, EXCITON_ONNX_INT64_DATA = 7,
    EXCITON_ONNX_RAW_DATA = 9, EXCITON_ONNX_DOUBLE_DATA = 10, EXCITON_ONNX_UINT64_DATA = 11
};

/* A stretch of a payload: the field's content, or, where each element is a field of its own, those fields one after another
 * with their tags. */
typedef struct exciton_onnx_piece {
    uint64_t begin, end; /* in the file */
    uint64_t count;      /* elements; 0: not known, as varints were not read. Raw data: bytes */
    bool tagged;
} exciton_onnx_piece;

typedef struct exciton_onnx_record {
    uint64_t offset;        /* of the tensor's message */
    uint32_t field;         /* the one that holds the payload; 0: none */
    uint32_t first, pieces; /* of the scan's pieces */
} exciton_onnx_record;

/* In `trimmed` a tensor's raw_data is its record's index (4 bytes, the least first), an attribute that holds a graph has as
 * `strings` the names that the graph's nodes read or it gives out, each with a zero, and one that is too long, or a reference
 * to a function's, has a name only. Strings are UTF-8 without zeros. */
typedef struct exciton_onnx_scan {
    unsigned char *trimmed;
    uint64_t trimmed_bytes, trimmed_room;
    exciton_onnx_record *records;
    uint64_t record_count, record_room;
    exciton_onnx_piece *pieces;
    uint64_t piece_count, piece_room;
    uint64_t *nodes; /* their offsets in the file */
    uint64_t node_count, node_room;
} exciton_onnx_scan;

/* `scan` zeroed; its arrays are the caller's to release, after a failure too. */
exciton_status exciton_onnx_scan_file(exciton_wire *wire, exciton_onnx_scan *scan);

#endif
