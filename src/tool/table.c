/* Tables: cells are collected, then printed with each column as wide as its widest cell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

/* Columns on the screen: bytes that do not continue a UTF-8 character. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool grow(tool_table *table)
{
    uint32_t capacity = table->capacity ? table->capacity * 2 : 16;
    char **cells = realloc(table->cells, (size_t)capacity * table->columns * sizeof *cells);
    if (!cells)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

void tool_table_row(tool_table *table, const char *const *cells)
{
    if (table->failed || (table->rows == table->capacity && !grow(table))) {
        table->failed = true;
        return;
    }
    char **row = table->cells + (size_t)table->rows++ * table->columns;
    for (uint32_t i = 0; i < table->columns; i++) {
        size_t size = strlen(cells[i]) + 1;
        row[i] = malloc(size);
        if (!row[i]) {
            table->failed = true;
            continue;
        }
        memcpy(row[i], cells[i], size);
        tool_clean(row[i]);
    }
}

void tool_table_pair(tool_table *table, const char *name, const char *format, ...)
{
    char value[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    table->columns = 2;
    tool_table_row(table, (const char *const[]){name, value});
}

static void print_row(const tool_table *table, const size_t *widths, uint32_t row)
{
    char *const *cells = table->cells + (size_t)row * table->columns;
    uint32_t columns = table->columns;
    while (columns && !cells[columns - 1][0]) /* no blanks at the end of a line */
        columns--;
    for (uint32_t i = 0; i < columns; i++) {
        bool last = i + 1 == columns;
        printf("%s%*s", cells[i], last ? 0 : (int)(widths[i] - width_of(cells[i]) + 2), "");
    }
    putchar('\n');
}

bool tool_table_print(tool_table *table)
{
    size_t widths[TOOL_COLUMNS] = {0};
    bool printed = !table->failed;
    for (uint32_t i = 0; printed && i < table->rows * table->columns; i++) {
        size_t width = width_of(table->cells[i]), *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (uint32_t row = 0; printed && row < table->rows; row++)
        print_row(table, widths, row);
    for (uint32_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (tool_table){.columns = table->columns};
    return printed;
}
