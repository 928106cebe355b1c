/* The time loop where fluxes of the cells upstream are forcings of the cell below.
 *
 * Beside what stands above common.c, the generated parts say how many links there are
 * (LINKS), which output each one passes on (LINK_OUTPUT) and which forcing receives it
 * (LINK_FORCING), and for every forcing its link, or -1 (FORCING_LINK).
 *
 * Chunks of LANES cells come in an order in which nobody is before who drains into him;
 * a slot is a lane of a chunk. Time runs in blocks of a few steps. In a block a chunk
 * runs all steps before the next chunk does: what enters it is there by then. This is
 * the same as to run all chunks at every step, for a cell sees of others only what they
 * pass on. Backwards all of it is turned around.
 *
 * What is passed on lies by slot and then step, everything else by chunk, step and lane.
 * A span of chunks that nobody else drains into meanwhile can be worked on by a thread
 * of its own. Every sum over cells is made in an order of its own, so that results do not
 * depend on the number of threads.
 */
#define BLOCK 32 /* most steps of a block */
#define SERIES (FORCINGS + PARAMETERS)

typedef struct {
    int64_t block, chunks;
    int64_t kept;  /* what is passed on is there of all blocks, and not of one alone */
    int64_t again; /* a block is run once more, from where it started */
    const int64_t *place, *member; /* of every slot; spare ones repeat the one before */
    const int64_t *count;          /* cells of every chunk */
    const int64_t *edge;           /* first edge into every chunk, one more at the end */
    const int64_t *lane, *giver;   /* of every edge: who receives, and the slot that gives */
    const int64_t *slot;           /* of every cell, location-major */
    const int64_t *places;         /* locations, in the order of the spans */
    real *fixed, *state, *checkpoint, *flow;
    real *given[SERIES], *made[OUTPUTS];
    real *d_state, *d_flow, *g_fixed;
    real *g_given[SERIES], *d_made[OUTPUTS];
    double scale[LINKS];
} Tree;

typedef struct {
    int64_t first_block, last_block, first_chunk, last_chunk, first_place, last_place;
} Span;

/* What whoever fills in a Tree takes for its size, in numbers of 64 bits. */
int64_t tree_words(void)
{
    return sizeof(Tree) / sizeof(int64_t);
}

typedef struct {
    Work work;
    _Alignas(64) real received[LINKS][BLOCK][LANES];
    _Alignas(64) real sent[LINKS][BLOCK][LANES];
} Passing;

static inline int64_t blocks_of(const Scan *s, const Tree *tree)
{
    return (s->steps + tree->block - 1) / tree->block;
}

/* Steps of a block. */
static inline int length_of(const Scan *s, const Tree *tree, int64_t b)
{
    const int64_t left = s->steps - b * tree->block;
    return (int)(left < tree->block ? left : tree->block);
}

static inline real *row_of(real *data, const Tree *tree, int64_t chunk, int64_t t)
{
    return data + (chunk * tree->block + t) * LANES;
}

/* What a slot passes on by a link in a block. */
static inline real *flow_of(real *data, const Tree *tree, int64_t b, int link,
                            int64_t slot)
{
    return data + (((tree->kept ? b : 0) * LINKS + link) * tree->chunks * LANES + slot) *
                      tree->block;
}

static inline int64_t offset(const View *v, const Tree *tree, int64_t slot)
{
    return tree->place[slot] * v->location + tree->member[slot] * v->member;
}

static inline void gather(real *restrict x, const View *v, int64_t t, const Tree *tree,
                          int64_t chunk)
{
    const real *p = v->data + t * v->time;
    const int64_t *place = tree->place + chunk * LANES;
    const int64_t *member = tree->member + chunk * LANES;
    const int64_t by_place = v->location, by_member = v->member;
    if (by_member == 0)
        FOR_LANES(i) x[i] = p[place[i] * by_place];
    else
        FOR_LANES(i) x[i] = p[place[i] * by_place + member[i] * by_member];
}

/* v[t] = share * the sum of a row, over the members where the view repeats. Some rows
 * lie apart by `step` numbers from chunk to chunk. */
static inline void spread(const View *v, int64_t t, const real *rows, int64_t step,
                          real share, int adding, const Scan *s, const Tree *tree,
                          const Span *span)
{
    real *p = v->data + t * v->time;
    if (s->members == 1 || v->member != 0) {
        for (int64_t c = span->first_chunk; c < span->last_chunk; c++)
            for (int i = 0; i < tree->count[c]; i++) {
                real *to = p + offset(v, tree, c * LANES + i);
                const real x = share * rows[c * step + i];
                *to = adding ? *to + x : x;
            }
        return;
    }
    for (int64_t k = span->first_place; k < span->last_place; k++) {
        const int64_t *slot = tree->slot + tree->places[k] * s->members;
        real sum = 0;
        for (int64_t m = 0; m < s->members; m++)
            sum += rows[slot[m] / LANES * step + slot[m] % LANES];
        real *to = p + tree->places[k] * v->location;
        *to = adding ? *to + share * sum : share * sum;
    }
}

/* Bring rows of a block into the order of the slots. */
static void stage(real *rows, const View *v, int64_t b, const Scan *s, const Tree *tree,
                  const Span *span)
{
    const int steps = length_of(s, tree, b);
    for (int t = 0; t < steps; t++)
        for (int64_t c = span->first_chunk; c < span->last_chunk; c++)
            gather(row_of(rows, tree, c, t), v, b * tree->block + t, tree, c);
}

/* Bring rows of a block back. */
static void publish(const View *v, const real *rows, int64_t b, real share, int adding,
                    const Scan *s, const Tree *tree, const Span *span)
{
    const int steps = length_of(s, tree, b);
    for (int t = 0; t < steps; t++)
        spread(v, b * tree->block + t, rows + t * LANES, tree->block * LANES, share,
               adding, s, tree, span);
}

static void stage_all(int64_t b, const Scan *s, const Tree *tree, const Span *span)
{
    for (int k = 0; k < SERIES; k++)
        if (tree->given[k]) {
            const View *v = k < FORCINGS ? &s->forcing[k] : &s->parameter[k - FORCINGS];
            stage(tree->given[k], v, b, s, tree, span);
        }
}

/* Add up what comes from upstream in a block, to what comes from elsewhere. */
static inline void receive(Passing *w, int64_t b, int64_t c, int steps, const Tree *tree)
{
    for (int l = 0; l < LINKS; l++) {
        real(*x)[LANES] = w->received[l];
        const real *elsewhere = tree->given[LINK_FORCING[l]];
        if (elsewhere)
            memcpy(x, row_of((real *)elsewhere, tree, c, 0), steps * sizeof *x);
        else
            memset(x, 0, steps * sizeof *x);
        const real scale = (real)tree->scale[l];
        for (int64_t e = tree->edge[c]; e < tree->edge[c + 1]; e++) {
            const real *restrict y = flow_of(tree->flow, tree, b, l, tree->giver[e]);
            real *restrict z = &x[0][tree->lane[e]];
            for (int t = 0; t < steps; t++) z[t * LANES] += scale * y[t];
        }
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
    memcpy(work->parameter, tree->fixed + c * PARAMETERS * LANES,
           PARAMETERS * LANES * sizeof(real));
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
        for (int i = 0; i < tree->count[c]; i++) {
            real *restrict y = flow_of(tree->flow, tree, b, l, c * LANES + i);
            const real *restrict x = &w->sent[l][0][i];
            for (int t = 0; t < steps; t++) y[t] = x[t * LANES];
        }
    if (!tree->again) memcpy(state, work->state, size);
}

/* Bring the parameters of some chunks that do not change with time into their slots. */
static void fix(const Scan *s, const Tree *tree, int64_t first, int64_t last)
{
    for (int64_t c = first; c < last; c++)
        for (int k = 0; k < PARAMETERS; k++) {
            real *x = tree->fixed + (c * PARAMETERS + k) * LANES;
            if (tree->given[FORCINGS + k])
                memset(x, 0, LANES * sizeof(real));
            else
                gather(x, &s->parameter[k], 0, tree, c);
        }
}

/* What a way back needs that does not start with a way there. */
void prepare(const Scan *s, const Tree *tree)
{
    fix(s, tree, 0, tree->chunks);
}

static void begin(Work *w, const Scan *s, const Tree *tree, const Span *span)
{
    fix(s, tree, span->first_chunk, span->last_chunk);
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
        for (int k = 0; k < STATES; k++)
            gather(tree->state + (c * STATES + k) * LANES, &s->state[k], 0, tree, c);
        probe(w, tree->fixed + c * PARAMETERS * LANES, PARAMETERS);
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
        for (int k = 0; k < OUTPUTS; k++)
            if (tree->made[k] && !tree->again)
                publish(&s->output[k], tree->made[k], b, share, 0, s, tree, span);
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
    for (int t = 0; t < steps - 1; t++) {
        load_step(w, c, t, tree);
        advance(back->history[t], w->work.forcing, w->work.parameter,
                back->history[t + 1]);
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
    memcpy(work->parameter, tree->fixed + c * PARAMETERS * LANES, PARAMETERS * row);
    receive(w, b, c, steps, tree);
    replay(back, b, c, steps, tree);
    for (int l = 0; l < LINKS; l++)
        for (int i = 0; i < LANES; i++) {
            const real *restrict y = flow_of(tree->d_flow, tree, 0, l, c * LANES + i);
            real *restrict x = &w->sent[l][0][i];
            for (int t = 0; t < steps; t++) x[t * LANES] = y[t];
        }
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
        for (int64_t e = tree->edge[c]; e < tree->edge[c + 1]; e++) {
            real *restrict y = flow_of(tree->d_flow, tree, 0, l, tree->giver[e]);
            const real *restrict x = &w->received[l][0][tree->lane[e]];
            for (int t = 0; t < steps; t++) y[t] = scale * x[t * LANES];
        }
    }
    memcpy(d_state, back->d_state, STATES * row);
    memcpy(g_fixed, back->g_parameter, PARAMETERS * row);
}

static void begin_back(const Scan *s, const Tree *tree, const Span *span)
{
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
        for (int k = 0; k < STATES; k++)
            gather(tree->d_state + (c * STATES + k) * LANES, &s->d_final[k], 0, tree, c);
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

/* Returns 0, or NO_MEMORY. Spare lanes repeat a cell, and nobody reads what they make. */
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
            if (tree->d_made[k]) stage(tree->d_made[k], &s->d_output[k], b, s, tree, span);
        for (int64_t c = span->last_chunk - 1; c >= span->first_chunk; c--)
            backward_chunk(back, b, c, s, tree);
        for (int k = 0; k < SERIES; k++)
            if (tree->g_given[k]) {
                const View *v =
                    k < FORCINGS ? &s->g_forcing[k] : &s->g_parameter[k - FORCINGS];
                publish(v, tree->g_given[k], b, 1, 1, s, tree, span);
            }
    }
    if (span->first_block == 0) finish_back(s, tree, span);
    restore(mode);
    DONE_WITH(back);
    return 0;
}
#endif
