/* Where the numbers of a tree lie, and how they come there and back.
 *
 * Chunks of LANES cells come in an order in which nobody is before who drains into him; a
 * slot is a lane of a chunk. What is passed on lies by slot and then step, everything else
 * by chunk, step and lane. Every sum over cells is made in an order of its own, so that
 * results do not depend on the number of threads.
 */
#define BLOCK 32 /* most steps of a block */
#define SERIES (FORCINGS + PARAMETERS)
#define FIXED (PARAMETERS + HOISTED)

typedef struct {
    int64_t block, chunks;
    int64_t kept;  /* what is passed on is there of all blocks, and not of one alone */
    int64_t again; /* a block is run once more, from where it started */
    int64_t once;  /* gradients of series are not added up */
    int64_t ring;  /* blocks of which what is passed on is there at least */
    const int32_t *place, *member; /* of every slot; spare ones repeat the one before */
    const int64_t *count;          /* cells of every chunk */
    const int64_t *edge;           /* first edge into every chunk, one more at the end */
    const int64_t *lane, *giver;   /* of every edge: who receives, and the slot that gives */
    const int64_t *slot;           /* of every cell, location-major */
    const int64_t *places;         /* locations, in the order of the spans */
    real *fixed, *state, *checkpoint, *flow;
    real *given[SERIES], *made[OUTPUTS];
    real *d_state, *d_flow, *g_fixed;
    real *g_given[SERIES], *d_made[OUTPUTS];
    double scale[LINKS], factor[FORCINGS];
} Tree;

typedef struct {
    int64_t first_block, last_block, first_chunk, last_chunk, first_place, last_place;
} Span;

/* What whoever fills in a Tree takes for its size, in numbers of 64 bits. */
int64_t tree_words(void)
{
    return sizeof(Tree) / sizeof(int64_t);
}

/* Numbers of a cell that do not change with time. */
int64_t fixed_numbers(void)
{
    return FIXED;
}

typedef struct {
    Work work;
    _Alignas(64) real received[LINKS][BLOCK][LANES];
    _Alignas(64) real sent[LINKS][BLOCK][LANES];
    _Alignas(64) real turned[LANES][BLOCK];
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
    const int64_t at = tree->kept ? b : b % tree->ring;
    return data + ((at * LINKS + link) * tree->chunks * LANES + slot) * tree->block;
}

/* The block at which the gradient of what is passed on lies. */
static inline int64_t back_of(const Tree *tree, int64_t b)
{
    return b % tree->ring;
}

static inline int64_t offset(const View *v, const Tree *tree, int64_t slot)
{
    return tree->place[slot] * v->location + tree->member[slot] * v->member;
}

/* Instructions that gather are slower than to load one number after the other. */
#if defined(__GNUC__) && !defined(__clang__)
#define ONE_BY_ONE __attribute__((optimize("no-tree-vectorize")))
#else
#define ONE_BY_ONE
#endif

ONE_BY_ONE static void gather(real *restrict x, const View *v, int64_t t,
                              real factor, const Tree *tree, int64_t chunk)
{
    const real *restrict p = v->data + t * v->time;
    const int32_t *restrict place = tree->place + chunk * LANES;
    if (v->location == 1 && v->member == 0)
        for (int i = 0; i < LANES; i++) x[i] = factor * p[place[i]];
    else
        for (int i = 0; i < LANES; i++)
            x[i] = factor * p[offset(v, tree, chunk * LANES + i)];
}

/* Sixteen rows of sixteen numbers are turned in registers. */
#if LANES % 16 == 0 && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define IN_REGISTERS
#endif
#endif

#ifdef IN_REGISTERS
typedef real Row __attribute__((vector_size(16 * sizeof(real)), aligned(sizeof(real))));

/* Lane j comes from A(j) of a and b, one after the other. */
#define PICK(A)                                                                         \
    __builtin_shufflevector(a, b, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7), A(8), \
                            A(9), A(10), A(11), A(12), A(13), A(14), A(15))
#define MIX(s)                                                                          \
    _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) if (!(i & s))                 \
    {                                                                                   \
        const Row a = r[i], b = r[i + s];                                               \
        r[i] = PICK(UPPER##s);                                                          \
        r[i + s] = PICK(LOWER##s);                                                      \
    }
#define UPPER8(j) ((j)&8 ? 16 + (j)-8 : (j))
#define LOWER8(j) ((j)&8 ? 16 + (j) : (j) + 8)
#define UPPER4(j) ((j)&4 ? 16 + (j)-4 : (j))
#define LOWER4(j) ((j)&4 ? 16 + (j) : (j) + 4)
#define UPPER2(j) ((j)&2 ? 16 + (j)-2 : (j))
#define LOWER2(j) ((j)&2 ? 16 + (j) : (j) + 2)
#define UPPER1(j) ((j)&1 ? 16 + (j)-1 : (j))
#define LOWER1(j) ((j)&1 ? 16 + (j) : (j) + 1)

/* to[j * after] = from[i * before], for the 16 numbers of each of 16 rows. */
static inline void turn(real *to, int64_t after, const real *from, int64_t before)
{
    Row r[16];
    _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++)
        r[i] = *(const Row *)(from + i * before);
    MIX(8)
    MIX(4)
    MIX(2)
    MIX(1)
    _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++)
        *(Row *)(to + i * after) = r[i];
}
#endif

/* Wherever they are used the same text serves: put in at each place, compilers took three
 * times as long. */
#if defined(__GNUC__)
#define ONCE __attribute__((noinline))
#else
#define ONCE
#endif

/* Rows of lanes become series of the slots of a chunk. */
ONCE static void by_slot(real *restrict to, int64_t after, const real *restrict from, int steps)
{
    int t = 0;
#ifdef IN_REGISTERS
    for (; t + 16 <= steps; t += 16)
        for (int i = 0; i < LANES; i += 16)
            turn(to + i * after + t, after, from + t * LANES + i, LANES);
#endif
    for (; t < steps; t++)
        for (int i = 0; i < LANES; i++) to[i * after + t] = from[t * LANES + i];
}

/* Series of the slots of a chunk become rows of lanes. */
ONCE static void by_step(real *restrict to, const real *restrict from, int64_t before, int steps)
{
    int t = 0;
#ifdef IN_REGISTERS
    for (; t + 16 <= steps; t += 16)
        for (int i = 0; i < LANES; i += 16)
            turn(to + t * LANES + i, LANES, from + i * before + t, before);
#endif
    for (; t < steps; t++)
        for (int i = 0; i < LANES; i++) to[t * LANES + i] = from[i * before + t];
}

/* v[t] = share * the sum of a row, over the members where the view repeats. Some rows
 * lie apart by `step` numbers from chunk to chunk. */
ONE_BY_ONE static void spread(const View *v, int64_t t, const real *restrict rows,
                              int64_t step, real share, int adding, const Scan *s,
                              const Tree *tree, const Span *span)
{
    real *restrict p = v->data + t * v->time;
    if (s->members == 1 && v->location == 1 && !adding) {
        for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
            const int32_t *restrict place = tree->place + c * LANES;
            for (int i = 0; i < tree->count[c]; i++) p[place[i]] = rows[c * step + i];
        }
        return;
    }
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
static void stage(real *rows, const View *v, int64_t b, real factor, const Scan *s,
                  const Tree *tree, const Span *span)
{
    const int steps = length_of(s, tree, b);
    if (v->time != 1) {
        for (int t = 0; t < steps; t++)
            for (int64_t c = span->first_chunk; c < span->last_chunk; c++)
                gather(row_of(rows, tree, c, t), v, b * tree->block + t, factor, tree, c);
        return;
    }
    /* Where the steps of a place stand side by side, they are read so. */
    _Alignas(64) real series[LANES][BLOCK];
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
        for (int i = 0; i < LANES; i++) {
            const real *restrict p =
                v->data + offset(v, tree, c * LANES + i) + b * tree->block;
            for (int t = 0; t < steps; t++) series[i][t] = factor * p[t];
        }
        by_step(row_of(rows, tree, c, 0), series[0], BLOCK, steps);
    }
}

/* Bring rows of a block back. */
static void publish(const View *v, const real *rows, int64_t b, real share, int adding,
                    const Scan *s, const Tree *tree, const Span *span)
{
    const int steps = length_of(s, tree, b);
    if (v->time != 1 || (s->members > 1 && v->member == 0)) {
        for (int t = 0; t < steps; t++)
            spread(v, b * tree->block + t, rows + t * LANES, tree->block * LANES, share,
                   adding, s, tree, span);
        return;
    }
    _Alignas(64) real series[LANES][BLOCK];
    for (int64_t c = span->first_chunk; c < span->last_chunk; c++) {
        by_slot(series[0], BLOCK, row_of((real *)rows, tree, c, 0), steps);
        for (int i = 0; i < tree->count[c]; i++) {
            real *restrict to =
                v->data + offset(v, tree, c * LANES + i) + b * tree->block;
            if (adding)
                for (int t = 0; t < steps; t++) to[t] += share * series[i][t];
            else
                for (int t = 0; t < steps; t++) to[t] = share * series[i][t];
        }
    }
}
