#include "serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_TIMED = 64, PATH = 4096 };

uint64_t serve_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void serve_text(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if ((unsigned char)*text >= 0x20)
            printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('"');
}

static void refuse(const char *why)
{
    printf("{\"ok\": false, \"why\": ");
    serve_text(why);
    printf("}\n");
}

void serve_ready(const char *why)
{
    if (why)
        refuse(why);
    else
        printf("{\"ok\": true}\n");
    fflush(stdout);
}

/* ---- files ---- */

static float *read_file(const char *folder, const char *name, size_t bytes)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    float *data = file ? malloc(bytes) : NULL;
    if (data && fread(data, 1, bytes, file) != bytes) {
        free(data);
        data = NULL;
    }
    if (file)
        fclose(file);
    return data;
}

static bool write_file(const char *folder, const char *name, const void *data, size_t bytes)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(data, 1, bytes, file) == bytes;
    return file && fclose(file) == 0 && ok;
}

/* ---- lines ---- */

static void answer_open(const serve_table *table, const char *folder, const char *name, const serve_block *b)
{
    uint64_t nanoseconds;
    float *y = b->x && b->w1 && b->w2 ? malloc(b->bytes) : NULL;
    if (y)
        memset(y, 0xff, b->bytes);
    const char *why = y ? table->open(b, y) : "x.f32, w1.f32 or w2.f32 can't be read";
    if (!why && !write_file(folder, name, y, b->bytes))
        why = "y can't be written";
    free(y);
    for (int i = 0; !why && i < 2; i++)
        why = table->run("call", &nanoseconds);
    if (why) {
        refuse(why);
        return;
    }
    printf("{\"ok\": true, \"us\": %.3f, \"info\": {", (double)nanoseconds * 1e-3);
    table->info();
    printf("}}\n");
}

static void open_block(const serve_table *table, const char *line)
{
    char folder[PATH / 2], name[128];
    serve_block b = {0};
    if (sscanf(line, "open %2047s %127s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, folder, name, &b.n, &b.c, &b.h, &b.w, &b.r) != 7) {
        refuse("open: FOLDER NAME N C H W R");
        return;
    }
    table->close();
    b.bytes = b.n * b.c * b.h * b.w * sizeof(float);
    b.x = read_file(folder, "x.f32", b.bytes);
    b.w1 = read_file(folder, "w1.f32", b.c * b.r * sizeof(float));
    b.w2 = read_file(folder, "w2.f32", b.c * b.r * sizeof(float));
    answer_open(table, folder, name, &b);
    free(b.x);
    free(b.w1);
    free(b.w2);
}

static void take_turn(const serve_table *table, const char *line)
{
    uint64_t times[MOST_TIMED], ignored;
    uint32_t untimed, timed;
    char item[64];
    if (sscanf(line, "turn %63s %" SCNu32 " %" SCNu32, item, &untimed, &timed) != 3 || timed > MOST_TIMED) {
        refuse("turn: ITEM UNTIMED TIMED");
        return;
    }
    const char *why = NULL;
    for (uint32_t i = 0; !why && i < untimed + timed; i++)
        why = table->run(item, i < untimed ? &ignored : &times[i - untimed]);
    if (why) {
        refuse(why);
        return;
    }
    printf("{\"ok\": true, \"us\": [");
    for (uint32_t i = 0; i < timed; i++)
        printf("%s%.3f", i ? ", " : "", (double)times[i] * 1e-3);
    printf("]}\n");
}

static void answer_copies(const serve_table *table)
{
    printf("{\"copies\": ");
    const char *why = table->copies ? table->copies() : "no copies";
    printf("%s, \"ok\": %s", why ? "[]" : "", why ? "false, \"why\": " : "true");
    if (why)
        serve_text(why);
    printf("}\n");
}

int serve(const serve_table *table)
{
    char line[PATH];
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "open ", 5))
            open_block(table, line);
        else if (!strncmp(line, "copies", 6))
            answer_copies(table);
        else if (!strncmp(line, "turn ", 5))
            take_turn(table, line);
        else if (!strncmp(line, "close", 5)) {
            table->close();
            printf("{\"ok\": true}\n");
        } else
            refuse("open, copies, turn or close");
        fflush(stdout);
    }
    table->close();
    return 0;
}
