/* base/os.h on POSIX systems. */
#include "base/os.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>
#if defined(__linux__)
#  include <sys/auxv.h>
#endif

#define SECOND UINT64_C(1000000000)

/* ---- Threads ---- */

bool exciton_mutex_init(exciton_mutex *mutex) { return pthread_mutex_init(mutex, NULL) == 0; }
void exciton_mutex_destroy(exciton_mutex *mutex) { (void)pthread_mutex_destroy(mutex); }
void exciton_mutex_lock(exciton_mutex *mutex) { (void)pthread_mutex_lock(mutex); }
void exciton_mutex_unlock(exciton_mutex *mutex) { (void)pthread_mutex_unlock(mutex); }

/* Deadlines are exciton_clock()'s, which setting the date doesn't move. */
bool exciton_cond_init(exciton_cond *cond)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(cond, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return made;
}

void exciton_cond_destroy(exciton_cond *cond) { (void)pthread_cond_destroy(cond); }
void exciton_cond_broadcast(exciton_cond *cond) { (void)pthread_cond_broadcast(cond); }
void exciton_cond_wait(exciton_cond *cond, exciton_mutex *mutex) { (void)pthread_cond_wait(cond, mutex); }

/* A deadline too far for time_t is as good as the farthest. */
static struct timespec to_timespec(uint64_t nanoseconds)
{
    uint64_t seconds = nanoseconds / SECOND;
    uint64_t farthest = sizeof(time_t) < 8 ? INT32_MAX : UINT64_MAX;
    return (struct timespec){.tv_sec = (time_t)(seconds < farthest ? seconds : farthest), .tv_nsec = (long)(nanoseconds % SECOND)};
}

bool exciton_cond_wait_until(exciton_cond *cond, exciton_mutex *mutex, uint64_t deadline)
{
    struct timespec at = to_timespec(deadline);
    return pthread_cond_timedwait(cond, mutex, &at) != ETIMEDOUT;
}

/* The application's signals are its own threads' business: ours take none but what they cause themselves. */
bool exciton_thread_start(exciton_thread *thread, void *(*entry)(void *), void *argument)
{
    sigset_t ours, before;
    (void)sigfillset(&ours);
    (void)sigdelset(&ours, SIGSEGV);
    (void)sigdelset(&ours, SIGBUS);
    (void)sigdelset(&ours, SIGFPE);
    (void)sigdelset(&ours, SIGILL);
    bool masked = pthread_sigmask(SIG_BLOCK, &ours, &before) == 0;
    bool started = pthread_create(thread, NULL, entry, argument) == 0;
    if (masked)
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void exciton_thread_join(exciton_thread thread) { (void)pthread_join(thread, NULL); }

/* ---- Memory ---- */

/* Not aligned_alloc: Android has it from level 28 on only, and it wants a multiple. */
/* Large pages, where the system has them for who asks: less to look up while a tensor streams by. No more than a wish. */
static void prefer_large_pages(void *memory, size_t size)
{
#if defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)2 << 20, first = ((uintptr_t)memory + page - 1) / page * page, end = ((uintptr_t)memory + size) / page * page;
    if (end > first)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)memory, (void)size;
#endif
}

void *exciton_aligned_allocate(size_t size, size_t alignment)
{
    void *memory = NULL;
    alignment = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    if (posix_memalign(&memory, alignment, size))
        return NULL;
    prefer_large_pages(memory, size);
    return memory;
}

void exciton_aligned_release(void *memory) { free(memory); }

/* ---- Clock ---- */

uint64_t exciton_clock(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void exciton_sleep(uint64_t nanoseconds)
{
    struct timespec left = to_timespec(nanoseconds);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

void exciton_yield(void) { (void)sched_yield(); }

/* ---- Processors ---- */

/* "32768K" of a level; 0 where there is none. */
static uint64_t cache_of_level(int index)
{
    char path[80], text[32] = "";
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    char *unit = text;
    uint64_t size = got > 0 ? strtoull(text, &unit, 10) : 0;
    return *unit == 'K' ? size << 10 : *unit == 'M' ? size << 20 : size;
}

uint64_t exciton_processor_cache(void)
{
    /* Not sysconf: under a hypervisor glibc multiplies by threads that aren't there. */
    uint64_t most = 0, size;
    for (int index = 0; index < 8; index++)
        if ((size = cache_of_level(index)) > most)
            most = size;
    return most;
}

uint32_t exciton_processors(void)
{
#if defined(__linux__)
    for (int most = 1024; most <= 1 << 20; most *= 4) {
        cpu_set_t *set = CPU_ALLOC(most);
        if (set == NULL)
            break;
        size_t size = CPU_ALLOC_SIZE(most);
        int failed = sched_getaffinity(0, size, set);
        int error = errno;
        int count = failed == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return (uint32_t)count;
        if (failed == 0 || error != EINVAL) /* EINVAL: the set is too small for this system */
            break;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

bool exciton_processor_name(char *name, size_t size)
{
    name[0] = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL)
        return false;
    char line[256];
    while (name[0] == 0 && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || value == NULL)
            continue;
        value += 1 + strspn(value + 1, " \t");
        size_t length = strcspn(value, "\n");
        while (length > 0 && value[length - 1] == ' ')
            length--;
        length = length < size ? length : size - 1;
        memcpy(name, value, length);
        name[length] = 0;
    }
    (void)fclose(file);
    return name[0] != 0;
}

/* ---- Process ---- */

static atomic_uint_fast64_t forks;
static atomic_bool counts_forks;

static void count_fork(void) { atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed); }
static void register_fork(void) { atomic_store(&counts_forks, pthread_atfork(NULL, NULL, count_fork) == 0); }

/* A fork handler, since asking for the process's number is a system call, and this is asked at every submission. */
uint64_t exciton_process(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, register_fork);
    if (!atomic_load_explicit(&counts_forks, memory_order_relaxed))
        return UINT64_C(1) << 32 | (uint64_t)getpid();
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

bool exciton_is_privileged(void)
{
#if defined(__linux__)
    return getauxval(AT_SECURE) != 0;
#else
    return getuid() != geteuid() || getgid() != getegid();
#endif
}

/* ---- Dynamic loading ---- */

void *exciton_library_open(const char *name, char *why, size_t size)
{
    if (size > 0)
        why[0] = 0;
    /* Loaders and drivers keep threads and state of their own: once loaded they stay. */
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *reason = dlerror();
        (void)snprintf(why, size, "%s", reason != NULL ? reason : name);
    }
    return library;
}

void (*exciton_library_symbol(void *library, const char *name))(void)
{
    /* ISO C has no cast from an object's pointer to a function's. */
    union { void *object; void (*function)(void); } symbol = {.object = dlsym(library, name)};
    return symbol.function;
}

void exciton_library_close(void *library)
{
    if (library != NULL)
        (void)dlclose(library);
}

/* ---- For the command ---- */

/* XDG base directories. Not for a set-uid process: both variables are the caller's. */
bool exciton_user_cache(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (exciton_is_privileged())
        return false;
    int length = cache && cache[0] == '/' ? snprintf(path, size, "%s", cache)
                 : home && home[0] == '/' ? snprintf(path, size, "%s/.cache", home)
                                          : -1;
    if (length < 0 || (size_t)length >= size)
        return false;
    (void)mkdir(path, 0700); /* where it is there already, or can't be, that shows later */
    return true;
}

bool exciton_stderr_is_terminal(void) { return isatty(STDERR_FILENO) != 0; }

void exciton_hold_standard_files(void)
{
    for (int file = 0; file < 3; file++)
        if (fcntl(file, F_GETFD) == -1 && errno == EBADF && open("/dev/null", file ? O_RDONLY : O_WRONLY) != file)
            return;
}
