/* What the operating system gives: threads, clock, memory, dynamic loading, environment, files. Nowhere else.
 * Paths and other text are UTF-8 on Windows, the system's bytes elsewhere. */
#ifndef EXCITON_BASE_OS_H
#define EXCITON_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) /* windows.h stays out: each of these is one pointer there */
typedef struct exciton_mutex { void *lock; } exciton_mutex;
typedef struct exciton_cond { void *condition; } exciton_cond;
typedef void *exciton_thread;
#else
#  include <pthread.h>
typedef pthread_mutex_t exciton_mutex;
typedef pthread_cond_t exciton_cond;
typedef pthread_t exciton_thread;
#endif

/* Creation returns false when the system is out of something. Locking an initialised mutex can't fail. */
bool exciton_mutex_init(exciton_mutex *mutex);
void exciton_mutex_destroy(exciton_mutex *mutex);
void exciton_mutex_lock(exciton_mutex *mutex);
void exciton_mutex_unlock(exciton_mutex *mutex);
bool exciton_cond_init(exciton_cond *cond);
void exciton_cond_destroy(exciton_cond *cond);
void exciton_cond_broadcast(exciton_cond *cond);
void exciton_cond_wait(exciton_cond *cond, exciton_mutex *mutex);
/* Until the clock shows `deadline`; false when it ended by that. */
bool exciton_cond_wait_until(exciton_cond *cond, exciton_mutex *mutex, uint64_t deadline);
bool exciton_thread_start(exciton_thread *thread, void *(*entry)(void *), void *argument);
void exciton_thread_join(exciton_thread thread);

/* `alignment` is a power of two; NULL where there is no memory. Large pages for large sizes, where the system gives them. What it gave goes to exciton_aligned_release alone. */
void *exciton_aligned_allocate(size_t size, size_t alignment);
void exciton_aligned_release(void *memory);

/* Monotonic, nanoseconds. */
uint64_t exciton_clock(void);
void exciton_sleep(uint64_t nanoseconds);
/* Lets another thread have the processor. */
void exciton_yield(void);

/* Processors that this process may run on, at least 1. */
uint32_t exciton_processors(void);
uint64_t exciton_processor_cache(void); /* bytes of the largest cache; 0: unknown */
/* The processor's model; false and an empty `name` (of `size` > 0 bytes) where the system doesn't tell. */
bool exciton_processor_name(char *name, size_t size);

/* A number that changes in a forked child. Cheap: no system call after the first. */
uint64_t exciton_process(void);

/* True where AT_SECURE is set (set-uid and the like). Windows has no such processes. */
bool exciton_is_privileged(void);

/* A loaded library, or NULL and a line in `why` (of `size` bytes). On Windows only the system's folder and the program's
 * are searched, never the current one or PATH. */
void *exciton_library_open(const char *name, char *why, size_t size);
void (*exciton_library_symbol(void *library, const char *name))(void);
void exciton_library_close(void *library);

/* A file of a folder that is the user's alone. Copies it where it has at most `capacity` bytes; returns its bytes, 0 for
 * none. `why` (of `size` bytes) stays as it is where nothing is wrong. */
size_t exciton_private_load(const char *directory, const char *name, void *data, size_t capacity, char *why, size_t size);
/* Replaces the file as a whole; makes the folder. */
bool exciton_private_save(const char *directory, const char *name, const void *data, size_t bytes, char *why, size_t size);

/* ---- For the command ---- */

/* The folder in which the user's programs keep what they can make again; made where it is absent. False: there is none. */
bool exciton_user_cache(char *path, size_t size);
/* Whether a person reads stderr; what moves a terminal's cursor works then. */
bool exciton_stderr_is_terminal(void);
/* A file opened for writing must never get the number of a closed stdout. Reading what is for writing fails. */
void exciton_hold_standard_files(void);

#endif
