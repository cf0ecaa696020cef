/* The process of something that bench/peers times: it works only when it is told to. Lines come in on stdin, each is answered with
 * one line of JSON on stdout:
 *
 *     open FOLDER NAME N C H W R   makes the block of FOLDER (x.f32, w1.f32, w2.f32), runs it once, writes y into FOLDER/NAME
 *     copies                       makes the floor's copies and names them
 *     turn ITEM UNTIMED TIMED      "call", or another item; microseconds of the timed runs
 *     close
 */
#ifndef EXCITON_BENCH_SERVE_H
#define EXCITON_BENCH_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct serve_block {
    uint64_t n, c, h, w, r;
    size_t bytes; /* of x */
    float *x, *w1, *w2;
} serve_block;

/* Each returns NULL, or why it can't. */
typedef struct serve_table {
    const char *(*open)(const serve_block *block, float *y); /* fills y by its first call */
    const char *(*run)(const char *item, uint64_t *nanoseconds);
    const char *(*copies)(void);   /* prints a JSON array; optional */
    void (*info)(void);            /* prints the members of a JSON object */
    void (*close)(void);
} serve_table;

uint64_t serve_clock(void);
void serve_text(const char *text); /* a JSON string */
void serve_ready(const char *why); /* the line before all others */
int serve(const serve_table *table);

#endif
