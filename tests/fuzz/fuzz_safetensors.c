/* libFuzzer: any bytes as a safetensors file: its header, its tensors, its blocks. The options' rest by 3 is the order that
 * is asked for. */
#include <jansson.h>

#include "image.h"

#include "formats/safetensors.h"
#include "formats/weights.h"

/* ---- jansson's memory, counted. None of it fails: where a token's buffer can't grow, jansson 2.14 loses a byte of it, and
 * then asserts or reads on beyond the token. */

static image *current;

static void *json_allocate(size_t size)
{
    current->live++;
    return malloc(size);
}

static void json_release(void *memory) { image_release(current, memory); }

/* ---- Tensors: sorted, every byte of the data in one */

static void check_tensors(image *from)
{
    exciton_safetensors file;
    float values[64];
    uint64_t bytes = 0;
    exciton_status status = exciton_safetensors_open(&from->calls, IMAGE_PATH, &file);
    image_check(from, status);
    if (status) {
        CHECK(!file.header && !file.entries);
        exciton_safetensors_close(&file); /* legal, and nothing to do */
        return;
    }
    CHECK(file.data_offset <= from->size);
    CHECK(!exciton_safetensors_find(&file, "\xff")); /* no name of a file: it is not UTF-8 */
    for (size_t i = 0; i < file.count; i++) {
        const exciton_safetensors_entry *entry = &file.entries[i];
        CHECK(!i || strcmp(file.entries[i - 1].name, entry->name) < 0);
        CHECK(exciton_safetensors_find(&file, entry->name) == entry);
        CHECK(entry->begin <= entry->end && entry->end <= from->size - file.data_offset);
        bytes += entry->end - entry->begin;
        if (entry->end - entry->begin > sizeof values)
            continue;
        status = exciton_safetensors_read(&file, entry, values);
        image_check(from, status);
        CHECK(!status || from->failed || strcmp(entry->type, "F32"));
        if (!status)
            image_touch(values, entry->end - entry->begin);
    }
    CHECK(bytes == from->size - file.data_offset);
    exciton_safetensors_close(&file);
}

/* ---- Blocks */

static void check_name(const char *name)
{
    for (; *name; name++)
        CHECK(*name != ':' && (unsigned char)*name >= 0x20 && *name != 0x7f);
}

static void check_se(image *from, exciton_weights *weights, uint32_t index, const exciton_weights_info *info)
{
    exciton_se se, before;
    memset(&se, 0x5a, sizeof se);
    se.size = sizeof se;
    memcpy(&before, &se, sizeof se);
    exciton_status status = exciton_weights_se(weights, index, &se);
    image_check(from, status);
    if (status) {
        CHECK(!memcmp(&before, &se, sizeof se) && from->failed);
        return;
    }
    CHECK(se.channels == info->channels && se.hidden == info->hidden && se.activation == info->activation && se.gate == info->gate);
    CHECK(se.fc1.data && se.fc2.data && (se.fc1.bias != NULL) == info->bias[0] && (se.fc2.bias != NULL) == info->bias[1]);
    image_touch(se.fc1.data, info->channels * info->hidden * sizeof(float));
    image_touch(se.fc2.data, info->channels * info->hidden * sizeof(float));
    image_touch(se.fc1.bias, info->bias[0] ? info->hidden * sizeof(float) : 0);
    image_touch(se.fc2.bias, info->bias[1] ? info->channels * sizeof(float) : 0);
}

static void check_blocks(image *from, exciton_weights *weights)
{
    uint32_t count = exciton_weights_count(weights), index;
    const char *last = NULL;
    CHECK(count);
    for (uint32_t i = 0; i < count; i++) {
        exciton_weights_info info;
        CHECK(exciton_weights_describe(weights, i, &info) == EXCITON_OK);
        check_name(info.name);
        CHECK(!last || strcmp(last, info.name) < 0);
        last = info.name;
        CHECK(info.channels && info.hidden && info.order != EXCITON_ORDER_DEFAULT);
        CHECK(info.channels <= from->size / sizeof(float) && info.hidden <= from->size / sizeof(float));
        CHECK(exciton_weights_find(weights, info.name, &index) == EXCITON_OK && index == i);
        check_se(from, weights, i, &info);
        check_se(from, weights, i, &info);
    }
    exciton_weights_info info;
    exciton_se se = {0};
    image_check_argument(exciton_weights_describe(weights, count, &info));
    image_check_argument(exciton_weights_se(weights, count, &se));
    CHECK(exciton_weights_find(weights, "of:no block", &index) == EXCITON_ERROR_NAME);
    image_check(from, EXCITON_ERROR_NAME);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image from;
    exciton_weights *weights;
    image_init(&from, data, size, 256 * size + 65536);
    current = &from;
    json_set_alloc_funcs(json_allocate, json_release);
    check_tensors(&from);
    exciton_weights_params params = {.order = (exciton_weight_order)(from.options % 3)};
    exciton_status status = exciton_weights_open_with(&from.calls, IMAGE_PATH, &params, &weights);
    image_check(&from, status);
    CHECK(!status == (weights != NULL));
    if (!status)
        check_blocks(&from, weights);
    exciton_weights_close(weights);
    CHECK(!from.refused);
    image_finish(&from);
    return 0;
}
