/* The time loop around a generated step: forward, and backward with checkpoints. */


#define FOR_ABREAST(a) for (int a = 0; a < ABREAST; a++)

/* Where the lanes of a chunk begin in a row. */
#define OF(a) ((a) * LANES)

/* Those that change with time are read later; until then they are probed as zeros. */
static inline void load_fixed(Work *w, const Scan *s, const Chunk *c)
{
    FOR_RUNS(PARAMETER, r, k)
    {
        const int length = PARAMETER_RUN(r);
        real *x = w->parameter + k * ROW;
        if (s->parameter[r].time == 0)
            FOR_ABREAST(a) load_run(x + OF(a), &s->parameter[r], length, 0, c + a);
        else
            memset(x, 0, length * ROW * sizeof(real));
    }
    probe(w, w->parameter, PARAMETERS);
}

/* Ask for what is needed some steps later. The rows of a series with members lie in
 * different pages, and a processor does not look there by itself. */
static inline void ask(const View *run, int length, int64_t t, const Scan *s,
                       const Chunk *c)
{
    if (t >= 0 && t < s->steps)
        for (int e = 0; e < length; e++)
            FOR_ABREAST(a)
                __builtin_prefetch(run->data + e * run->entry + t * run->time +
                                   c[a].location[0] * run->location +
                                   c[a].member[0] * run->member);
}

#define AHEAD 8

/* `ahead` is the number of steps, AHEAD or its negative, to the row to ask for. */
static inline void load_row(Work *w, const Scan *s, int64_t t, int ahead, const Chunk *c)
{
    for (int k = 0; k < FORCINGS; k++) {
        ask(&s->forcing[k], 1, t + ahead, s, c);
        FOR_ABREAST(a) load(w->forcing + k * ROW + OF(a), &s->forcing[k], t, c + a);
    }
    probe(w, w->forcing, FORCINGS);
    FOR_RUNS(PARAMETER, r, k)
        if (s->parameter[r].time != 0) {
            const View *v = &s->parameter[r];
            real *x = w->parameter + k * ROW;
            ask(v, PARAMETER_RUN(r), t + ahead, s, c);
            FOR_ABREAST(a) load_run(x + OF(a), v, PARAMETER_RUN(r), t, c + a);
            probe(w, x, PARAMETER_RUN(r));
        }
}

/* States that are kept of chunks that go abreast, or NULL. */
static inline real *checkpoints_of(const Scan *s, const Chunk *c, int64_t kept)
{
    if (!s->checkpoints) return NULL;
    return s->checkpoints + c->index / ABREAST * kept * STATES * ROW;
}

/* Returns whether an input or the last state was not finite: a choice may hide it. */
static int forward_chunks(Work *w, const Scan *s, const Chunk *c)
{
    memset(w->probe, 0, sizeof w->probe);
    const int64_t recorded = s->steps - s->warmup;
    const int64_t kept = (recorded + s->interval - 1) / s->interval;
    real *checkpoint = checkpoints_of(s, c, kept);
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    load_fixed(w, s, c);
    FOR_RUNS(STATE, r, k)
        FOR_ABREAST(a)
            load_run(w->state + k * ROW + OF(a), &s->state[r], STATE_RUN(r), 0, c + a);
    probe(w, w->state, STATES);
    for (int64_t t = 0; t < s->warmup; t++) {
        load_row(w, s, t, AHEAD, c);
        advance(w->state, w->forcing, w->parameter, w->state);
    }
    for (int64_t t = 0; t < recorded; t++) {
        if (checkpoint && t % s->interval == 0) {
            memcpy(checkpoint, w->state, sizeof w->state);
            checkpoint += STATES * ROW;
        }
        load_row(w, s, t + s->warmup, AHEAD, c);
        record(w->state, w->forcing, w->parameter, w->output);
        /* What nobody wants is made all the same, lest the rest be rounded otherwise. */
        for (int k = 0; k < OUTPUTS; k++)
            FOR_ABREAST(a)
            {
                const real *q = w->output + k * ROW + OF(a);
                if (!s->output[k].data)
                    continue;
                else if (s->average)
                    average(&s->output[k], t, q, share, c + a);
                else
                    store(&s->output[k], t, q, c + a);
            }
    }
    FOR_RUNS(STATE, r, k)
        FOR_ABREAST(a)
            store_run(&s->final[r], 0, w->state + k * ROW + OF(a), STATE_RUN(r), c + a);
    probe(w, w->state, STATES);
    int bad = 0;
    FOR_ABREAST(a) bad |= total(w->probe + OF(a)) != 0; /* 0 or NaN */
    return bad;
}

/* Returns what forward_chunks() does, for all of these groups, or NO_MEMORY. */
int forward(const Scan *s, int64_t first, int64_t last)
{
    WORKED_ON(Work, work);
    if (!work) return NO_MEMORY;
    const unsigned mode = quiet();
    int bad = 0;
    const int64_t chunks = group_chunks(s->members);
    Chunk c[ABREAST];
    for (int64_t k = first * chunks; k < last * chunks && describe(c, s, k); k += ABREAST)
        bad |= forward_chunks(work, s, c);
    restore(mode);
    DONE_WITH(work);
    return bad;
}

/* One step of all locations, for operation. */
int step(const Scan *s)
{
    return forward(s, 0, groups(s->locations, s->members));
}

#ifdef ADJOINT
typedef struct {
    Work work; /* its probe is not read here */
    _Alignas(64) real d_state[STATES * ROW + ROW];
    _Alignas(64) real d_output[OUTPUTS * ROW + ROW];
    _Alignas(64) real g_forcing[FORCINGS * ROW + ROW];
    _Alignas(64) real g_parameter[PARAMETERS * ROW + ROW];
} Back;

/* Of a step, the states before it and what retrace() leaves for adjoint(). */
#define TRACE ((STATES + KEPT) * ROW)

/* The cotangents of a step. */
static inline void load_asked(Back *b, const Scan *s, int64_t t, const Chunk *c)
{
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    for (int k = 0; k < OUTPUTS; k++) {
        real *d = b->d_output + k * ROW;
        FOR_ABREAST(a) load(d + OF(a), &s->d_output[k], t, c + a);
        FOR_ROW(i) d[i] *= share;
        if (OUTPUT_STATE[k] >= 0)
            FOR_ROW(i) b->d_state[OUTPUT_STATE[k] * ROW + i] += d[i];
    }
}

/* Whether every cell has a number of its own: then nothing is added up. */
static inline int own(const View *v, const Scan *s)
{
    return (v->location != 0 || s->locations == 1) && (v->member != 0 || s->members == 1);
}

/* The adjoint of a step, and what it adds to gradients that change with time. */
static inline void step_back(Back *b, const Scan *s, int64_t t, const real *trace,
                             const Chunk *c)
{
    Work *const w = &b->work;
    FOR_RUNS(PARAMETER, r, k)
        if (s->parameter[r].time != 0) {
            const int length = PARAMETER_RUN(r);
            ask(&s->g_parameter[r], length, t - AHEAD, s, c);
            memset(b->g_parameter + k * ROW, 0, length * ROW * sizeof(real));
        }
    adjoint(trace, w->forcing, w->parameter, b->d_output, b->d_state, b->g_forcing,
            b->g_parameter);
    FOR_RUNS(PARAMETER, r, k)
        if (s->parameter[r].time != 0) {
            const View *v = &s->g_parameter[r];
            const int once = own(v, s);
            FOR_ABREAST(a)
            {
                const real *g = b->g_parameter + k * ROW + OF(a);
                if (once)
                    store_run(v, t, g, PARAMETER_RUN(r), c + a);
                else
                    add_run(v, t, g, PARAMETER_RUN(r), c + a);
            }
        }
    if (FORCING_GRADIENT)
        for (int k = 0; k < FORCINGS; k++) {
            const View *v = &s->g_forcing[k];
            const int once = own(v, s);
            FOR_ABREAST(a)
            {
                const real *g = b->g_forcing + k * ROW + OF(a);
                if (once)
                    store(v, t, g, c + a);
                else
                    add(v, t, g, 1, c + a);
            }
        }
}

static void backward_chunks(Back *b, const Scan *s, const Chunk *c, real *history)
{
    Work *const w = &b->work;
    const int64_t recorded = s->steps - s->warmup;
    const int64_t kept = (recorded + s->interval - 1) / s->interval;
    const real *checkpoints = checkpoints_of(s, c, kept);
    memset(w->probe, 0, sizeof w->probe);
    memset(b->g_parameter, 0, sizeof b->g_parameter);
    load_fixed(w, s, c);
    FOR_RUNS(STATE, r, k)
        FOR_ABREAST(a)
            load_run(b->d_state + k * ROW + OF(a), &s->d_final[r], STATE_RUN(r), 0,
                     c + a);
    for (int64_t segment = kept - 1; segment >= 0; segment--) {
        const int64_t start = segment * s->interval;
        const int64_t stop =
            start + s->interval < recorded ? start + s->interval : recorded;
        memcpy(history, checkpoints + segment * STATES * ROW, sizeof w->state);
        /* Of the last step only what is kept of it is needed. */
        for (int64_t t = start; t < stop - !KEPT; t++) {
            real *at = history + (t - start) * TRACE;
            load_row(w, s, t + s->warmup, AHEAD, c);
            retrace(at, w->forcing, w->parameter, at + TRACE);
        }
        for (int64_t t = stop - 1; t >= start; t--) {
            load_row(w, s, t + s->warmup, -AHEAD, c);
            load_asked(b, s, t, c);
            step_back(b, s, t + s->warmup, history + (t - start) * TRACE, c);
        }
    }
    FOR_RUNS(PARAMETER, r, k)
        if (s->parameter[r].time == 0)
            FOR_ABREAST(a)
                add_run(&s->g_parameter[r], 0, b->g_parameter + k * ROW + OF(a),
                        PARAMETER_RUN(r), c + a);
    if (s->warmup == 0)
        FOR_RUNS(STATE, r, k)
            FOR_ABREAST(a)
                store_run(&s->g_state[r], 0, b->d_state + k * ROW + OF(a),
                          STATE_RUN(r), c + a);
}

/* Returns 0, or NO_MEMORY for the history of one segment. */
int backward(const Scan *s, int64_t first, int64_t last)
{
    const size_t size = (size_t)(s->interval + 1) * TRACE * sizeof(real);
    real *history = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
    WORKED_ON(Back, work);
    if (!history || !work) {
        free(history);
        DONE_WITH(work);
        return NO_MEMORY;
    }
    const unsigned mode = quiet();
    const int64_t chunks = group_chunks(s->members);
    Chunk c[ABREAST];
    for (int64_t k = first * chunks; k < last * chunks && describe(c, s, k); k += ABREAST)
        backward_chunks(work, s, c, history);
    restore(mode);
    free(history);
    DONE_WITH(work);
    return 0;
}
#endif
