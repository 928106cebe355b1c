/* What the time loops share: how their arguments come, and what is worked on.
 *
 * Above this text stand the generated parts: `real`, LANES, the numbers of variables
 * (STATES, FORCINGS, PARAMETERS, OUTPUTS), in how many runs states and parameters come
 * (STATE_RUNS, PARAMETER_RUNS) and of what length (STATE_RUN(r), PARAMETER_RUN(r)),
 * OUTPUT_STATE (which state an output is, or -1), and the functions advance(), record()
 * and, for training, adjoint(), each one step of LANES independent cells. A cell is one
 * member at one location.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <xmmintrin.h> /* a tenth of immintrin.h to read */
#endif

_Static_assert(LANES >= 1 && LANES <= 128 && (LANES & (LANES - 1)) == 0,
               "total() adds up lanes of a power of two, up to 128");

/* A strided array (time, location, member); a stride of 0 repeats the value. A run of
 * several states or parameters is one array, with a stride from entry to entry. */
typedef struct {
    real *data;
    int64_t time, location, member, entry;
} View;

typedef struct {
    int64_t steps, warmup, locations, members, interval, average;
    real *checkpoints;
    View state[STATE_RUNS], forcing[FORCINGS], parameter[PARAMETER_RUNS];
    View final[STATE_RUNS], output[OUTPUTS];
    View d_final[STATE_RUNS], d_output[OUTPUTS];
    View g_state[STATE_RUNS], g_forcing[FORCINGS], g_parameter[PARAMETER_RUNS];
} Scan;

/* What whoever fills in a Scan takes for its size, in numbers of 64 bits. */
int64_t scan_words(void)
{
    return sizeof(Scan) / sizeof(int64_t);
}

/* All runs r in order; k is the first of the entries of each. */
#define FOR_RUNS(kind, r, k)                                                            \
    for (int r = 0, k = 0; r < kind##_RUNS; k += kind##_RUN(r), r++)

#define FOR_ROW(i) _Pragma("omp simd") for (int i = 0; i < ROW; i++)

#define FOR_LANES(i) _Pragma("omp simd") for (int i = 0; i < LANES; i++)

#define FOLD(width)                                                                     \
    if (HALF > width) {                                                                 \
        _Pragma("omp simd") for (int i = 0; i < width; i++) part[i] += part[i + width]; \
    }

/* Pairwise, in an order that does not depend on the machine's vector width. Written out,
 * so that every width is a constant and all of it stays in registers. */
static inline real total(const real *restrict x)
{
    enum { HALF = LANES > 1 ? LANES / 2 : 1 };
    real part[HALF];
#pragma omp simd
    for (int i = 0; i < HALF; i++) part[i] = LANES > 1 ? x[i] + x[i + LANES / 2] : x[i];
    FOLD(32)
    FOLD(16)
    FOLD(8)
    FOLD(4)
    FOLD(2)
    FOLD(1)
    return part[0];
}

/* Flush denormal numbers: they are of no size and cost a hundred cycles each. */
static unsigned quiet(void)
{
#if defined(__SSE2__)
    const unsigned old = _mm_getcsr();
    _mm_setcsr(old | 0x8040);
    return old;
#else
    return 0;
#endif
}

static void restore(unsigned old)
{
#if defined(__SSE2__)
    _mm_setcsr(old);
#else
    (void)old;
#endif
}

/* Numbers made of parameters once, which follow them. */
#ifndef HOISTED
#define HOISTED 0
#endif

typedef struct {
    _Alignas(64) real state[STATES * ROW];
    _Alignas(64) real forcing[FORCINGS * ROW + ROW];
    _Alignas(64) real parameter[(PARAMETERS + HOISTED) * ROW + ROW];
    _Alignas(64) real output[OUTPUTS * ROW + ROW];
    _Alignas(64) real probe[ROW]; /* NaN once an input was not finite */
} Work;

/* Bytes of what is worked on that the stack of a thread is asked for; it may be small.
 * What is more comes from the heap. */
#ifndef STACK_BYTES
#define STACK_BYTES (1 << 17)
#endif

/* What is returned where there is no memory for it. */
#define NO_MEMORY 2

/* A pointer of this name to a new thing of a type, NULL where there is no memory. In
 * place where it is small, for which compilers make better code. */
#define WORKED_ON(type, name)                                                           \
    type name##_in_place[sizeof(type) <= STACK_BYTES];                                  \
    type *const name = sizeof(type) <= STACK_BYTES ? name##_in_place                    \
                                                   : aligned_alloc(64, sizeof(type))
#define DONE_WITH(name)                                                                 \
    if (sizeof *name > STACK_BYTES) free(name)

/* Note what is not finite in rows of cells, all at once: a sum in registers. Not 0 * x,
 * which compilers take for 0 where signs of zero do not matter. */
static inline void probe(Work *w, const real *restrict x, int rows)
{
#if LANES == 1
    /* Many sums, lest each addition wait for the one before it. */
    enum { SUMS = 32 };
    real sum = w->probe[0];
    int k = 0;
    if (rows >= SUMS) {
        real part[SUMS] = {0};
        for (; k + SUMS <= rows; k += SUMS)
#pragma omp simd
            for (int j = 0; j < SUMS; j++) part[j] += x[k + j] - x[k + j];
#pragma omp simd
        for (int j = 0; j < SUMS / 2; j++) part[j] += part[j + SUMS / 2];
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < SUMS / 2; j++) sum += part[j];
    }
    for (; k < rows; k++) sum += x[k] - x[k];
    w->probe[0] = sum;
#else
    FOR_ROW(i) {
        real sum = w->probe[i];
        for (int k = 0; k < rows; k++) sum += x[k * ROW + i] - x[k * ROW + i];
        w->probe[i] = sum;
    }
#endif
}
