/* One wave through a tree, forward and backward: every place runs one block of steps.
 *
 * A place depends on those upstream, at the same step. So a place of level l runs block b
 * in wave l + b, when those upstream of it, of lower levels, have run that block. Waves
 * are launches one after the other; all of a wave is independent. Backward the waves
 * come in reverse order.
 *
 * Places stand in slots, in the order of their levels. What is passed on, and what is
 * kept, lies slot by slot; what a place receives is summed over the places upstream in
 * one order. A place drains into one other alone: backward it reads one number. Nothing
 * is added up by several threads.
 */
typedef struct {
    const whole *place, *level; /* of every slot */
    const whole *edge, *giver;  /* first edge of every slot; the slots that give */
    const whole *below;         /* the slot below, or -1 */
    real *passed;               /* (link, step, cell) */
    real *arriving;             /* the gradient of what links bring, likewise */
    real *history;              /* (step of a block, state, cell) */
    real *d_state;              /* (state, cell), from wave to wave */
    whole levels, blocks;
    whole kept; /* 1 if the states of all blocks are kept, 0 if those of one */
} Tree;

static_assert(sizeof(Tree) == sizeof(whole) * TREE_WORDS,
              "the host fills in a tree of another size");

typedef struct {
    Cell cell;
    whole slot, index, cells;
} Spot;

/* Return whether there is something to do, and where. */
__device__ static bool find(const Scan &s, const Tree &tree, Spot *spot)
{
    spot->cells = s.locations * s.members;
    spot->index = (whole)blockIdx.x * blockDim.x + threadIdx.x;
    if (spot->index >= spot->cells) return false;
    spot->slot = spot->index / s.members;
    spot->cell.location = tree.place[spot->slot];
    spot->cell.member = spot->index % s.members;
    spot->cell.there = true;
    return true;
}

/* Of a series (link, step, cell). */
__device__ static inline whole link_at(const Scan &s, int link, whole t, whole cells,
                                       whole index)
{
    return (link * s.steps + t) * cells + index;
}

/* Where the states of a row are, of many. */
__device__ static inline real *row_of(real *memory, whole row, const Spot &spot)
{
    return memory + row * STATES * spot.cells + spot.index;
}

__device__ static inline void keep(real *row, const Spot &spot, const real *state)
{
#pragma unroll (STATES_AT_ONCE)
    for (int k = 0; k < STATES; k++) row[k * spot.cells] = state[k];
}

__device__ static inline void recall(const real *row, const Spot &spot, real *state)
{
#pragma unroll (STATES_AT_ONCE)
    for (int k = 0; k < STATES; k++) state[k] = row[k * spot.cells];
}

__device__ static inline void load_forcing(const Scan &s, const Tree &tree, whole t,
                                           const Spot &spot, real *f, real *probed)
{
#pragma unroll (FORCINGS_AT_ONCE)
    for (int k = 0; k < FORCINGS; k++) {
        const View &v = s.view[FORCING + k];
        f[k] = 0;
        if (v.data) {
            f[k] = v.data[at(v, t, spot.cell)];
            probe(probed, f[k]);
        }
        if (FORCING_LINK(k) >= 0)
            for (whole e = tree.edge[spot.slot]; e < tree.edge[spot.slot + 1]; e++) {
                const whole giver = tree.giver[e] * s.members + spot.cell.member;
                f[k] += tree.passed[link_at(s, FORCING_LINK(k), t, spot.cells, giver)];
            }
    }
}

__device__ static inline void step_of(const Scan &s, const Tree &tree, whole t,
                                      const Spot &spot, real *f, real *p, real *probed)
{
    load_forcing(s, tree, t, spot, f, probed);
    load_varying(s, t, spot.cell, p, probed);
}

extern "C" __global__ void forward(SCAN_ARGUMENT, const __grid_constant__ Tree tree,
                                   whole wave, int *bad)
{
#if !BY_VALUE
    const Scan &s = *arguments;
#endif
    Spot spot;
    if (!find(s, tree, &spot)) return;
    const whole block = wave - tree.level[spot.slot];
    if (block < 0 || block >= tree.blocks) return;
    const Cell &c = spot.cell;
    real state[SOME(STATES)], f[SOME(FORCINGS)], p[SOME(PARAMETERS)], q[SOME(OUTPUTS)];
    real probed = 0;
    load_fixed(s, c, p, &probed);
    if (block == 0) {
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            state[k] = s.view[STATE + k].data[at(s.view[STATE + k], 0, c)];
            probe(&probed, state[k]);
        }
        keep(row_of(s.checkpoints, 0, spot), spot, state);
    } else
        recall(row_of(s.checkpoints, block * tree.kept, spot), spot, state);
    const whole end = (block + 1) * s.interval;
    const whole stop = end < s.steps ? end : s.steps;
    for (whole t = block * s.interval; t < stop; t++) {
        step_of(s, tree, t, spot, f, p, &probed);
        record(state, f, p, q);
#pragma unroll (OUTPUTS_AT_ONCE)
        for (int k = 0; k < OUTPUTS; k++) {
            const View &v = s.view[OUTPUT + k];
            if (v.data) v.data[at(v, t, c)] = q[k];
        }
#pragma unroll (LINKS)
        for (int l = 0; l < LINKS; l++)
            tree.passed[link_at(s, l, t, spot.cells, spot.index)] = q[LINK_OUTPUT(l)];
    }
    if (block + 1 < tree.blocks)
        keep(row_of(s.checkpoints, (block + 1) * tree.kept, spot), spot, state);
    else {
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            const View &v = s.view[FINAL + k];
            v.data[at(v, 0, c)] = state[k];
            probe(&probed, state[k]);
        }
    }
    /* 0 or NaN: a choice may hide an input that is not finite. */
    if (!(probed == 0)) *bad = 1;
}

#ifdef ADJOINT
/* What is asked of the outputs of a step: by who reads them, and by the place below. */
__device__ static inline void asked(const Scan &s, const Tree &tree, whole t,
                                    const Spot &spot, real *dq, real *d)
{
#pragma unroll (OUTPUTS_AT_ONCE)
    for (int k = 0; k < OUTPUTS; k++) {
        const View &v = s.view[D_OUTPUT + k];
        dq[k] = v.data ? v.data[at(v, t, spot.cell)] : (real)0;
    }
    const whole below = tree.below[spot.slot];
    if (below >= 0) {
        const whole receiver = below * s.members + spot.cell.member;
#pragma unroll (LINKS)
        for (int l = 0; l < LINKS; l++)
            dq[LINK_OUTPUT(l)] += tree.arriving[link_at(s, l, t, spot.cells, receiver)];
    }
#pragma unroll (OUTPUTS_AT_ONCE)
    for (int k = 0; k < OUTPUTS; k++)
        if (OUTPUT_STATE(k) >= 0) d[OUTPUT_STATE(k)] += dq[k];
}

/* Lay down the gradients of what changes with time. */
__device__ static inline void give(const Scan &s, const Tree &tree, whole t,
                                   const Spot &spot, const real *gf, const real *gp)
{
#pragma unroll (FORCINGS_AT_ONCE)
    for (int k = 0; k < FORCINGS; k++) {
        const View &v = s.view[G_FORCING + k];
        if (v.data) v.data[at(v, t, spot.cell)] = gf[k];
    }
#pragma unroll (LINKS)
    for (int l = 0; l < LINKS; l++)
        tree.arriving[link_at(s, l, t, spot.cells, spot.index)] = gf[LINK_FORCING(l)];
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++) {
        const View &v = s.view[G_PARAMETER + k];
        if (s.view[PARAMETER + k].time != 0) v.data[at(v, t, spot.cell)] = gp[k];
    }
}

extern "C" __global__ void backward(SCAN_ARGUMENT, const __grid_constant__ Tree tree,
                                    whole wave)
{
#if !BY_VALUE
    const Scan &s = *arguments;
#endif
    Spot spot;
    if (!find(s, tree, &spot)) return;
    const whole late = wave - (tree.levels - 1 - tree.level[spot.slot]);
    if (late < 0 || late >= tree.blocks) return;
    const whole block = tree.blocks - 1 - late;
    const Cell &c = spot.cell;
    real state[SOME(STATES)], f[SOME(FORCINGS)], p[SOME(PARAMETERS)];
    real d[SOME(STATES)], dq[SOME(OUTPUTS)], gf[SOME(FORCINGS)], gp[SOME(PARAMETERS)];
    real ignored = 0;
    load_fixed(s, c, p, &ignored);
#pragma unroll (FORCINGS_AT_ONCE)
    for (int k = 0; k < FORCINGS; k++) gf[k] = 0;
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++) {
        const View &v = s.view[G_PARAMETER + k];
        gp[k] = late && v.time == 0 ? v.data[at(v, 0, c)] : (real)0;
    }
    if (late)
        recall(row_of(tree.d_state, 0, spot), spot, d);
    else {
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++)
            d[k] = s.view[D_FINAL + k].data[at(s.view[D_FINAL + k], 0, c)];
    }
    const whole start = block * s.interval, end = start + s.interval;
    const whole stop = end < s.steps ? end : s.steps;
    recall(row_of(s.checkpoints, block * tree.kept, spot), spot, state);
    keep(row_of(tree.history, 0, spot), spot, state);
    for (whole t = start; t < stop - 1; t++) {
        step_of(s, tree, t, spot, f, p, &ignored);
        advance(state, f, p, state);
        keep(row_of(tree.history, t + 1 - start, spot), spot, state);
    }
    for (whole t = stop - 1; t >= start; t--) {
        step_of(s, tree, t, spot, f, p, &ignored);
        recall(row_of(tree.history, t - start, spot), spot, state);
        asked(s, tree, t, spot, dq, d);
#pragma unroll (PARAMETERS_AT_ONCE)
        for (int k = 0; k < PARAMETERS; k++)
            if (s.view[PARAMETER + k].time != 0) gp[k] = 0;
        adjoint(state, f, p, dq, d, gf, gp);
        give(s, tree, t, spot, gf, gp);
    }
    if (block > 0)
        keep(row_of(tree.d_state, 0, spot), spot, d);
    else {
#pragma unroll (STATES_AT_ONCE)
        for (int k = 0; k < STATES; k++) {
            const View &v = s.view[G_STATE + k];
            v.data[at(v, 0, c)] = d[k];
        }
    }
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++) {
        const View &v = s.view[G_PARAMETER + k];
        if (s.view[PARAMETER + k].time == 0) v.data[at(v, 0, c)] = gp[k];
    }
}
#endif
