/* The time loop of cells that do not see each other, forward and backward.
 *
 * A block works on whole locations, so that members are averaged inside it, in their
 * order: results do not depend on how many blocks there are. What is to be summed over
 * members is laid down in rows of shared memory; when all rows are full, each of their
 * sums is made by one thread.
 */

/* THREADS is the largest block, and how many members of a location work at once. */
#define ROWS 16

/* A row has one more than threads, so that sums read different banks. */
typedef struct {
    real value[ROWS * (THREADS + 1)];
    real *target[ROWS]; /* of the first location of the block */
    whole stride[ROWS]; /* from location to location */
    real scale[ROWS];
} Rows;

/* What a thread knows of its block. */
typedef struct {
    Cell cell;
    Rows *rows;
    int filled;     /* rows */
    int width;      /* members at once */
    int locations;  /* of this block that are there */
    int members;    /* of them now, the last time fewer than width */
    bool first;     /* whether these are the first members */
    whole location; /* the first of this block */
} Team;

/* Lay the sums where they belong. All threads of a block come here together. */
__device__ static void flush(Team &team)
{
    Rows &rows = *team.rows;
    __syncthreads();
    for (int job = threadIdx.x; job < team.filled * team.locations; job += blockDim.x) {
        const int row = job % team.filled, own = job / team.filled;
        const real *x = rows.value + row * (THREADS + 1) + own * team.width;
        real sum = 0;
        for (int m = 0; m < team.members; m++) sum += x[m];
        real *target = rows.target[row] + own * rows.stride[row];
        /* Only where members come in turns was something laid here before. */
        *target = team.first ? rows.scale[row] * sum : *target + rows.scale[row] * sum;
    }
    __syncthreads();
    team.filled = 0;
}

/* Lay down a number that is summed over the members of its location. */
__device__ static inline void put(Team &team, const View &v, whole t, real x, real scale)
{
    Rows &rows = *team.rows;
    rows.value[team.filled * (THREADS + 1) + threadIdx.x] = x;
    if (threadIdx.x == 0) {
        rows.target[team.filled] = v.data + t * v.time + team.location * v.location;
        rows.stride[team.filled] = v.location;
        rows.scale[team.filled] = scale;
    }
    if (++team.filled == ROWS) flush(team);
}

/* v[t] = x, or the sum over members where the view repeats. */
__device__ static inline void give(Team &team, const Scan &s, const View &v, whole t,
                                   real x)
{
    if (s.members > 1 && v.member == 0)
        put(team, v, t, x, 1);
    else if (team.cell.there)
        v.data[at(v, t, team.cell)] = x;
}

__device__ static inline void load_forcing(const Scan &s, whole t, const Cell &c, real *f,
                                           real *probed)
{
#pragma unroll (FORCINGS_AT_ONCE)
    for (int k = 0; k < FORCINGS; k++) {
        const View &v = s.view[FORCING + k];
        f[k] = v.data[at(v, t, c)];
        probe(probed, f[k]);
    }
}

/* Where the states of a cell are kept: those of one variable side by side. */
__device__ static inline whole kept_at(const Scan &s, whole row, int k, const Cell &c)
{
    const whole cells = s.locations * s.members;
    return (row * STATES + k) * cells + c.location * s.members + c.member;
}

__device__ static inline void keep(const Scan &s, real *memory, whole row, const Cell &c,
                                   const real *state)
{
#pragma unroll (STATES_AT_ONCE)
    for (int k = 0; k < STATES; k++) memory[kept_at(s, row, k, c)] = state[k];
}

__device__ static inline void recall(const Scan &s, const real *memory, whole row,
                                     const Cell &c, real *state)
{
#pragma unroll (STATES_AT_ONCE)
    for (int k = 0; k < STATES; k++) state[k] = memory[kept_at(s, row, k, c)];
}

__device__ static void forward_cell(Team &team, const Scan &s, int *bad)
{
    const Cell &c = team.cell;
    real state[SOME(STATES)], f[SOME(FORCINGS)], p[SOME(PARAMETERS)], q[SOME(OUTPUTS)];
    const real share = (real)1 / (real)s.members;
    real probed = 0;
    if (c.there) {
        load_fixed(s, c, p, &probed);
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            const View &v = s.view[STATE + k];
            state[k] = v.data[at(v, 0, c)];
            probe(&probed, state[k]);
        }
        for (whole t = 0; t < s.warmup; t++) {
            load_forcing(s, t, c, f, &probed);
            load_varying(s, t, c, p, &probed);
            advance(state, f, p, state);
        }
    }
    for (whole t = 0; t < s.steps - s.warmup; t++) {
        if (c.there) {
            if (s.checkpoints && t % s.interval == 0)
                keep(s, s.checkpoints, t / s.interval, c, state);
            load_forcing(s, t + s.warmup, c, f, &probed);
            load_varying(s, t + s.warmup, c, p, &probed);
            record(state, f, p, q);
        }
#pragma unroll (OUTPUTS_AT_ONCE)
        for (int k = 0; k < OUTPUTS; k++) {
            const View &v = s.view[OUTPUT + k];
            if (s.average)
                put(team, v, t, c.there ? q[k] : (real)0, share);
            else if (c.there)
                v.data[at(v, t, c)] = q[k];
        }
    }
    if (c.there) {
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            const View &v = s.view[FINAL + k];
            v.data[at(v, 0, c)] = state[k];
            probe(&probed, state[k]);
        }
        /* 0 or NaN: a choice may hide an input that is not finite. */
        if (!(probed == 0)) *bad = 1;
    }
    flush(team);
}

#ifdef ADJOINT
__device__ static void backward_cell(Team &team, const Scan &s, real *history)
{
    const Cell &c = team.cell;
    real state[SOME(STATES)], f[SOME(FORCINGS)], p[SOME(PARAMETERS)];
    real d[SOME(STATES)], dq[SOME(OUTPUTS)], gf[SOME(FORCINGS)], gp[SOME(PARAMETERS)];
    const whole recorded = s.steps - s.warmup;
    const real share = s.average ? (real)1 / (real)s.members : (real)1;
    real ignored = 0;
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++) gp[k] = 0;
#pragma unroll (FORCINGS_AT_ONCE)
    for (int k = 0; k < FORCINGS; k++) gf[k] = 0;
    if (c.there) {
        load_fixed(s, c, p, &ignored);
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            const View &v = s.view[D_FINAL + k];
            d[k] = v.data[at(v, 0, c)];
        }
    }
    for (whole segment = (recorded - 1) / s.interval; segment >= 0; segment--) {
        const whole start = segment * s.interval;
        const whole stop =
            start + s.interval < recorded ? start + s.interval : recorded;
        if (c.there) {
            recall(s, s.checkpoints, segment, c, state);
            keep(s, history, 0, c, state);
            for (whole t = start; t < stop - 1; t++) {
                load_forcing(s, t + s.warmup, c, f, &ignored);
                load_varying(s, t + s.warmup, c, p, &ignored);
                advance(state, f, p, state);
                keep(s, history, t + 1 - start, c, state);
            }
        }
        for (whole t = stop - 1; t >= start; t--) {
            if (c.there) {
                load_forcing(s, t + s.warmup, c, f, &ignored);
                load_varying(s, t + s.warmup, c, p, &ignored);
                recall(s, history, t - start, c, state);
#pragma unroll (OUTPUTS_AT_ONCE)
                for (int k = 0; k < OUTPUTS; k++) {
                    const View &v = s.view[D_OUTPUT + k];
                    dq[k] = share * v.data[at(v, t, c)];
                    if (OUTPUT_STATE(k) >= 0) d[OUTPUT_STATE(k)] += dq[k];
                }
#pragma unroll (PARAMETERS_AT_ONCE)
                for (int k = 0; k < PARAMETERS; k++)
                    if (s.view[PARAMETER + k].time != 0) gp[k] = 0;
                adjoint(state, f, p, dq, d, gf, gp);
            }
#pragma unroll (PARAMETERS_AT_ONCE)
            for (int k = 0; k < PARAMETERS; k++)
                if (s.view[PARAMETER + k].time != 0)
                    give(team, s, s.view[G_PARAMETER + k], t + s.warmup, gp[k]);
#if FORCING_GRADIENT
#pragma unroll (FORCINGS_AT_ONCE)
            for (int k = 0; k < FORCINGS; k++)
                give(team, s, s.view[G_FORCING + k], t + s.warmup, gf[k]);
#endif
        }
    }
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++)
        if (s.view[PARAMETER + k].time == 0)
            give(team, s, s.view[G_PARAMETER + k], 0, gp[k]);
    if (c.there && s.warmup == 0) {
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            const View &v = s.view[G_STATE + k];
            v.data[at(v, 0, c)] = d[k];
        }
    }
    flush(team);
}
#endif

/* Bring a thread to its location, and to the first of its members. */
__device__ static void join(Team &team, const Scan &s, Rows *rows)
{
    const whole width = s.members < THREADS ? s.members : THREADS;
    const whole locations = blockDim.x / width, own = threadIdx.x / width;
    team.rows = rows;
    team.filled = 0;
    team.width = (int)width;
    team.location = blockIdx.x * locations;
    const whole left = s.locations - team.location;
    team.locations = (int)(left < locations ? left : locations);
    team.cell.location = team.location + own;
}

/* Members of a location beyond the threads of a block come in turns. */
__device__ static void turn(Team &team, const Scan &s, whole first)
{
    const int own = threadIdx.x / team.width, lane = threadIdx.x % team.width;
    const whole left = s.members - first;
    team.members = (int)(left < team.width ? left : team.width);
    team.cell.member = first + lane;
    team.cell.there = own < team.locations && lane < team.members;
    team.first = first == 0;
}

extern "C" __global__ void __launch_bounds__(THREADS) forward(SCAN_ARGUMENT, int *bad)
{
#if !BY_VALUE
    const Scan &s = *arguments;
#endif
    __shared__ Rows rows;
    Team team;
    join(team, s, &rows);
    for (whole first = 0; first < s.members; first += team.width) {
        turn(team, s, first);
        forward_cell(team, s, bad);
    }
}

#ifdef ADJOINT
extern "C" __global__ void __launch_bounds__(THREADS) backward(SCAN_ARGUMENT,
                                                               real *history)
{
#if !BY_VALUE
    const Scan &s = *arguments;
#endif
    __shared__ Rows rows;
    Team team;
    join(team, s, &rows);
    for (whole first = 0; first < s.members; first += team.width) {
        turn(team, s, first);
        backward_cell(team, s, history);
    }
}
#endif
