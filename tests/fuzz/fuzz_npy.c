/* libFuzzer: any bytes as an npy file: its header, its data in parts and whole, and what is written from them. */
#include "image.h"

#include "formats/npy.h"

static void check_header(const image *from, const exciton_tensor *header)
{
    uint64_t count = 1;
    CHECK(header->dims <= EXCITON_TENSOR_DIMS && !header->data);
    for (uint32_t d = 0; d < EXCITON_TENSOR_DIMS; d++) {
        CHECK((header->shape[d] != 0) == (d < header->dims));
        count *= d < header->dims ? header->shape[d] : 1;
    }
    CHECK(count == header->count && count * sizeof(float) < from->size);
}

/* What was written is read again: the same. */
static void check_round(image *from, const exciton_tensor *tensor)
{
    exciton_status status = exciton_npy_write_with(&from->calls, IMAGE_PATH, tensor->dims, tensor->shape, tensor->data);
    image_check(from, status);
    CHECK((status == EXCITON_OK) == from->renamed && !from->temporary);
    if (status)
        return;
    image again;
    exciton_tensor copy;
    image_init(&again, from->written, from->written_size + IMAGE_TAIL, sizeof from->written);
    again.how = 0;
    again.fail_at = 0;
    CHECK(exciton_npy_read_with(&again.calls, IMAGE_PATH, &copy) == EXCITON_OK);
    CHECK(copy.dims == tensor->dims && !memcmp(copy.shape, tensor->shape, sizeof copy.shape) && copy.count == tensor->count);
    CHECK(!memcmp(copy.data, tensor->data, copy.count * sizeof(float)));
    image_release(&again, copy.data);
    image_finish(&again);
}

static void check_data(image *from, exciton_npy *npy, const exciton_tensor *header)
{
    float parts[256];
    exciton_tensor tensor;
    uint64_t count = header->count;
    image_check_argument(exciton_npy_read_data(npy, count, 1, parts));
    image_check_argument(exciton_npy_read_data(npy, 1, UINT64_MAX, parts));
    if (count > 128)
        return;
    uint64_t first = from->options % (count + 1);
    exciton_status status = exciton_npy_read_data(npy, 0, first, parts);
    if (!status)
        status = exciton_npy_read_data(npy, first, count - first, parts + first);
    image_check(from, status);
    exciton_status whole = exciton_npy_read_with(&from->calls, IMAGE_PATH, &tensor);
    image_check(from, whole);
    if (whole) {
        CHECK(!tensor.data && !tensor.dims && !tensor.count);
        return;
    }
    CHECK(tensor.dims == header->dims && tensor.count == count && !memcmp(tensor.shape, header->shape, sizeof tensor.shape));
    if (!status)
        CHECK(!memcmp(tensor.data, parts, count * sizeof *parts));
    check_round(from, &tensor);
    image_release(from, tensor.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image from;
    exciton_tensor header;
    exciton_npy *npy;
    image_init(&from, data, size, size + 1024); /* no allocation is larger than the file */
    exciton_status status = exciton_npy_open_with(&from.calls, IMAGE_PATH, &header, &npy);
    image_check(&from, status);
    if (status) {
        static const exciton_tensor none;
        CHECK(!npy && !memcmp(&header, &none, sizeof none));
    } else {
        check_header(&from, &header);
        check_data(&from, npy, &header);
    }
    exciton_npy_close(npy);
    CHECK(!from.refused);
    image_finish(&from);
    return 0;
}
