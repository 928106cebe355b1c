/* Inverse roots of many small matrices, each applied to one vector.
 *
 * For every case: u = (I + G)^(-1/2) a + 1 (a'(I + G)^(-1) b), with G symmetric and not
 * negative. Above this text stand `real`, ROOT (its square root) and LANES; each lane
 * works on a case of its own.
 *
 * Reflections lead a to the first unit vector and G to a tridiagonal T (Householder).
 * The root of I + T is a sum of shifted inverses, (I + T + s)^(-1) times a weight (Hale,
 * Higham and Trefethen 2008, doi:10.1137/070700607), and each of these, applied to that
 * unit vector, is one sweep down and up the diagonal. Nothing depends on the numbers but
 * the numbers themselves, so all lanes go the same way.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef real vec __attribute__((vector_size(LANES * sizeof(real))));

#define FOR_LANES(i) _Pragma("omp simd") for (int i = 0; i < LANES; i++)

static inline vec root(vec x)
{
    FOR_LANES(i) x[i] = ROOT(x[i]);
    return x;
}

/* Leads x to its first entry, which is returned; leaves v of the reflection I - vv'. */
static inline vec reflection(int n, vec *restrict x)
{
    vec rest = {0};
    for (int j = 1; j < n; j++)
        rest += x[j] * x[j];
    vec first = x[0], size = root(rest + first * first), led, head, scale;
    FOR_LANES(i)
    {
        /* Of the two reflections the one that does not subtract equals. */
        real to = first[i] > 0 ? -size[i] : size[i], from = first[i] - to;
        int still = rest[i] == 0;
        real factor = still ? 0 : ROOT(2 / (rest[i] + from * from));
        led[i] = still ? first[i] : to;
        head[i] = from;
        scale[i] = factor;
    }
    x[0] = head * scale;
    for (int j = 1; j < n; j++)
        x[j] *= scale;
    return led;
}

static inline void reflect(int n, const vec *restrict v, vec *restrict x)
{
    vec along = {0};
    for (int j = 0; j < n; j++)
        along += v[j] * x[j];
    for (int j = 0; j < n; j++)
        x[j] -= along * v[j];
}

/* Reflects a matrix from both sides, of which the lower triangle is looked at. */
static inline void conjugate(int n, int stride, const vec *restrict v,
                             vec *restrict g, vec *restrict p)
{
    vec along = {0};
    for (int j = 0; j < n; j++)
        p[j] = (vec){0};
    for (int j = 0; j < n; j++) {
        const vec *row = g + (size_t)j * stride;
        vec own = row[j] * v[j], here = v[j];
        for (int k = 0; k < j; k++) {
            own += row[k] * v[k];
            p[k] += row[k] * here;
        }
        p[j] += own;
    }
    for (int j = 0; j < n; j++)
        along += p[j] * v[j];
    along *= (real)0.5;
    for (int j = 0; j < n; j++)
        p[j] -= along * v[j];
    for (int j = 0; j < n; j++) {
        vec *row = g + (size_t)j * stride;
        vec a = v[j], b = p[j];
        for (int k = 0; k <= j; k++)
            row[k] -= a * p[k] + b * v[k];
    }
}

/* Solves (T + shift) y = the first unit vector, up the diagonal d with e beside it. */
static inline void solve(int m, const vec *restrict d, const vec *restrict e,
                         real shift, vec *restrict r, vec *restrict y)
{
    vec below = d[m - 1] + shift;
    for (int j = m - 2; j >= 0; j--) {
        r[j] = e[j] / below;
        below = d[j] + shift - e[j] * r[j];
    }
    y[0] = 1 / below;
    for (int j = 0; j < m - 1; j++)
        y[j + 1] = -r[j] * y[j];
}

/* One case in every lane; g is m by m, w has room for 6 m vectors. */
static void cases(int m, vec *restrict g, vec *restrict a, vec *restrict b,
                  vec *restrict w, int terms, const real *shift, const real *weight)
{
    vec *d = w, *e = w + m, *p = w + 2 * m, *r = w + 3 * m, *y = w + 4 * m,
        *u = w + 5 * m;
    vec size = reflection(m, a), mean = {0};
    conjugate(m, m, a, g, p);
    reflect(m, a, b);
    for (int k = 0; k < m - 2; k++) {
        /* The reflections are kept in the upper triangle. */
        vec *v = g + (size_t)k * m + k + 1;
        int n = m - k - 1;
        for (int j = 0; j < n; j++)
            v[j] = g[(size_t)(k + 1 + j) * m + k];
        d[k] = g[(size_t)k * m + k];
        e[k] = reflection(n, v);
        conjugate(n, m, v, g + (size_t)(k + 1) * m + k + 1, p);
        reflect(n, v, b + k + 1);
    }
    d[m - 2] = g[(size_t)(m - 2) * m + m - 2];
    e[m - 2] = g[(size_t)(m - 1) * m + m - 2];
    d[m - 1] = g[(size_t)m * m - 1];
    solve(m, d, e, 1, r, y);
    for (int j = 0; j < m; j++) {
        mean += y[j] * b[j];
        u[j] = (vec){0};
    }
    for (int t = 0; t < terms; t++) {
        solve(m, d, e, 1 + shift[t], r, y);
        for (int j = 0; j < m; j++)
            u[j] += weight[t] * y[j];
    }
    for (int k = m - 3; k >= 0; k--)
        reflect(m - k - 1, g + (size_t)k * m + k + 1, u + k + 1);
    reflect(m, a, u);
    for (int j = 0; j < m; j++)
        b[j] = size * (u[j] + mean);
}

/* g is (count, m (m + 1) / 2), lower triangles row by row, a, b and u are (count, m); 0, or 1 where there is no memory. */
int roots(int64_t count, int64_t m, const real *g, const real *a, const real *b,
          int64_t terms, const real *shift, const real *weight, real *u)
{
    size_t size = (size_t)m * (m + 8) * sizeof(vec);
    vec *room = aligned_alloc(sizeof(vec), size);
    if (!room)
        return 1;
    vec *x = room + m * m, *z = x + m;
    for (int64_t first = 0; first < count; first += LANES) {
        for (int i = 0; i < LANES; i++) {
            /* Lanes that are left over work on the last case once more. */
            int64_t at = first + i < count ? first + i : count - 1;
            const real *next = g + at * (m * (m + 1) / 2);
            for (int64_t j = 0; j < m; j++)
                for (int64_t k = 0; k <= j; k++)
                    room[j * m + k][i] = *next++;
            for (int64_t j = 0; j < m; j++) {
                x[j][i] = a[at * m + j];
                z[j][i] = b[at * m + j];
            }
        }
        cases((int)m, room, x, z, z + m, (int)terms, shift, weight);
        for (int i = 0; i < LANES && first + i < count; i++)
            for (int64_t j = 0; j < m; j++)
                u[(first + i) * m + j] = z[j][i];
    }
    free(room);
    return 0;
}
