/* The time loop around a generated step: forward, and backward with checkpoints.
 *
 * Above this text stand the generated parts: `real`, LANES, the numbers of variables
 * (STATES, FORCINGS, PARAMETERS, OUTPUTS), in how many runs states and parameters come
 * (STATE_RUNS, PARAMETER_RUNS) and of what length (STATE_RUN(r), PARAMETER_RUN(r)),
 * OUTPUT_STATE (which state an output is, or -1), and the functions advance(), record()
 * and, for training, adjoint(), each one step of LANES independent cells.
 *
 * A cell is one member at one location. Cells are numbered location-major; a group is
 * the smallest number of whole locations that fills complete chunks of LANES cells. A
 * group is worked on by one thread from start to end, so that results do not depend on
 * the number of threads. The spare lanes of the last chunk repeat its last cell and are
 * never written back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

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

typedef struct {
    int64_t location[LANES], member[LANES];
    int count;    /* cells that are not repetitions */
    int together; /* a full chunk of one location */
    int line;     /* a full chunk of one member at successive locations */
    int64_t index;
} Chunk;

/* All entries k of the runs r in order, e counting within the run. */
#define FOR_RUNS(kind, r, e, k)                                                         \
    for (int r = 0, k = 0; r < kind##_RUNS; r++)                                        \
        for (int e = 0; e < kind##_RUN(r); e++, k++)

#define FOR_LANES(i) _Pragma("omp simd") for (int i = 0; i < LANES; i++)

static inline void load(real *restrict x, const View *v, int64_t t, const Chunk *c)
{
    const real *p = v->data + t * v->time;
    if (c->together || c->line) {
        const int64_t stride = c->together ? v->member : v->location;
        p += c->location[0] * v->location + c->member[0] * v->member;
        if (stride == 1)
            FOR_LANES(i) x[i] = p[i];
        else if (stride == 0)
            FOR_LANES(i) x[i] = *p;
        else
            FOR_LANES(i) x[i] = p[i * stride];
    } else
        FOR_LANES(i) x[i] = p[c->location[i] * v->location + c->member[i] * v->member];
}

static inline View entry(const View *run, int e)
{
    View v = *run;
    v.data += e * v.entry;
    return v;
}

/* Pairwise, in an order that does not depend on the machine's vector width. Unrolled, so
 * that every width is a constant and all of it stays in registers. */
static inline real total(const real *restrict x)
{
    real part[LANES];
    memcpy(part, x, sizeof part);
#pragma GCC unroll 8
    for (int width = LANES / 2; width > 0; width /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < width; i++) part[i] += part[i + width];
    return part[0];
}

/* v[t] += scale * x, summed where the view repeats. */
static inline void add(const View *v, int64_t t, const real *restrict x, real scale,
                       const Chunk *c)
{
    real *p = v->data + t * v->time;
    if (c->together || c->line) {
        const int64_t stride = c->together ? v->member : v->location;
        p += c->location[0] * v->location + c->member[0] * v->member;
        if (stride == 1)
            FOR_LANES(i) p[i] += scale * x[i];
        else if (stride == 0)
            *p += scale * total(x);
        else
            FOR_LANES(i) p[i * stride] += scale * x[i];
    } else
        for (int i = 0; i < c->count; i++)
            p[c->location[i] * v->location + c->member[i] * v->member] += scale * x[i];
}

static inline void store(const View *v, int64_t t, const real *restrict x, const Chunk *c)
{
    real *p = v->data + t * v->time;
    if (c->together || c->line) {
        const int64_t stride = c->together ? v->member : v->location;
        p += c->location[0] * v->location + c->member[0] * v->member;
        if (stride == 1)
            FOR_LANES(i) p[i] = x[i];
        else
            FOR_LANES(i) p[i * stride] = x[i];
    } else
        for (int i = 0; i < c->count; i++)
            p[c->location[i] * v->location + c->member[i] * v->member] = x[i];
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* Chunks in a group. */
static int64_t group_chunks(const Scan *s)
{
    return s->members / common_divisor(s->members, LANES);
}

int64_t groups(const Scan *s)
{
    const int64_t cells = s->locations * s->members;
    const int64_t size = group_chunks(s) * LANES;
    return (cells + size - 1) / size;
}

int64_t chunks(const Scan *s)
{
    return groups(s) * group_chunks(s);
}

/* Describe a chunk; return 0 when there is no such chunk. */
static inline int describe(Chunk *c, const Scan *s, int64_t index)
{
    const int64_t first = index * LANES;
    const int64_t cells = s->locations * s->members;
    if (first >= cells) return 0;
    c->index = index;
    c->count = cells - first < LANES ? (int)(cells - first) : LANES;
    c->location[0] = first / s->members;
    c->member[0] = first - c->location[0] * s->members;
    c->together = c->member[0] + LANES <= s->members;
    c->line = c->count == LANES && s->members == 1;
    /* Full chunks need their first cell only. */
    if (!c->together && !c->line)
        for (int i = 1; i < LANES; i++) {
            const int64_t cell = first + (i < c->count ? i : c->count - 1);
            c->location[i] = cell / s->members;
            c->member[i] = cell % s->members;
        }
    return 1;
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

typedef struct {
    _Alignas(64) real state[STATES * LANES];
    _Alignas(64) real forcing[FORCINGS * LANES];
    _Alignas(64) real parameter[PARAMETERS * LANES + LANES];
    _Alignas(64) real output[OUTPUTS * LANES + LANES];
    _Alignas(64) real probe[LANES]; /* NaN once an input was not finite */
} Work;

/* Note what is not finite in rows of cells, all at once: a sum in registers. Not 0 * x,
 * which compilers take for 0 where signs of zero do not matter. */
static inline void probe(Work *w, const real *restrict x, int rows)
{
    FOR_LANES(i) {
        real sum = w->probe[i];
        for (int k = 0; k < rows; k++) sum += x[k * LANES + i] - x[k * LANES + i];
        w->probe[i] = sum;
    }
}

static inline void load_fixed(Work *w, const Scan *s, const Chunk *c)
{
    memset(w->parameter, 0, sizeof w->parameter);
    FOR_RUNS(PARAMETER, r, e, k)
        if (s->parameter[r].time == 0) {
            const View v = entry(&s->parameter[r], e);
            load(w->parameter + k * LANES, &v, 0, c);
        }
    probe(w, w->parameter, PARAMETERS);
}

/* Ask for what is needed some steps later. The rows of a series with members lie in
 * different pages, and a processor does not look there by itself. */
static inline void ask(const View *v, int64_t t, const Scan *s, const Chunk *c)
{
    if (t >= 0 && t < s->steps)
        __builtin_prefetch(v->data + t * v->time + c->location[0] * v->location +
                           c->member[0] * v->member);
}

#define AHEAD 8

/* `ahead` is the number of steps, AHEAD or its negative, to the row to ask for. */
static inline void load_row(Work *w, const Scan *s, int64_t t, int ahead, const Chunk *c)
{
    for (int k = 0; k < FORCINGS; k++)
        load(w->forcing + k * LANES, &s->forcing[k], t, c);
    probe(w, w->forcing, FORCINGS);
    FOR_RUNS(PARAMETER, r, e, k)
        if (s->parameter[r].time != 0) {
            const View v = entry(&s->parameter[r], e);
            ask(&v, t + ahead, s, c);
            load(w->parameter + k * LANES, &v, t, c);
            probe(w, w->parameter + k * LANES, 1);
        }
}

/* Returns whether an input or the last state was not finite: a choice may hide it. */
static int forward_chunk(const Scan *s, const Chunk *c)
{
    Work w;
    memset(w.probe, 0, sizeof w.probe);
    const int64_t recorded = s->steps - s->warmup;
    const int64_t kept = (recorded + s->interval - 1) / s->interval;
    real *checkpoint =
        s->checkpoints ? s->checkpoints + c->index * kept * STATES * LANES : NULL;
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    load_fixed(&w, s, c);
    FOR_RUNS(STATE, r, e, k)
    {
        const View v = entry(&s->state[r], e);
        load(w.state + k * LANES, &v, 0, c);
    }
    probe(&w, w.state, STATES);
    for (int64_t t = 0; t < s->warmup; t++) {
        load_row(&w, s, t, AHEAD, c);
        advance(w.state, w.forcing, w.parameter, w.state);
    }
    for (int64_t t = 0; t < recorded; t++) {
        if (checkpoint && t % s->interval == 0) {
            memcpy(checkpoint, w.state, sizeof w.state);
            checkpoint += STATES * LANES;
        }
        load_row(&w, s, t + s->warmup, AHEAD, c);
        record(w.state, w.forcing, w.parameter, w.output);
        for (int k = 0; k < OUTPUTS; k++)
            if (s->average)
                add(&s->output[k], t, w.output + k * LANES, share, c);
            else
                store(&s->output[k], t, w.output + k * LANES, c);
    }
    FOR_RUNS(STATE, r, e, k)
    {
        const View v = entry(&s->final[r], e);
        store(&v, 0, w.state + k * LANES, c);
    }
    probe(&w, w.state, STATES);
    return total(w.probe) != 0; /* 0 or NaN */
}

/* Returns what forward_chunk() does, for all of these groups. */
int forward(const Scan *s, int64_t first, int64_t last)
{
    const unsigned mode = quiet();
    int bad = 0;
    const int64_t per_group = group_chunks(s);
    Chunk c;
    for (int64_t k = first * per_group; k < last * per_group && describe(&c, s, k); k++)
        bad |= forward_chunk(s, &c);
    restore(mode);
    return bad;
}

/* One step of all locations, for operation; averages are made anew each time. */
int step(const Scan *s)
{
    for (int k = 0; k < OUTPUTS; k++)
        for (int64_t i = 0; i < s->locations; i++)
            s->output[k].data[i * s->output[k].location] = 0;
    return forward(s, 0, groups(s));
}

#ifdef ADJOINT
static void backward_chunk(const Scan *s, const Chunk *c, real *history)
{
    Work w; /* its probe is not read here */
    _Alignas(64) real d_state[STATES * LANES];
    _Alignas(64) real d_output[OUTPUTS * LANES + LANES];
    _Alignas(64) real g_forcing[FORCINGS * LANES];
    _Alignas(64) real g_parameter[PARAMETERS * LANES + LANES];
    const int64_t recorded = s->steps - s->warmup;
    const int64_t kept = (recorded + s->interval - 1) / s->interval;
    const real *checkpoints = s->checkpoints + c->index * kept * STATES * LANES;
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    memset(w.probe, 0, sizeof w.probe);
    memset(g_parameter, 0, sizeof g_parameter);
    load_fixed(&w, s, c);
    FOR_RUNS(STATE, r, e, k)
    {
        const View v = entry(&s->d_final[r], e);
        load(d_state + k * LANES, &v, 0, c);
    }
    for (int64_t segment = kept - 1; segment >= 0; segment--) {
        const int64_t start = segment * s->interval;
        const int64_t stop =
            start + s->interval < recorded ? start + s->interval : recorded;
        memcpy(history, checkpoints + segment * STATES * LANES, sizeof w.state);
        for (int64_t t = start; t < stop - 1; t++) {
            real *at = history + (t - start) * STATES * LANES;
            load_row(&w, s, t + s->warmup, AHEAD, c);
            advance(at, w.forcing, w.parameter, at + STATES * LANES);
        }
        for (int64_t t = stop - 1; t >= start; t--) {
            load_row(&w, s, t + s->warmup, -AHEAD, c);
            for (int k = 0; k < OUTPUTS; k++) {
                real *d = d_output + k * LANES;
                load(d, &s->d_output[k], t, c);
                FOR_LANES(i) d[i] *= share;
                if (OUTPUT_STATE[k] >= 0)
                    FOR_LANES(i) d_state[OUTPUT_STATE[k] * LANES + i] += d[i];
            }
            FOR_RUNS(PARAMETER, r, e, k)
                if (s->parameter[r].time != 0) {
                    const View v = entry(&s->g_parameter[r], e);
                    ask(&v, t + s->warmup - AHEAD, s, c);
                    memset(g_parameter + k * LANES, 0, LANES * sizeof(real));
                }
            adjoint(history + (t - start) * STATES * LANES, w.forcing, w.parameter,
                    d_output, d_state, g_forcing, g_parameter);
            FOR_RUNS(PARAMETER, r, e, k)
                if (s->parameter[r].time != 0) {
                    const View v = entry(&s->g_parameter[r], e);
                    add(&v, t + s->warmup, g_parameter + k * LANES, 1, c);
                }
            if (FORCING_GRADIENT)
                for (int k = 0; k < FORCINGS; k++)
                    add(&s->g_forcing[k], t + s->warmup, g_forcing + k * LANES, 1, c);
        }
    }
    FOR_RUNS(PARAMETER, r, e, k)
        if (s->parameter[r].time == 0) {
            const View v = entry(&s->g_parameter[r], e);
            add(&v, 0, g_parameter + k * LANES, 1, c);
        }
    if (s->warmup == 0)
        FOR_RUNS(STATE, r, e, k)
        {
            const View v = entry(&s->g_state[r], e);
            store(&v, 0, d_state + k * LANES, c);
        }
}

/* Returns 1 when there is no memory for the history of one segment. */
int backward(const Scan *s, int64_t first, int64_t last)
{
    const size_t size = (size_t)s->interval * STATES * LANES * sizeof(real);
    real *history = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
    if (!history) return 1;
    const unsigned mode = quiet();
    const int64_t per_group = group_chunks(s);
    Chunk c;
    for (int64_t k = first * per_group; k < last * per_group && describe(&c, s, k); k++)
        backward_chunk(s, &c, history);
    restore(mode);
    free(history);
    return 0;
}
#endif
