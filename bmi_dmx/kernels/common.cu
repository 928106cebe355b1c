/* What kernels of a GPU share: how their arguments come, and how numbers are read.
 *
 * Above this text stand the generated parts: `real`, the numbers of variables (STATES,
 * FORCINGS, PARAMETERS, OUTPUTS), ARGUMENT_WORDS, BY_VALUE, OUTPUT_STATE (which state an
 * output is, or -1), and the functions advance(), record() and, for training, adjoint(),
 * each one step of one cell. A cell is one member at one location, and one thread.
 *
 * Cells are numbered location-major, so that threads side by side read the members of
 * one location, which in a usual tensor (time, location, member) stand side by side.
 */
typedef long long whole;

/* A strided array (time, location, member); a stride of 0 repeats the value. */
typedef struct {
    real *data;
    whole time, location, member, entry;
} View;

/* An array of none is no array. */
#define SOME(count) ((count) > 0 ? (count) : 1)

/* In the order in which the host fills it in. */
typedef struct {
    whole steps, warmup, locations, members, interval, average;
    real *checkpoints;
    View view[4 * STATES + 2 * FORCINGS + 2 * PARAMETERS + 2 * OUTPUTS];
} Scan;

enum {
    STATE = 0,
    FORCING = STATE + STATES,
    PARAMETER = FORCING + FORCINGS,
    FINAL = PARAMETER + PARAMETERS,
    OUTPUT = FINAL + STATES,
    D_FINAL = OUTPUT + OUTPUTS,
    D_OUTPUT = D_FINAL + STATES,
    G_STATE = D_OUTPUT + OUTPUTS,
    G_FORCING = G_STATE + STATES,
    G_PARAMETER = G_FORCING + FORCINGS
};

static_assert(sizeof(Scan) == sizeof(whole) * ARGUMENT_WORDS,
              "the host fills in arguments of another size");

/* Arguments come with the launch where they are few, which is the fastest way. */
#if BY_VALUE
#define SCAN_ARGUMENT const __grid_constant__ Scan s
#else
#define SCAN_ARGUMENT const Scan *__restrict__ arguments
#endif

/* Loops over many variables are left as loops: written out, they would take a compiler
 * minutes, and so many numbers do not stay in registers anyway. */
#define WRITTEN_OUT 24
#define AT_ONCE(count) ((count) > 0 && (count) <= WRITTEN_OUT ? (count) : 1)
enum {
    STATES_AT_ONCE = AT_ONCE(STATES),
    FORCINGS_AT_ONCE = AT_ONCE(FORCINGS),
    PARAMETERS_AT_ONCE = AT_ONCE(PARAMETERS),
    OUTPUTS_AT_ONCE = AT_ONCE(OUTPUTS)
};

typedef struct {
    whole location, member;
    bool there; /* and not a thread to spare */
} Cell;

__device__ static inline whole at(const View &v, whole t, const Cell &c)
{
    return t * v.time + c.location * v.location + c.member * v.member;
}

/* Not 0 * x, which a compiler may take for 0. */
__device__ static inline void probe(real *sum, real x)
{
    *sum += x - x;
}

/* Those that change with time are read later. */
__device__ static inline void load_fixed(const Scan &s, const Cell &c, real *p,
                                         real *probed)
{
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++) {
        const View &v = s.view[PARAMETER + k];
        p[k] = v.time == 0 ? v.data[at(v, 0, c)] : (real)0;
        probe(probed, p[k]);
    }
}

__device__ static inline void load_varying(const Scan &s, whole t, const Cell &c, real *p,
                                           real *probed)
{
#pragma unroll (PARAMETERS_AT_ONCE)
    for (int k = 0; k < PARAMETERS; k++) {
        const View &v = s.view[PARAMETER + k];
        if (v.time != 0) {
            p[k] = v.data[at(v, t, c)];
            probe(probed, p[k]);
        }
    }
}
