/* Threads that share out the work of a step.
 *
 * A run is published as one word: its number and how many shares it has. Share i belongs to worker i - 1 (0 to the
 * caller), so that a range of x is squeezed and scaled by the same processor; but whoever sets claimed[i] to the run's
 * number does it, and a caller that is done takes the shares of workers that haven't begun. A worker that sleeps, or has
 * lost its processor, delays nobody.
 *
 * Who has nothing to do spins for env->host_spin nanoseconds and then sleeps: workers after a submission, the caller while
 * others end their shares. Workers don't sleep while the caller is within a submission.
 *
 * `work` and `argument` are plain: they are written after every share of the run before was counted in `done`, and read by
 * those only who hold a share of the present run, which can't end meanwhile. */
#include "backends/host/host.h"
#include "base/os.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#  include <xmmintrin.h>
#endif

#define DEFAULT_SPIN 40000      /* nanoseconds */
#define SPINS_A_LOOK 64         /* at the clock */
#define SPINS_BEFORE_YIELD 4096 /* the caller's, who may wait for a worker that has lost its processor to it */
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
    exciton_cond wake;     /* a run was published */
    exciton_cond finished; /* a run is done, and its caller sleeps */
    uint64_t spin;
    exciton_host_work work;
    void *argument;
    uint64_t number;
    _Alignas(64) _Atomic uint64_t run; /* number << SHARE_BITS | shares */
    _Alignas(64) _Atomic uint32_t done;
    _Alignas(64) _Atomic uint32_t sleepers;
    _Atomic bool caller_sleeps;
    _Alignas(64) _Atomic bool submitting;
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
    uint32_t shares = run & ((1u << SHARE_BITS) - 1);
    /* As with `sleepers`: the caller says that it sleeps before it looks again, the share is counted before that is read. */
    if (atomic_fetch_add(&pool->done, 1) + 1 == shares && atomic_load(&pool->caller_sleeps)) {
        exciton_mutex_lock(&pool->mutex);
        exciton_cond_broadcast(&pool->finished);
        exciton_mutex_unlock(&pool->mutex);
    }
}

static uint64_t spin_until(const exciton_host_pool *pool)
{
    uint64_t now = exciton_clock();
    return pool->spin < UINT64_MAX - now ? now + pool->spin : UINT64_MAX;
}

static uint64_t await_run(exciton_host_pool *pool, uint64_t last)
{
    uint64_t deadline = spin_until(pool);
    for (uint32_t spins = 1;; spins++) {
        uint64_t run = atomic_load_explicit(&pool->run, memory_order_acquire);
        if (run != last)
            return run;
        if (spins % SPINS_A_LOOK == 0) {
            /* Asleep now, a worker would be late for the next step, and one that is late for one is late for each. */
            if (atomic_load_explicit(&pool->submitting, memory_order_relaxed))
                deadline = spin_until(pool);
            else if (exciton_clock() >= deadline)
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

/* The caller's wait for the shares that workers have begun. */
static void await_shares(exciton_host_pool *pool, uint32_t shares)
{
    uint64_t deadline = 0;
    for (uint32_t spins = 1; atomic_load_explicit(&pool->done, memory_order_acquire) != shares; spins++) {
        relax();
        if (spins % SPINS_BEFORE_YIELD == 0)
            exciton_yield();
        if (spins % SPINS_A_LOOK != 0)
            continue;
        if (deadline == 0)
            deadline = spin_until(pool);
        else if (exciton_clock() >= deadline)
            break;
    }
    if (atomic_load_explicit(&pool->done, memory_order_acquire) == shares)
        return;
    exciton_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->done) != shares)
        exciton_cond_wait(&pool->finished, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    exciton_mutex_unlock(&pool->mutex);
}

void exciton_host_pool_begin(exciton_host_pool *pool) { atomic_store_explicit(&pool->submitting, true, memory_order_relaxed); }
void exciton_host_pool_end(exciton_host_pool *pool) { atomic_store_explicit(&pool->submitting, false, memory_order_relaxed); }

void exciton_host_pool_run(exciton_host_pool *pool, exciton_host_work work, void *argument, uint32_t shares)
{
    pool->work = work;
    pool->argument = argument;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    uint64_t run = ++pool->number << SHARE_BITS | shares;
    publish(pool, run);
    for (uint32_t share = 0; share < shares; share++)
        try_share(pool, run, share);
    await_shares(pool, shares);
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
    if (!exciton_cond_init(&made->wake))
        goto no_wake;
    if (!exciton_cond_init(&made->finished))
        goto no_finished;
    made->env = env;
    made->spin = env->host_spin != 0 ? env->host_spin : DEFAULT_SPIN;
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
no_finished:
    exciton_cond_destroy(&made->wake);
no_wake:
    exciton_mutex_destroy(&made->mutex);
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
        exciton_cond_destroy(&pool->finished);
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
