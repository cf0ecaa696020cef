/* An allocator that counts, finds leaks and fails on demand. From any thread. */
#ifndef EXCITON_TESTS_ALLOCATOR_H
#define EXCITON_TESTS_ALLOCATOR_H

#include <exciton/exciton.h>

typedef struct test_allocator {
    uint64_t calls;   /* of allocate, failed ones too; atomic access only, as the rest */
    uint64_t live;    /* blocks not released */
    uint64_t fail_at; /* the call that returns NULL, from 1; 0: none */
    uint64_t failed;
} test_allocator;

exciton_allocator test_allocator_interface(test_allocator *allocator);
uint64_t test_count(const uint64_t *counter);

#endif
