/* base/os.h does what it says, on a machine without cmocka: threads and waits, clock, memory, private files, loading.
 * os FOLDER: a folder that isn't there yet, and is made. Says what failed; exit status 0 or 1. */
#include <stdio.h>
#include <string.h>

#include "backends/host/host.h"
#include "base/os.h"

#define MILLISECOND UINT64_C(1000000)

static int failures;

static void check(bool good, const char *what)
{
    if (good)
        return;
    printf("os: failed: %s\n", what);
    failures++;
}

/* ---- Threads ---- */

typedef struct table {
    exciton_mutex mutex;
    exciton_cond cond;
    int arrived;
    bool open;
} table;

static _Thread_local int own = 1;

static void *guest(void *argument)
{
    table *t = argument;
    exciton_mutex_lock(&t->mutex);
    t->arrived += own++; /* 1 in each thread */
    exciton_cond_broadcast(&t->cond);
    while (!t->open)
        exciton_cond_wait(&t->cond, &t->mutex);
    exciton_mutex_unlock(&t->mutex);
    return NULL;
}

static void check_threads(void)
{
    enum { GUESTS = 8 };
    table t = {0};
    exciton_thread threads[GUESTS];
    check(exciton_mutex_init(&t.mutex) && exciton_cond_init(&t.cond), "a mutex and a condition");
    for (int i = 0; i < GUESTS; i++)
        check(exciton_thread_start(&threads[i], guest, &t), "a thread starts");
    exciton_mutex_lock(&t.mutex);
    while (t.arrived < GUESTS)
        exciton_cond_wait(&t.cond, &t.mutex);
    uint64_t before = exciton_clock(), deadline = before + 30 * MILLISECOND;
    while (exciton_cond_wait_until(&t.cond, &t.mutex, deadline))
        continue;
    check(exciton_clock() >= deadline, "a wait doesn't end before its deadline");
    check(exciton_clock() < deadline + 5000 * MILLISECOND, "a wait ends after its deadline");
    check(!exciton_cond_wait_until(&t.cond, &t.mutex, before), "a deadline that is over");
    t.open = true;
    exciton_cond_broadcast(&t.cond);
    exciton_mutex_unlock(&t.mutex);
    for (int i = 0; i < GUESTS; i++)
        exciton_thread_join(threads[i]);
    check(t.arrived == GUESTS && own == 1, "a thread's variables are its own");
    exciton_cond_destroy(&t.cond);
    exciton_mutex_destroy(&t.mutex);
}

/* ---- Clock, memory, processors ---- */

static void check_clock(void)
{
    uint64_t before = exciton_clock();
    exciton_sleep(5 * MILLISECOND);
    uint64_t after = exciton_clock();
    check(after >= before + 5 * MILLISECOND && after < before + 5000 * MILLISECOND, "sleep takes its time");
    exciton_sleep(1);
    exciton_yield();
}

static void check_memory(void)
{
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        unsigned char *memory = exciton_aligned_allocate(100, alignment);
        check(memory != NULL && (uintptr_t)memory % alignment == 0, "aligned memory");
        if (memory != NULL)
            memset(memory, 1, 100);
        exciton_aligned_release(memory);
    }
    check(exciton_aligned_allocate(SIZE_MAX - 4096, 64) == NULL, "memory that isn't there");
}

static void check_processors(void)
{
    char name[128] = "x", text[4] = "xxx";
    check(exciton_processors() >= 1 && exciton_processors() <= 1 << 20, "processors");
    check(exciton_processor_name(name, sizeof name) == (name[0] != 0), "a processor's name, or none");
    (void)exciton_processor_name(text, sizeof text);
    check(memchr(text, 0, sizeof text) != NULL, "a name that is cut");
    check(exciton_processor_cache() < UINT64_C(1) << 40, "a cache");
    check(exciton_process() == exciton_process(), "one process");
}

/* Subnormals are kept within, whatever the thread had set. */
static void check_arithmetic(void)
{
    volatile float smallest = 0x1p-126f, half = 0.5f;
    uint64_t mode = exciton_host_enter_arithmetic();
    check(smallest * half == 0x1p-127f, "subnormals are kept");
    uint64_t within = exciton_host_enter_arithmetic();
    exciton_host_leave_arithmetic(within);
#if defined(__aarch64__)
    exciton_host_leave_arithmetic(UINT64_C(1) << 24); /* the thread's: flush to zero */
    check(smallest * half == 0, "the thread flushes");
    uint64_t before = exciton_host_enter_arithmetic();
    check(smallest * half == 0x1p-127f, "subnormals are kept where the thread flushed");
    exciton_host_leave_arithmetic(before);
    check(smallest * half == 0, "the thread's mode comes back");
#elif defined(__x86_64__)
    exciton_host_leave_arithmetic(0x9fc0); /* the thread's: flush to zero, subnormals are zeros */
    check(smallest * half == 0, "the thread flushes");
    uint64_t before = exciton_host_enter_arithmetic();
    check(smallest * half == 0x1p-127f, "subnormals are kept where the thread flushed");
    exciton_host_leave_arithmetic(before);
    check(smallest * half == 0, "the thread's mode comes back");
#endif
    exciton_host_leave_arithmetic(mode);
}

/* ---- Files, libraries ---- */

static void check_private(const char *folder)
{
    char why[160] = "", data[16] = "", path[512];
    check(exciton_private_load(folder, "entry", data, sizeof data, why, sizeof why) == 0 && !why[0], "no folder is no fault");
    check(exciton_private_save(folder, "entry", "first", 5, why, sizeof why), "a file is kept");
    check(exciton_private_load(folder, "other", data, sizeof data, why, sizeof why) == 0 && !why[0], "no file is no fault");
    check(exciton_private_save(folder, "entry", "second one", 10, why, sizeof why), "a file is replaced");
    check(exciton_private_load(folder, "entry", NULL, 0, why, sizeof why) == 10, "a file's size");
    check(exciton_private_load(folder, "entry", data, sizeof data, why, sizeof why) == 10 && !memcmp(data, "second one", 10), "a file comes back");
    check(!why[0], "and nobody complains");
    if (why[0])
        printf("os: %s\n", why);
    snprintf(path, sizeof path, "%s/entry", folder);
    check(!exciton_private_save(path, "entry", "x", 1, why, sizeof why) && why[0], "a file is no folder");
}

static void check_libraries(void)
{
    char why[160] = "";
    void *library = exciton_library_open("exciton-has-no-such-library", why, sizeof why);
    check(library == NULL && strstr(why, "exciton-has-no-such-library") != NULL, "a library that isn't there is named");
#if defined(_WIN32)
    library = exciton_library_open("kernel32.dll", why, sizeof why);
    check(library != NULL && exciton_library_symbol(library, "Sleep") != NULL, "a library's function");
    check(library != NULL && exciton_library_symbol(library, "NoSuchFunction") == NULL, "a function that it lacks");
#endif
    exciton_library_close(library);
    exciton_library_close(NULL);
}

int main(int argc, char **argv)
{
    char cache[2048];
    check_threads();
    check_clock();
    check_memory();
    check_processors();
    check_arithmetic();
    if (argc > 1)
        check_private(argv[1]);
    check_libraries();
    check(!exciton_user_cache(cache, sizeof cache) || strlen(cache) > 1, "the user's cache");
    check(!exciton_user_cache(cache, 2), "a path that is cut");
    if (failures == 0)
        puts("os: passed");
    return failures != 0;
}
