/* Threads that share out the work of a step.
 *
 * A run is published as one word: its number and how many shares it has. Share i belongs to worker i - 1 (0 to the
 * caller), so that a range of x is squeezed and scaled by the same processor; but whoever sets claimed[i] to the run's
 * number does it, and a caller that is done takes the shares of workers that haven't begun. A worker that sleeps, or has
 * lost its processor, delays nobody.
 *
 * `work` and `argument` are plain: they are written after every share of the run before was counted in `done`, and read by
 * those only who hold a share of the present run, which can't end meanwhile. */
#include "backends/host/host.h"
#include "base/os.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#  include <xmmintrin.h>
#endif

#define SPIN_NANOSECONDS 40000 /* a worker's wait for the next run before it sleeps */
#define SPINS_BEFORE_YIELD 4096 /* the caller's wait for a share that somebody began */
#define MAX_THREADS 1024
#define SHARE_BITS 16
#define STOP UINT64_MAX

typedef struct worker {
    _Alignas(64) _Atomic uint64_t claimed; /* number of the last run whose share of this index was taken */
    exciton_host_pool *pool;
    uint32_t share;
    exciton_thread thread;
} worker;

struct exciton_host_pool {
    const exciton_env *env;
    worker *workers; /* [0] is the caller's, without a thread */
    uint32_t threads;
    uint64_t process;
    exciton_mutex mutex;
    exciton_cond wake;
    exciton_host_work work;
    void *argument;
    uint64_t number;
    _Alignas(64) _Atomic uint64_t run; /* number << SHARE_BITS | shares */
    _Alignas(64) _Atomic uint32_t done;
    _Alignas(64) _Atomic uint32_t sleepers;
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static void try_share(exciton_host_pool *pool, uint64_t run, uint32_t share)
{
    _Atomic uint64_t *claimed = &pool->workers[share].claimed;
    uint64_t number = run >> SHARE_BITS;
    uint64_t last = atomic_load_explicit(claimed, memory_order_relaxed);
    /* A worker that comes late, for a run that is over, finds its number or a later one. */
    if (last >= number || !atomic_compare_exchange_strong(claimed, &last, number))
        return;
    pool->work(pool->argument, share);
    atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
}

/* Whether the run is still at work. A worker must not fall asleep then: the next step follows at once, and a worker that
 * came late to one step would be late to each. */
static bool is_under_way(exciton_host_pool *pool, uint64_t run)
{
    return run != 0 && atomic_load_explicit(&pool->done, memory_order_relaxed) < (run & ((1u << SHARE_BITS) - 1));
}

static uint64_t await_run(exciton_host_pool *pool, uint64_t last)
{
    uint64_t deadline = exciton_clock() + SPIN_NANOSECONDS;
    for (uint32_t spins = 1;; spins++) {
        uint64_t run = atomic_load_explicit(&pool->run, memory_order_acquire);
        if (run != last)
            return run;
        if (spins % 64 == 0) {
            uint64_t now = exciton_clock();
            if (is_under_way(pool, last))
                deadline = now + SPIN_NANOSECONDS;
            else if (now > deadline)
                break;
        }
        relax();
    }
    /* The order here and in publish() is what keeps a wake from being lost: the sleeper is counted before it looks
     * again, the run is there before the sleepers are counted. */
    exciton_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    uint64_t run;
    while ((run = atomic_load(&pool->run)) == last)
        exciton_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    exciton_mutex_unlock(&pool->mutex);
    return run;
}

static void *worker_main(void *argument)
{
    worker *self = argument;
    exciton_host_pool *pool = self->pool;
    (void)exciton_host_enter_arithmetic(); /* what the starting thread had set was inherited */
    for (uint64_t run = 0; (run = await_run(pool, run)) != STOP;)
        if (self->share < (run & ((1u << SHARE_BITS) - 1)))
            try_share(pool, run, self->share);
    return NULL;
}

static void publish(exciton_host_pool *pool, uint64_t run)
{
    atomic_store(&pool->run, run);
    if (atomic_load(&pool->sleepers) == 0)
        return;
    exciton_mutex_lock(&pool->mutex);
    exciton_cond_broadcast(&pool->wake);
    exciton_mutex_unlock(&pool->mutex);
}

void exciton_host_pool_run(exciton_host_pool *pool, exciton_host_work work, void *argument, uint32_t shares)
{
    pool->work = work;
    pool->argument = argument;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    uint64_t run = ++pool->number << SHARE_BITS | shares;
    publish(pool, run);
    for (uint32_t share = 0; share < shares; share++)
        try_share(pool, run, share);
    for (uint32_t spins = 1; atomic_load_explicit(&pool->done, memory_order_acquire) != shares; spins++) {
        if (spins % SPINS_BEFORE_YIELD == 0)
            exciton_yield();
        else
            relax();
    }
}

exciton_status exciton_host_pool_create(const exciton_env *env, uint32_t threads, exciton_host_pool **pool)
{
    *pool = NULL;
    uint32_t wanted = threads != 0 ? threads : exciton_processors();
    wanted = wanted < MAX_THREADS ? wanted : MAX_THREADS;
    exciton_host_pool *made = exciton_allocate(env, sizeof *made);
    worker *workers = exciton_allocate_array(env, wanted, sizeof *workers);
    if (made == NULL || workers == NULL)
        goto failed;
    if (!exciton_mutex_init(&made->mutex))
        goto failed;
    if (!exciton_cond_init(&made->wake)) {
        exciton_mutex_destroy(&made->mutex);
        goto failed;
    }
    made->env = env;
    made->workers = workers;
    made->process = exciton_process();
    for (made->threads = 1; made->threads < wanted; made->threads++) {
        worker *next = &workers[made->threads];
        next->pool = made;
        next->share = made->threads;
        if (!exciton_thread_start(&next->thread, worker_main, next)) {
            exciton_log(env, EXCITON_LOG_WARNING, "host: %u of %u threads could be started", (unsigned)made->threads,
                        (unsigned)wanted);
            break;
        }
    }
    *pool = made;
    return EXCITON_OK;
failed:
    exciton_release(env, workers);
    exciton_release(env, made);
    return exciton_fail(EXCITON_ERROR_MEMORY, "device: host: out of memory or locks");
}

void exciton_host_pool_destroy(exciton_host_pool *pool)
{
    if (pool == NULL)
        return;
    if (exciton_host_pool_alive(pool)) {
        publish(pool, STOP);
        for (uint32_t i = 1; i < pool->threads; i++)
            exciton_thread_join(pool->workers[i].thread);
        exciton_cond_destroy(&pool->wake);
        exciton_mutex_destroy(&pool->mutex);
    }
    exciton_release(pool->env, pool->workers);
    exciton_release(pool->env, pool);
}

uint32_t exciton_host_pool_threads(const exciton_host_pool *pool) { return pool->threads; }
bool exciton_host_pool_alive(const exciton_host_pool *pool) { return pool->process == exciton_process(); }

/* ---- The processor's floating-point mode ---- */

#if defined(__x86_64__)
#define DEFAULT_MODE 0x1f80u /* nearest, subnormals kept, exceptions masked */
uint64_t exciton_host_enter_arithmetic(void)
{
    uint32_t before = _mm_getcsr();
    _mm_setcsr(DEFAULT_MODE);
    return before;
}
void exciton_host_leave_arithmetic(uint64_t before) { _mm_setcsr((uint32_t)before); }
#elif defined(__aarch64__)
uint64_t exciton_host_enter_arithmetic(void)
{
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(0)));
    return before;
}
void exciton_host_leave_arithmetic(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
uint64_t exciton_host_enter_arithmetic(void) { return 0; }
void exciton_host_leave_arithmetic(uint64_t before) { (void)before; }
#endif
