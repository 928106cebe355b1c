/* The time loop around a generated step: forward, and backward with checkpoints. */

/* Those that change with time are read later; until then they are probed as zeros. */
static inline void load_fixed(Work *w, const Scan *s, const Chunk *c)
{
    FOR_RUNS(PARAMETER, r, k)
    {
        const int length = PARAMETER_RUN(r);
        real *x = w->parameter + k * LANES;
        if (s->parameter[r].time == 0)
            load_run(x, &s->parameter[r], length, 0, c);
        else
            memset(x, 0, length * LANES * sizeof(real));
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
            __builtin_prefetch(run->data + e * run->entry + t * run->time +
                               c->location[0] * run->location +
                               c->member[0] * run->member);
}

#define AHEAD 8

/* `ahead` is the number of steps, AHEAD or its negative, to the row to ask for. */
static inline void load_row(Work *w, const Scan *s, int64_t t, int ahead, const Chunk *c)
{
    for (int k = 0; k < FORCINGS; k++)
        load(w->forcing + k * LANES, &s->forcing[k], t, c);
    probe(w, w->forcing, FORCINGS);
    FOR_RUNS(PARAMETER, r, k)
        if (s->parameter[r].time != 0) {
            const View *v = &s->parameter[r];
            ask(v, PARAMETER_RUN(r), t + ahead, s, c);
            load_run(w->parameter + k * LANES, v, PARAMETER_RUN(r), t, c);
            probe(w, w->parameter + k * LANES, PARAMETER_RUN(r));
        }
}

/* Returns whether an input or the last state was not finite: a choice may hide it. */
static int forward_chunk(Work *w, const Scan *s, const Chunk *c)
{
    memset(w->probe, 0, sizeof w->probe);
    const int64_t recorded = s->steps - s->warmup;
    const int64_t kept = (recorded + s->interval - 1) / s->interval;
    real *checkpoint =
        s->checkpoints ? s->checkpoints + c->index * kept * STATES * LANES : NULL;
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    load_fixed(w, s, c);
    FOR_RUNS(STATE, r, k)
        load_run(w->state + k * LANES, &s->state[r], STATE_RUN(r), 0, c);
    probe(w, w->state, STATES);
    for (int64_t t = 0; t < s->warmup; t++) {
        load_row(w, s, t, AHEAD, c);
        advance(w->state, w->forcing, w->parameter, w->state);
    }
    for (int64_t t = 0; t < recorded; t++) {
        if (checkpoint && t % s->interval == 0) {
            memcpy(checkpoint, w->state, sizeof w->state);
            checkpoint += STATES * LANES;
        }
        load_row(w, s, t + s->warmup, AHEAD, c);
        record(w->state, w->forcing, w->parameter, w->output);
        /* What nobody wants is made all the same, lest the rest be rounded otherwise. */
        for (int k = 0; k < OUTPUTS; k++)
            if (!s->output[k].data)
                continue;
            else if (s->average)
                add(&s->output[k], t, w->output + k * LANES, share, c);
            else
                store(&s->output[k], t, w->output + k * LANES, c);
    }
    FOR_RUNS(STATE, r, k)
        store_run(&s->final[r], w->state + k * LANES, STATE_RUN(r), c);
    probe(w, w->state, STATES);
    return total(w->probe) != 0; /* 0 or NaN */
}

/* Returns what forward_chunk() does, for all of these groups, or NO_MEMORY. */
int forward(const Scan *s, int64_t first, int64_t last)
{
    WORKED_ON(Work, work);
    if (!work) return NO_MEMORY;
    const unsigned mode = quiet();
    int bad = 0;
    const int64_t per_group = group_chunks(s->members);
    Chunk c;
    for (int64_t k = first * per_group; k < last * per_group && describe(&c, s, k); k++)
        bad |= forward_chunk(work, s, &c);
    restore(mode);
    DONE_WITH(work);
    return bad;
}

/* One step of all locations, for operation; averages are made anew each time. */
int step(const Scan *s)
{
    for (int k = 0; k < OUTPUTS; k++)
        for (int64_t i = 0; i < s->locations; i++)
            s->output[k].data[i * s->output[k].location] = 0;
    return forward(s, 0, groups(s->locations, s->members));
}

#ifdef ADJOINT
typedef struct {
    Work work; /* its probe is not read here */
    _Alignas(64) real d_state[STATES * LANES + LANES];
    _Alignas(64) real d_output[OUTPUTS * LANES + LANES];
    _Alignas(64) real g_forcing[FORCINGS * LANES + LANES];
    _Alignas(64) real g_parameter[PARAMETERS * LANES + LANES];
} Back;

static void backward_chunk(Back *b, const Scan *s, const Chunk *c, real *history)
{
    Work *const w = &b->work;
    const int64_t recorded = s->steps - s->warmup;
    const int64_t kept = (recorded + s->interval - 1) / s->interval;
    const real *checkpoints = s->checkpoints + c->index * kept * STATES * LANES;
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    memset(w->probe, 0, sizeof w->probe);
    memset(b->g_parameter, 0, sizeof b->g_parameter);
    load_fixed(w, s, c);
    FOR_RUNS(STATE, r, k)
        load_run(b->d_state + k * LANES, &s->d_final[r], STATE_RUN(r), 0, c);
    for (int64_t segment = kept - 1; segment >= 0; segment--) {
        const int64_t start = segment * s->interval;
        const int64_t stop =
            start + s->interval < recorded ? start + s->interval : recorded;
        memcpy(history, checkpoints + segment * STATES * LANES, sizeof w->state);
        for (int64_t t = start; t < stop - 1; t++) {
            real *at = history + (t - start) * STATES * LANES;
            load_row(w, s, t + s->warmup, AHEAD, c);
            advance(at, w->forcing, w->parameter, at + STATES * LANES);
        }
        for (int64_t t = stop - 1; t >= start; t--) {
            load_row(w, s, t + s->warmup, -AHEAD, c);
            for (int k = 0; k < OUTPUTS; k++) {
                real *d = b->d_output + k * LANES;
                load(d, &s->d_output[k], t, c);
                FOR_LANES(i) d[i] *= share;
                if (OUTPUT_STATE[k] >= 0)
                    FOR_LANES(i) b->d_state[OUTPUT_STATE[k] * LANES + i] += d[i];
            }
            FOR_RUNS(PARAMETER, r, k)
                if (s->parameter[r].time != 0) {
                    const int length = PARAMETER_RUN(r);
                    ask(&s->g_parameter[r], length, t + s->warmup - AHEAD, s, c);
                    memset(b->g_parameter + k * LANES, 0, length * LANES * sizeof(real));
                }
            adjoint(history + (t - start) * STATES * LANES, w->forcing, w->parameter,
                    b->d_output, b->d_state, b->g_forcing, b->g_parameter);
            FOR_RUNS(PARAMETER, r, k)
                if (s->parameter[r].time != 0)
                    add_run(&s->g_parameter[r], t + s->warmup, b->g_parameter + k * LANES,
                            PARAMETER_RUN(r), c);
            if (FORCING_GRADIENT)
                for (int k = 0; k < FORCINGS; k++)
                    add(&s->g_forcing[k], t + s->warmup, b->g_forcing + k * LANES, 1, c);
        }
    }
    FOR_RUNS(PARAMETER, r, k)
        if (s->parameter[r].time == 0)
            add_run(&s->g_parameter[r], 0, b->g_parameter + k * LANES, PARAMETER_RUN(r),
                    c);
    if (s->warmup == 0)
        FOR_RUNS(STATE, r, k)
            store_run(&s->g_state[r], b->d_state + k * LANES, STATE_RUN(r), c);
}

/* Returns 0, or NO_MEMORY for the history of one segment. */
int backward(const Scan *s, int64_t first, int64_t last)
{
    const size_t size = (size_t)s->interval * STATES * LANES * sizeof(real);
    real *history = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
    WORKED_ON(Back, work);
    if (!history || !work) {
        free(history);
        DONE_WITH(work);
        return NO_MEMORY;
    }
    const unsigned mode = quiet();
    const int64_t per_group = group_chunks(s->members);
    Chunk c;
    for (int64_t k = first * per_group; k < last * per_group && describe(&c, s, k); k++)
        backward_chunk(work, s, &c, history);
    restore(mode);
    free(history);
    DONE_WITH(work);
    return 0;
}
#endif
