#include "support/allocator.h"

#include <stdint.h>
#include <stdlib.h>

static void *allocate(void *user, size_t size, size_t alignment)
{
    test_allocator *a = user;
    if (__atomic_add_fetch(&a->calls, 1, __ATOMIC_RELAXED) == a->fail_at) {
        __atomic_add_fetch(&a->failed, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    void *memory = size < PTRDIFF_MAX / 2 ? aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment) : NULL;
    if (memory)
        __atomic_add_fetch(&a->live, 1, __ATOMIC_RELAXED);
    return memory;
}

static void release(void *user, void *memory)
{
    test_allocator *a = user;
    __atomic_sub_fetch(&a->live, 1, __ATOMIC_RELAXED);
    free(memory);
}

exciton_allocator test_allocator_interface(test_allocator *allocator)
{
    return (exciton_allocator){.user = allocator, .allocate = allocate, .release = release};
}

uint64_t test_count(const uint64_t *counter) { return __atomic_load_n(counter, __ATOMIC_RELAXED); }
