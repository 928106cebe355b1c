/* Which cells are worked on together, and how their numbers are read and written.
 *
 * Cells are numbered location-major; a group is the smallest number of whole locations
 * that fills complete chunks of LANES cells. A group is worked on by one thread from
 * start to end, so that results do not depend on the number of threads. The spare lanes
 * of the last chunk repeat its last cell and are never written back.
 */
typedef struct {
    int64_t location[LANES], member[LANES];
    int count;    /* cells that are not repetitions */
    int together; /* a full chunk of one location */
    int line;     /* a full chunk of one member at successive locations */
    int spare;    /* there is no such chunk: it repeats the one before */
    int64_t index;
} Chunk;

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

/* v[t] += scale * x, summed where the view repeats. */
static inline void add(const View *v, int64_t t, const real *restrict x, real scale,
                       const Chunk *c)
{
    if (c->spare) return;
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

/* v[t] = the mean over members, of which x has some. The first writes, others add. */
static inline void average(const View *v, int64_t t, const real *restrict x, real share,
                           const Chunk *c)
{
    if (c->spare) return;
    real *p = v->data + t * v->time;
    if (c->line) {
        p += c->location[0] * v->location;
        FOR_LANES(i) p[i * v->location] = x[i];
    } else if (c->together) {
        p += c->location[0] * v->location;
        const real sum = total(x);
        *p = c->member[0] ? *p + share * sum : share * sum;
    } else
        for (int i = 0; i < c->count; i++) {
            real *q = p + c->location[i] * v->location;
            *q = c->member[i] ? *q + share * x[i] : share * x[i];
        }
}

static inline void store(const View *v, int64_t t, const real *restrict x, const Chunk *c)
{
    if (c->spare) return;
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

static inline View entry(const View *run, int e)
{
    View v = *run;
    v.data += e * v.entry;
    return v;
}

/* Where the entries of a cell alone stand side by side; else NULL. */
static inline real *row(const View *run, int64_t t, const Chunk *c)
{
    if (ROW > 1 || run->entry != 1) return NULL;
    return run->data + t * run->time + c->location[0] * run->location +
           c->member[0] * run->member;
}

static inline void load_run(real *restrict x, const View *run, int length, int64_t t,
                            const Chunk *c)
{
    const real *p = row(run, t, c);
    if (p)
        memcpy(x, p, length * sizeof(real));
    else
        for (int e = 0; e < length; e++) {
            const View v = entry(run, e);
            load(x + e * ROW, &v, t, c);
        }
}

static inline void store_run(const View *run, int64_t t, const real *restrict x,
                             int length, const Chunk *c)
{
    real *p = row(run, t, c);
    if (p)
        memcpy(p, x, length * sizeof(real));
    else
        for (int e = 0; e < length; e++) {
            const View v = entry(run, e);
            store(&v, t, x + e * ROW, c);
        }
}

static inline void add_run(const View *run, int64_t t, const real *restrict x, int length,
                           const Chunk *c)
{
    for (int e = 0; e < length; e++) {
        const View v = entry(run, e);
        add(&v, t, x + e * ROW, 1, c);
    }
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

/* Chunks in a group. Those that go abreast are of one group. */
static int64_t group_chunks(int64_t members)
{
    return ABREAST * (members / common_divisor(members, ROW));
}

int64_t groups(int64_t locations, int64_t members)
{
    const int64_t size = group_chunks(members) * LANES;
    return (locations * members + size - 1) / size;
}

/* Describe a chunk; return 0 when there is no such chunk. */
static inline int describe_one(Chunk *c, const Scan *s, int64_t index)
{
    const int64_t first = index * LANES;
    const int64_t cells = s->locations * s->members;
    if (first >= cells) return 0;
    c->index = index;
    c->spare = 0;
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

/* Describe chunks that go abreast; return 0 when there is none. */
static inline int describe(Chunk *c, const Scan *s, int64_t first)
{
    if (!describe_one(c, s, first)) return 0;
    for (int a = 1; a < ABREAST; a++)
        if (!describe_one(c + a, s, first + a)) {
            c[a] = c[a - 1];
            c[a].spare = 1;
        }
    return 1;
}
