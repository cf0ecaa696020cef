/* base/os.h on Windows 7 and later. */
#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <io.h>
#include <malloc.h>
#include <process.h>
#if defined(__x86_64__) || defined(__i386__)
#  include <cpuid.h>
#endif

#include "base/text_windows.h"

#define SECOND UINT64_C(1000000000)

/* ---- Threads ---- */

/* Slim locks and conditions are a pointer each, need no end and can't fail to begin. */
_Static_assert(sizeof(SRWLOCK) == sizeof(exciton_mutex), "os.h has a mutex as one pointer");
_Static_assert(sizeof(CONDITION_VARIABLE) == sizeof(exciton_cond), "os.h has a condition as one pointer");

static SRWLOCK *lock_of(exciton_mutex *mutex) { return (SRWLOCK *)(void *)&mutex->lock; }
static CONDITION_VARIABLE *condition_of(exciton_cond *cond) { return (CONDITION_VARIABLE *)(void *)&cond->condition; }

bool exciton_mutex_init(exciton_mutex *mutex)
{
    InitializeSRWLock(lock_of(mutex));
    return true;
}

void exciton_mutex_destroy(exciton_mutex *mutex) { (void)mutex; }
void exciton_mutex_lock(exciton_mutex *mutex) { AcquireSRWLockExclusive(lock_of(mutex)); }
void exciton_mutex_unlock(exciton_mutex *mutex) { ReleaseSRWLockExclusive(lock_of(mutex)); }

bool exciton_cond_init(exciton_cond *cond)
{
    InitializeConditionVariable(condition_of(cond));
    return true;
}

void exciton_cond_destroy(exciton_cond *cond) { (void)cond; }
void exciton_cond_broadcast(exciton_cond *cond) { WakeAllConditionVariable(condition_of(cond)); }

void exciton_cond_wait(exciton_cond *cond, exciton_mutex *mutex)
{
    (void)SleepConditionVariableSRW(condition_of(cond), lock_of(mutex), INFINITE, 0);
}

/* The system waits in milliseconds, and wakes early at times: the clock decides. A wait for longer than it counts ends
 * early too, which is legal. */
bool exciton_cond_wait_until(exciton_cond *cond, exciton_mutex *mutex, uint64_t deadline)
{
    uint64_t now = exciton_clock();
    uint64_t left = deadline > now ? (deadline - now - 1) / 1000000 + 1 : 0;
    DWORD milliseconds = left < INFINITE - 1 ? (DWORD)left : INFINITE - 1;
    return SleepConditionVariableSRW(condition_of(cond), lock_of(mutex), milliseconds, 0) || exciton_clock() < deadline;
}

typedef struct start {
    void *(*entry)(void *);
    void *argument;
} start;

static unsigned __stdcall begin(void *given)
{
    start here = *(start *)given;
    free(given);
    (void)here.entry(here.argument);
    return 0;
}

/* By the C library and not the system, so that it can release what it keeps for a thread. */
bool exciton_thread_start(exciton_thread *thread, void *(*entry)(void *), void *argument)
{
    start *given = malloc(sizeof *given);
    if (given == NULL)
        return false;
    *given = (start){.entry = entry, .argument = argument};
    *thread = (exciton_thread)_beginthreadex(NULL, 0, begin, given, 0, NULL);
    if (*thread == NULL)
        free(given);
    return *thread != NULL;
}

void exciton_thread_join(exciton_thread thread)
{
    (void)WaitForSingleObject(thread, INFINITE);
    (void)CloseHandle(thread);
}

/* ---- Memory ---- */

void *exciton_aligned_allocate(size_t size, size_t alignment) { return _aligned_malloc(size, alignment); }
void exciton_aligned_release(void *memory) { _aligned_free(memory); }

/* ---- Clock ---- */

uint64_t exciton_clock(void)
{
    LARGE_INTEGER rate, ticks;
    (void)QueryPerformanceFrequency(&rate);
    (void)QueryPerformanceCounter(&ticks);
    uint64_t second = (uint64_t)rate.QuadPart, count = (uint64_t)ticks.QuadPart;
    return count / second * SECOND + count % second * SECOND / second; /* the whole would overflow within days */
}

/* Sleep is as coarse as the system's tick: what is shorter only gives the processor away. */
void exciton_sleep(uint64_t nanoseconds)
{
    uint64_t end = exciton_clock() + nanoseconds;
    do {
        uint64_t now = exciton_clock(), left = now < end ? (end - now) / 1000000 : 0;
        if (left == 0)
            (void)SwitchToThread();
        else
            Sleep(left < INFINITE - 1 ? (DWORD)left : INFINITE - 1);
    } while (exciton_clock() < end);
}

void exciton_yield(void) { (void)SwitchToThread(); }

/* ---- Processors ---- */

uint32_t exciton_processors(void)
{
    DWORD_PTR ours = 0, all = 0;
    uint32_t count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all))
        for (; ours != 0; ours &= ours - 1)
            count++;
    if (count == 0) /* the process is in several groups of processors */
        count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? count : 1;
}

uint64_t exciton_processor_cache(void)
{
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION *list = NULL;
    DWORD bytes = 0;
    uint64_t most = 0;
    (void)GetLogicalProcessorInformation(NULL, &bytes);
    if (bytes == 0 || (list = malloc(bytes)) == NULL)
        return 0;
    if (GetLogicalProcessorInformation(list, &bytes))
        for (size_t i = 0; i < bytes / sizeof *list; i++)
            if (list[i].Relationship == RelationCache && list[i].Cache.Size > most)
                most = list[i].Cache.Size;
    free(list);
    return most;
}

bool exciton_processor_name(char *name, size_t size)
{
    name[0] = 0;
#if defined(__x86_64__) || defined(__i386__)
    unsigned words[12];
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]))
            return false;
    char text[sizeof words + 1] = "";
    memcpy(text, words, sizeof words);
    size_t first = strspn(text, " "), length = strlen(text);
    while (length > first && text[length - 1] == ' ')
        text[--length] = 0;
    (void)snprintf(name, size, "%s", text + first);
#else
    (void)size;
#endif
    return name[0] != 0;
}

/* ---- Process ---- */

uint64_t exciton_process(void) { return 0; } /* nothing forks */

/* A program run as administrator has its user's environment, but the system doesn't take those two for strangers; the
 * loaders of OpenCL and Vulkan ignore theirs then by themselves. */
bool exciton_is_privileged(void) { return false; }

/* ---- Dynamic loading ---- */

static bool is_absolute(const char *name) { return name[0] == '\\' || name[0] == '/' || (name[0] != 0 && name[1] == ':'); }

void *exciton_library_open(const char *name, char *why, size_t size)
{
    wchar_t wide[EXCITON_PATH];
    HMODULE library = NULL;
    if (size > 0)
        why[0] = 0;
    if (exciton_to_wide(name, wide)) {
        DWORD flags = LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | (is_absolute(name) ? LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR : 0);
        library = LoadLibraryExW(wide, NULL, flags);
    } else {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
    }
    if (library == NULL && size > 0) {
        int length = snprintf(why, size, "%s: ", name);
        if (length > 0 && (size_t)length < size)
            exciton_system_text(GetLastError(), why + length, size - (size_t)length);
    }
    return (void *)library;
}

void (*exciton_library_symbol(void *library, const char *name))(void)
{
    union { FARPROC symbol; void (*function)(void); } symbol = {.symbol = GetProcAddress((HMODULE)library, name)};
    return symbol.function;
}

/* Loaders and drivers keep threads and state of their own: once loaded they stay. */
void exciton_library_close(void *library) { (void)library; }

/* ---- For the command ---- */

bool exciton_user_cache(char *path, size_t size)
{
    wchar_t wide[EXCITON_PATH];
    DWORD length = GetEnvironmentVariableW(L"LOCALAPPDATA", wide, EXCITON_PATH);
    if (length == 0 || length >= EXCITON_PATH || size > INT32_MAX)
        return false;
    return WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, (int)size, NULL, NULL) > 0;
}

/* Consoles before Windows 10 don't know the sequences. */
bool exciton_stderr_is_terminal(void)
{
    HANDLE console = GetStdHandle(STD_ERROR_HANDLE);
    DWORD mode = 0;
    return GetConsoleMode(console, &mode) && SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

/* The C library keeps the numbers of standard files that are absent by itself. What is left: what is printed is the same
 * bytes as elsewhere, lines end in a line feed. */
void exciton_hold_standard_files(void)
{
    (void)_setmode(1, _O_BINARY);
    (void)_setmode(2, _O_BINARY);
}
