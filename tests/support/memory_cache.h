/* A cache for exciton_context_params that keeps its entries in this process's memory. There is one, without a lock:
 * for programs of one thread. */
#ifndef EXCITON_TESTS_MEMORY_CACHE_H
#define EXCITON_TESTS_MEMORY_CACHE_H

#include <exciton/exciton.h>

exciton_cache memory_cache(void);
/* Forgets all entries. */
void memory_cache_clear(void);

#endif
