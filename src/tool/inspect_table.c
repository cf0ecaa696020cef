/* A model's blocks for a person: one a line, and what can't be run. */
#include "tool/inspect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "formats/decimal.h"

typedef struct table_cell { char text[256]; size_t at; } table_cell;

/* Appends as much as there is room for. */
static void put(table_cell *cell, const char *before, const char *text)
{
    int length = snprintf(cell->text + cell->at, sizeof cell->text - cell->at, "%s%s", before, text);
    size_t room = sizeof cell->text - cell->at - 1;
    cell->at += (size_t)length < room ? (size_t)length : room;
}

static void put_number(table_cell *cell, float value)
{
    char text[EXCITON_DECIMAL_BYTES];
    if (isfinite(value))
        exciton_decimal_write(value, text);
    put(cell, " ", isnan(value) ? "?" : isfinite(value) ? text : value < 0 ? "-inf" : "inf");
}

static void put_count(table_cell *cell, uint64_t value, const char *none)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put(cell, "", value ? text : none);
}

/* What the gates do with x, and what follows. */
static void put_output(table_cell *cell, const inspect_block *block)
{
    put(cell, "", block->residual == INSPECT_UNKNOWN ? "?" : block->residual ? "x + g*x" : "g*x");
    if (block->then_add)
        put(cell, " + ", block->then_add);
    if (!block->then_activation)
        put(cell, ", ", "?");
    else if (strcmp(block->then_activation, exciton_model_activation_name(EXCITON_MODEL_IDENTITY)))
        put(cell, ", ", block->then_activation);
}

/* Whether `run` takes it, and what else is to be known. */
static void put_note(table_cell *cell, const inspect_block *block)
{
    const char *before = "";
    if (block->unsupported) {
        put(cell, "can't be run: ", block->unsupported);
        before = "; ";
    }
    for (unsigned i = 0, listed = 0; i < TOOL_LACKS; i++)
        if (block->lacks & 1u << i) {
            put(cell, listed++ ? ", --" : "needs --", tool_lacks[i]);
            before = "; ";
        }
    if (block->why) {
        put(cell, before, "not clean: ");
        put(cell, "", block->why);
    }
}

static void add_row(tool_table *table, const inspect_block *block)
{
    enum { NAME, KIND, CHANNELS, HIDDEN, BIAS, ACTIVATION, GATE, OUTPUT, NOTE, COLUMNS };
    table_cell cells[COLUMNS] = {0};
    const char *texts[COLUMNS];
    put(&cells[KIND], "", block->kind);
    if (block->circular)
        put(&cells[KIND], " ", "circular");
    put_count(&cells[CHANNELS], block->channels, "?");
    if (block->kernel) {
        put_count(&cells[HIDDEN], block->kernel, "");
        put(&cells[HIDDEN], " ", "taps");
    } else {
        put_count(&cells[HIDDEN], block->hidden, "-");
    }
    put(&cells[BIAS], "", block->layers == 1 ? block->bias[0] ? "yes" : "no" : block->bias[0] && block->bias[1] ? "both"
                        : block->bias[0] ? "first" : block->bias[1] ? "second" : "no");
    put(&cells[ACTIVATION], "", block->activation ? block->activation : block->layers == 1 ? "-" : "?");
    /* A hard-swish that runs has the usual numbers. */
    bool usual = block->activation && !block->unsupported &&
                 !strcmp(block->activation, exciton_model_activation_name(EXCITON_MODEL_HARD_SWISH));
    for (uint32_t i = 0; i < block->activation_count && !usual; i++)
        put_number(&cells[ACTIVATION], block->activation_numbers[i]);
    put(&cells[GATE], "", block->gate ? block->gate : "?");
    if (block->gate && strcmp(block->gate, exciton_model_gate_name(EXCITON_MODEL_SIGMOID))) {
        put_number(&cells[GATE], block->slope);
        put_number(&cells[GATE], block->offset);
    }
    put_output(&cells[OUTPUT], block);
    put_note(&cells[NOTE], block);
    for (uint32_t i = 0; i < COLUMNS; i++)
        texts[i] = cells[i].text;
    texts[NAME] = block->name[0] ? block->name : "\"\"";
    tool_table_row(table, texts);
}

static exciton_status add_nears(tool_table *table, const tool_model *model)
{
    exciton_status status = EXCITON_OK;
    tool_table_row(table, (const char *const[]){"NO BLOCK AT", "WHY"});
    for (uint32_t i = 0; i < inspect_near_count(model) && status == EXCITON_OK; i++) {
        exciton_model_near near;
        status = inspect_near(model, i, &near);
        if (status == EXCITON_OK)
            tool_table_row(table, (const char *const[]){near.at, near.why});
    }
    return status;
}

/* What the tables don't show. */
static void print_rest(const tool_model *model, bool explain)
{
    uint64_t blocks, nears;
    uint32_t near = inspect_near_count(model);
    exciton_model_left_out(model->onnx, &blocks, &nears);
    if (blocks)
        printf("\n%llu more blocks are not shown\n", (unsigned long long)blocks);
    if (explain && nears)
        printf("\n%llu more near misses are not shown\n", (unsigned long long)nears);
    if (!tool_model_count(model) && !explain)
        printf("no block%s\n", near ? "; --explain says what came near" : "");
    if (!tool_model_count(model) && explain && !near)
        puts("no block, and nothing near");
}

int inspect_print_table(const tool_model *model, bool explain)
{
    tool_table blocks = {.columns = 9}, nears = {.columns = 2};
    exciton_status status = EXCITON_OK;
    uint32_t count = tool_model_count(model);
    if (count)
        tool_table_row(&blocks, (const char *const[]){"BLOCK", "KIND", "C", "R", "BIAS", "ACTIVATION", "GATE", "OUTPUT", "NOTE"});
    for (uint32_t i = 0; i < count && status == EXCITON_OK; i++) {
        inspect_block block;
        status = inspect_describe(model, i, &block);
        if (status == EXCITON_OK)
            add_row(&blocks, &block);
    }
    bool more = explain && inspect_near_count(model);
    if (more && status == EXCITON_OK)
        status = add_nears(&nears, model);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_FILES);
    bool printed = tool_table_print(&blocks);
    if (count && more)
        putchar('\n');
    if (!tool_table_print(&nears) || !printed)
        return tool_error(TOOL_OTHER, "inspect: table: out of memory");
    print_rest(model, explain);
    return TOOL_DONE;
}
