/* What holds for every model, whatever it was made from. */
#ifndef EXCITON_TESTS_FUZZ_MODEL_H
#define EXCITON_TESTS_FUZZ_MODEL_H

#include <math.h>

#include "image.h"

#include "formats/model.h"

static inline void model_check_name(const char *name)
{
    CHECK(*name);
    for (; *name; name++)
        CHECK(*name != ':' && (unsigned char)*name >= 0x20 && *name != 0x7f);
}

static inline void model_check_block(const exciton_model_block *b)
{
    model_check_name(b->name);
    CHECK(b->input && b->output && b->clean == !b->why && (!b->why || *b->why));
    CHECK(b->layers == (b->kind == EXCITON_MODEL_SE ? 2 : 1));
    for (uint32_t i = 0; i < 2; i++)
        CHECK((b->weight[i] != NULL) == (i < b->layers) && (i < b->layers || !b->bias[i]));
    CHECK((b->hidden != 0) == (b->kind == EXCITON_MODEL_SE));
    CHECK(b->channels || b->kind == EXCITON_MODEL_ECA);
    CHECK(b->kind == EXCITON_MODEL_ECA ? b->kernel % 2 == 1 : !b->kernel && !b->circular);
    CHECK(b->activation == EXCITON_MODEL_IDENTITY || b->layers == 2);
    CHECK(b->gate == EXCITON_MODEL_HARD_SIGMOID || b->gate == EXCITON_MODEL_SIGMOID);
    CHECK(strcmp(exciton_model_kind_name(b->kind), "unknown") && strcmp(exciton_model_gate_name(b->gate), "unknown"));
    CHECK(strcmp(exciton_model_activation_name(b->activation), "unknown"));
    CHECK(strcmp(exciton_model_activation_name(b->then_activation), "unknown"));
}

/* Twice: read, then kept. */
static inline void model_check_se(image *from, exciton_model *model, uint32_t index, const exciton_model_block *b)
{
    for (int round = 0; round < 2; round++) {
        exciton_se se, before;
        memset(&se, 0x5a, sizeof se);
        se.size = sizeof se;
        memcpy(&before, &se, sizeof se);
        exciton_status status = exciton_model_se(model, index, &se);
        image_check(from, status);
        if (status) {
            CHECK(!memcmp(&before, &se, sizeof se));
            continue;
        }
        CHECK(b->kind == EXCITON_MODEL_SE && se.channels == b->channels && se.hidden == b->hidden);
        CHECK(se.fc1.data && se.fc2.data && (se.fc1.bias != NULL) == b->bias[0] && (se.fc2.bias != NULL) == b->bias[1]);
        CHECK(isfinite(se.gate_slope) && isfinite(se.gate_offset));
        image_touch(se.fc1.data, b->channels * b->hidden * sizeof(float));
        image_touch(se.fc2.data, b->channels * b->hidden * sizeof(float));
        image_touch(se.fc1.bias, b->bias[0] ? b->hidden * sizeof(float) : 0);
        image_touch(se.fc2.bias, b->bias[1] ? b->channels * sizeof(float) : 0);
    }
}

static inline void model_check(image *from, exciton_model *model)
{
    uint32_t count = exciton_model_block_count(model), nears = exciton_model_near_count(model), index;
    exciton_model_block block;
    exciton_model_near near;
    exciton_se se = {0};
    for (uint32_t i = 0; i < count; i++) {
        CHECK(exciton_model_block_describe(model, i, &block) == EXCITON_OK);
        model_check_block(&block);
        CHECK(exciton_model_block_find(model, block.name, &index) == EXCITON_OK && index == i); /* so they are unique */
        model_check_se(from, model, i, &block);
    }
    for (uint32_t i = 0; i < nears; i++) {
        CHECK(exciton_model_near_describe(model, i, &near) == EXCITON_OK);
        CHECK(near.at && near.why && *near.why && !strchr(near.why, '\n'));
    }
    image_check_argument(exciton_model_block_describe(model, count, &block));
    image_check_argument(exciton_model_near_describe(model, nears, &near));
    image_check_argument(exciton_model_se(model, count, &se));
    CHECK(exciton_model_block_find(model, "of:no block", &index) == EXCITON_ERROR_NAME);
    image_check(from, EXCITON_ERROR_NAME);
}

#endif
