/* The seam of driver functions: each is replaced by one that counts its calls, and fails one of them on demand. For
 * exciton_context_create_seamed. The table is the process's: one seamed context at a time. */
#ifndef EXCITON_TESTS_SEAM_H
#define EXCITON_TESTS_SEAM_H

#include "base/env.h"

typedef enum seam_kind {
    SEAM_CALL,  /* a failing call does nothing and returns the code */
    SEAM_MAKER, /* OpenCL: returns NULL, the code through its last argument */
    SEAM_AFTER, /* waits and releases: does its work, then returns the code */
    SEAM_VOID   /* can't fail: counted only */
} seam_kind;

typedef struct seam_entry {
    const char *name;
    exciton_function wrapper, real; /* real: set by the look-up */
    seam_kind kind;
    uint64_t calls;                 /* atomic access only, as the next */
    uint64_t made;                  /* calls that succeeded; SEAM_AFTER, SEAM_VOID: not counted */
    uint64_t fail_at;               /* the call that fails, counted as `calls` is; 0: none */
    uint64_t fail_next;             /* so many calls fail from now on; seam_reset() leaves it alone */
    int32_t code;
} seam_entry;

/* The exciton_resolve_fn. A name without a wrapper is left alone, and kept in seam_unknown. */
exciton_function seam_resolve(void *user, const char *name, exciton_function function);
extern char seam_unknown[64];

/* All entries of this build: 0 to seam_count() - 1. */
uint32_t seam_count(void);
seam_entry *seam_at(uint32_t index);
seam_entry *seam_find(const char *name); /* NULL: no such function in this build */
uint64_t seam_calls(const char *name);   /* 0 for NULL */
/* Counters to zero, no failure asked for. */
void seam_reset(void);

/* Driver objects that were made since seam_reset() and not released; `name` gets one of their makers. */
uint64_t seam_leaked(const char **name);

/* What wrappers do with each call: counts it; true when it is the one to fail. */
bool seam_enter(seam_entry *entry);
void seam_leave(seam_entry *entry, bool succeeded);

/* seam_opencl.c and seam_vulkan.c; NULL-terminated. */
extern seam_entry *const seam_opencl[];
extern seam_entry *const seam_vulkan[];

#endif
