/* The time loop where fluxes of the cells upstream are forcings of the cell below.
 *
 * Beside what stands above common.c, the generated parts say how many links there are
 * (LINKS), which output each one passes on (LINK_OUTPUT) and which forcing receives it
 * (LINK_FORCING), and for every output and forcing its link, or -1 (OUTPUT_LINK,
 * FORCING_LINK).
 *
 * Time runs in blocks of a few steps. In a block a chunk runs all steps before the next
 * chunk does: what enters it is there by then. This is the same as to run all chunks at
 * every step, for a cell sees of others only what they pass on. Backwards all of it is
 * turned around. A span of chunks that nobody else drains into meanwhile can be worked on
 * by a thread of its own.
 */

/* What is passed on stands as it is recorded, step by step, where nothing is averaged. */
static inline int direct(const View *v, const real *rows)
{
    return v->data && !rows;
}

static void publish_passed(const View *v, int link, int64_t b, const Scan *s,
                           const Tree *tree, const Span *span)
{
    const int steps = length_of(s, tree, b);
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++)
        for (int i = 0; i < tree->count[c]; i++)
            memcpy(v->data + offset(v, tree, c * LANES + i) + b * tree->block,
                   flow_of(tree->flow, tree, b, link, c * LANES + i),
                   steps * sizeof(real));
}

static void stage_all(int64_t b, const Scan *s, const Tree *tree, const Span *span)
{
    for (int k = 0; k < SERIES; k++)
        if (tree->given[k]) {
            const View *v = k < FORCINGS ? &s->forcing[k] : &s->parameter[k - FORCINGS];
            const real factor = k < FORCINGS ? (real)tree->factor[k] : 1;
            stage(tree->given[k], v, b, factor, s, tree, span);
        }
}

/* Add up what comes from upstream in a block, to what comes from elsewhere. */
static inline void receive(Passing *w, int64_t b, int64_t c, int steps, const Tree *tree)
{
    for (int l = 0; l < LINKS; l++) {
        real(*restrict sum)[BLOCK] = w->turned;
        const real *elsewhere = tree->given[LINK_FORCING[l]];
        if (elsewhere)
            by_slot(sum[0], BLOCK, row_of((real *)elsewhere, tree, c, 0), steps);
        else
            memset(sum, 0, sizeof w->turned);
        const real scale = (real)tree->scale[l];
        for (int64_t e = tree->edge[c]; e < tree->edge[c + 1]; e++) {
            const real *restrict y = flow_of(tree->flow, tree, b, l, tree->giver[e]);
            real *restrict z = sum[tree->lane[e]];
            if (steps == BLOCK)
                for (int t = 0; t < BLOCK; t++) z[t] += scale * y[t];
            else
                for (int t = 0; t < steps; t++) z[t] += scale * y[t];
        }
        /* Spare lanes repeat a cell in all, or their numbers might be none. */
        const int64_t count = tree->count[c];
        for (int64_t i = count; i < LANES; i++)
            memcpy(sum[i], sum[count - 1], steps * sizeof(real));
        by_step(w->received[l][0], sum[0], BLOCK, steps);
    }
}

static inline void load_step(Passing *w, int64_t c, int t, const Tree *tree)
{
    for (int k = 0; k < FORCINGS; k++) {
        const int l = FORCING_LINK[k];
        const real *row =
            l < 0 ? row_of(tree->given[k], tree, c, t) : w->received[l][t];
        memcpy(w->work.forcing + k * LANES, row, LANES * sizeof(real));
    }
    for (int k = 0; k < PARAMETERS; k++)
        if (tree->given[FORCINGS + k]) {
            real *x = w->work.parameter + k * LANES;
            memcpy(x, row_of(tree->given[FORCINGS + k], tree, c, t),
                   LANES * sizeof(real));
            probe(&w->work, x, 1);
        }
    probe(&w->work, w->work.forcing, FORCINGS);
}

static void forward_chunk(Passing *w, int64_t b, int64_t c, const Scan *s,
                          const Tree *tree)
{
    Work *const work = &w->work;
    const int steps = length_of(s, tree, b);
    const size_t size = sizeof work->state;
    real *state = tree->state + c * STATES * LANES;
    if (tree->checkpoint) {
        real *start = tree->checkpoint + (b * tree->chunks + c) * STATES * LANES;
        if (tree->again)
            state = start;
        else
            memcpy(start, state, size);
    }
    memcpy(work->state, state, size);
    memcpy(work->parameter, tree->fixed + c * FIXED * LANES,
           (PARAMETERS + HOISTED_STEP) * LANES * sizeof(real));
    receive(w, b, c, steps, tree);
    for (int t = 0; t < steps; t++) {
        load_step(w, c, t, tree);
        record(work->state, work->forcing, work->parameter, work->output);
        for (int k = 0; k < OUTPUTS; k++)
            if (tree->made[k] && !tree->again)
                memcpy(row_of(tree->made[k], tree, c, t), work->output + k * LANES,
                       LANES * sizeof(real));
        for (int l = 0; l < LINKS; l++)
            memcpy(w->sent[l][t], work->output + LINK_OUTPUT[l] * LANES,
                   LANES * sizeof(real));
    }
    for (int l = 0; l < LINKS; l++)
        by_slot(flow_of(tree->flow, tree, b, l, c * LANES), tree->block, w->sent[l][0],
                steps);
    if (!tree->again) memcpy(state, work->state, size);
}

/* Bring the parameters of some chunks that do not change with time into their slots. */
static void fix(const Scan *s, const Tree *tree, int64_t first, int64_t last)
{
    for (int64_t c = first; c < last; c++) {
        real *fixed = tree->fixed + c * FIXED * LANES;
        for (int k = 0; k < PARAMETERS; k++)
            if (tree->given[FORCINGS + k])
                memset(fixed + k * LANES, 0, LANES * sizeof(real));
            else
                gather(fixed + k * LANES, &s->parameter[k], 0, 1, tree, c);
        prepare_step(fixed);
    }
}

/* What a way back needs that does not start with a way there. */
void prepare(const Scan *s, const Tree *tree)
{
    fix(s, tree, 0, tree->chunks);
#ifdef ADJOINT
    for (int64_t c = 0; c < tree->chunks; c++)
        prepare_adjoint(tree->fixed + c * FIXED * LANES);
#endif
}

static void begin(Work *w, const Scan *s, const Tree *tree, const Span *span)
{
    fix(s, tree, span->first_chunk, span->last_chunk);
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
        for (int k = 0; k < STATES; k++)
            gather(tree->state + (c * STATES + k) * LANES, &s->state[k], 0, 1, tree, c);
        probe(w, tree->fixed + c * FIXED * LANES, PARAMETERS);
        probe(w, tree->state + c * STATES * LANES, STATES);
    }
}

/* Returns whether something was not finite, or NO_MEMORY. */
int forward(const Scan *s, const Tree *tree, const Span *span)
{
    WORKED_ON(Passing, w);
    if (!w) return NO_MEMORY;
    const unsigned mode = quiet();
    memset(w->work.probe, 0, sizeof w->work.probe);
    if (span->first_block == 0 && !tree->again) begin(&w->work, s, tree, span);
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    for (int64_t b = span->first_block; b < span->last_block; b++) {
        stage_all(b, s, tree, span);
        for (int64_t c = span->first_chunk; c < span->last_chunk; c++)
            forward_chunk(w, b, c, s, tree);
        for (int k = 0; k < OUTPUTS && !tree->again; k++)
            if (tree->made[k])
                publish(&s->output[k], tree->made[k], b, share, 0, s, tree, span);
            else if (direct(&s->output[k], tree->made[k]))
                publish_passed(&s->output[k], OUTPUT_LINK[k], b, s, tree, span);
    }
    if (span->last_block == blocks_of(s, tree) && !tree->again)
        for (int64_t c = span->first_chunk; c < span->last_chunk; c++)
            probe(&w->work, tree->state + c * STATES * LANES, STATES);
    const int bad = total(w->work.probe) != 0; /* 0 or NaN */
    if (span->last_block == blocks_of(s, tree) && !tree->again)
        for (int k = 0; k < STATES; k++)
            spread(&s->final[k], 0, tree->state + k * LANES, STATES * LANES, 1, 0, s,
                   tree, span);
    restore(mode);
    DONE_WITH(w);
    return bad;
}

#ifdef ADJOINT
typedef struct {
    Passing passing;
    _Alignas(64) real history[BLOCK + 1][STATES * LANES];
    _Alignas(64) real d_state[STATES * LANES + LANES];
    _Alignas(64) real d_output[OUTPUTS * LANES + LANES];
    _Alignas(64) real g_forcing[FORCINGS * LANES + LANES];
    _Alignas(64) real g_parameter[PARAMETERS * LANES + LANES];
} Back;

/* The states at every step of a block, from where it started. */
static inline void replay(Back *back, int64_t b, int64_t c, int steps, const Tree *tree)
{
    Passing *const w = &back->passing;
    memcpy(back->history[0], tree->checkpoint + (b * tree->chunks + c) * STATES * LANES,
           sizeof w->work.state);
#if AT_HAND
    for (int k = 0; k < STATES; k++) {
        const int index = HISTORY[k][1];
        if (HISTORY[k][0] == UNREAD) continue;
        const real *rows;
        if (HISTORY[k][0] == BY_LINK) {
            by_step(w->sent[0][0], flow_of(tree->flow, tree, b, index, c * LANES),
                    tree->block, steps);
            rows = w->sent[0][0];
        } else if (FORCING_LINK[index] >= 0)
            rows = w->received[FORCING_LINK[index]][0];
        else
            rows = row_of(tree->given[index], tree, c, 0);
        for (int t = 0; t < steps - 1; t++)
            memcpy(back->history[t + 1] + k * LANES, rows + t * LANES,
                   LANES * sizeof(real));
    }
#else
    for (int t = 0; t < steps - 1; t++) {
        load_step(w, c, t, tree);
        advance(back->history[t], w->work.forcing, w->work.parameter,
                back->history[t + 1]);
    }
#endif
}

/* What is asked of what a chunk passes on: downstream, and of the record itself. */
static inline void load_cotangents(Passing *w, int64_t b, int64_t c, int steps,
                                   const Scan *s, const Tree *tree)
{
    for (int l = 0; l < LINKS; l++) {
        const int k = LINK_OUTPUT[l];
        const View *v = &s->d_output[k];
        const real *flow = flow_of(tree->d_flow, tree, back_of(tree, b), l, c * LANES);
        if (OUTPUT_LINK[k] != l || !direct(v, tree->d_made[k])) {
            by_step(w->sent[l][0], flow, tree->block, steps);
            continue;
        }
        for (int i = 0; i < LANES; i++) {
            const real *restrict x = flow + i * tree->block;
            const real *restrict y =
                v->data + offset(v, tree, c * LANES + i) + b * tree->block;
            for (int t = 0; t < steps; t++) w->turned[i][t] = x[t] + y[t];
        }
        by_step(w->sent[l][0], w->turned[0], BLOCK, steps);
    }
}

static void backward_chunk(Back *back, int64_t b, int64_t c, const Scan *s,
                           const Tree *tree)
{
    Passing *const w = &back->passing;
    Work *const work = &w->work;
    const int steps = length_of(s, tree, b);
    const size_t row = LANES * sizeof(real);
    const real share = s->average ? (real)1 / (real)s->members : (real)1;
    real *d_state = tree->d_state + c * STATES * LANES;
    real *g_fixed = tree->g_fixed + c * PARAMETERS * LANES;
    memcpy(back->d_state, d_state, STATES * row);
    memcpy(back->g_parameter, g_fixed, PARAMETERS * row);
    memcpy(work->parameter, tree->fixed + c * FIXED * LANES, FIXED * row);
    receive(w, b, c, steps, tree);
    replay(back, b, c, steps, tree);
    load_cotangents(w, b, c, steps, s, tree);
    for (int t = steps - 1; t >= 0; t--) {
        load_step(w, c, t, tree);
        for (int k = 0; k < OUTPUTS; k++) {
            real *d = back->d_output + k * LANES;
            if (tree->d_made[k]) {
                const real *restrict x = row_of(tree->d_made[k], tree, c, t);
                FOR_LANES(i) d[i] = share * x[i];
            } else
                memset(d, 0, row);
        }
        for (int l = 0; l < LINKS; l++)
            FOR_LANES(i)
                back->d_output[LINK_OUTPUT[l] * LANES + i] += w->sent[l][t][i];
        for (int k = 0; k < OUTPUTS; k++)
            if (OUTPUT_STATE[k] >= 0)
                FOR_LANES(i)
                    back->d_state[OUTPUT_STATE[k] * LANES + i] +=
                        back->d_output[k * LANES + i];
        for (int k = 0; k < PARAMETERS; k++)
            if (tree->given[FORCINGS + k]) memset(back->g_parameter + k * LANES, 0, row);
        adjoint(back->history[t], work->forcing, work->parameter, back->d_output,
                back->d_state, back->g_forcing, back->g_parameter);
        for (int k = 0; k < SERIES; k++)
            if (tree->g_given[k])
                memcpy(row_of(tree->g_given[k], tree, c, t),
                       k < FORCINGS ? back->g_forcing + k * LANES
                                    : back->g_parameter + (k - FORCINGS) * LANES,
                       row);
        for (int l = 0; l < LINKS; l++)
            memcpy(w->received[l][t], back->g_forcing + LINK_FORCING[l] * LANES, row);
    }
    for (int l = 0; l < LINKS; l++) {
        const real scale = (real)tree->scale[l];
        by_slot(w->turned[0], BLOCK, w->received[l][0], steps);
        for (int64_t e = tree->edge[c]; e < tree->edge[c + 1]; e++) {
            real *restrict y = flow_of(tree->d_flow, tree, back_of(tree, b), l, tree->giver[e]);
            const real *restrict x = w->turned[tree->lane[e]];
            for (int t = 0; t < steps; t++) y[t] = scale * x[t];
        }
    }
    memcpy(d_state, back->d_state, STATES * row);
    memcpy(g_fixed, back->g_parameter, PARAMETERS * row);
}

static void begin_back(const Scan *s, const Tree *tree, const Span *span)
{
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
        for (int k = 0; k < STATES; k++)
            gather(tree->d_state + (c * STATES + k) * LANES, &s->d_final[k], 0, 1, tree,
                   c);
        memset(tree->g_fixed + c * PARAMETERS * LANES, 0,
               PARAMETERS * LANES * sizeof(real));
    }
}

static void finish_back(const Scan *s, const Tree *tree, const Span *span)
{
    for (int k = 0; k < STATES; k++)
        spread(&s->g_state[k], 0, tree->d_state + k * LANES, STATES * LANES, 1, 1, s, tree,
               span);
    for (int k = 0; k < PARAMETERS; k++)
        if (!tree->given[FORCINGS + k])
            spread(&s->g_parameter[k], 0, tree->g_fixed + k * LANES, PARAMETERS * LANES, 1,
                   1, s, tree, span);
}

/* Returns 0, or NO_MEMORY. Nobody reads what spare lanes make. */
int backward(const Scan *s, const Tree *tree, const Span *span)
{
    WORKED_ON(Back, back);
    if (!back) return NO_MEMORY;
    const unsigned mode = quiet();
    memset(back->passing.work.probe, 0, sizeof back->passing.work.probe);
    if (span->last_block == blocks_of(s, tree)) begin_back(s, tree, span);
    for (int64_t b = span->last_block - 1; b >= span->first_block; b--) {
        stage_all(b, s, tree, span);
        for (int k = 0; k < OUTPUTS; k++)
            if (tree->d_made[k])
                stage(tree->d_made[k], &s->d_output[k], b, 1, s, tree, span);
        for (int64_t c = span->last_chunk - 1; c >= span->first_chunk; c--)
            backward_chunk(back, b, c, s, tree);
        for (int k = 0; k < SERIES; k++)
            if (tree->g_given[k]) {
                const View *v =
                    k < FORCINGS ? &s->g_forcing[k] : &s->g_parameter[k - FORCINGS];
                const real factor = k < FORCINGS ? (real)tree->factor[k] : 1;
                publish(v, tree->g_given[k], b, factor, !tree->once, s, tree, span);
            }
    }
    if (span->first_block == 0) finish_back(s, tree, span);
    restore(mode);
    DONE_WITH(back);
    return 0;
}
#endif
