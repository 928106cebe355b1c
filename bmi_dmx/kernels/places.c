/* A program over places, TOGETHER of them at a time: side by side in the lanes of vectors, or
 * one alone, whose entries are side by side.
 *
 * Above this text stand TOGETHER, PANEL (columns of a matrix that stand together), INPUTS,
 * OUTPUTS and FIXED. Below it stand MEMORY (numbers worked on) and work(), what the program
 * does with a block.
 */
#include <stdint.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <xmmintrin.h> /* a tenth of immintrin.h to read */
#endif

#define TRUNC trunc
#define NO_MEMORY 2

/* An array: numbers from place to place, and from entry to entry; what it is divided by. */
typedef struct {
    real *data;
    int64_t place, entry;
    real divisor;
} Series;

typedef struct {
    int64_t places;
    Series input[INPUTS], output[OUTPUTS];
    const real *fixed[FIXED + 1];
} Call;

int64_t call_words(void)
{
    return sizeof(Call) / sizeof(int64_t);
}

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

typedef real Vector __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
enum { PER_VECTOR = BYTES / sizeof(real) };

static inline Vector vector(const real *x)
{
    return *(const Vector *)x;
}

/* y = x w of a block: (inner, TOGETHER) with (inner, outer). The matrix comes in panels of
 * PANEL columns, each from its first row to its last; the last is filled up with zeros. */
#if TOGETHER > 1
enum {
    VECTORS = TOGETHER / PER_VECTOR,
    /* As many sums as there are registers for. */
    COLUMNS = BYTES == 64 ? PANEL : 2
};

static void multiply(const real *restrict x, const real *restrict w, real *restrict y,
                     int inner, int panels)
{
    for (int panel = 0; panel < panels; panel++, w += inner * PANEL)
        for (int column = 0; column < PANEL; column += COLUMNS, y += COLUMNS * TOGETHER) {
            Vector sum[COLUMNS][VECTORS] = {0};
            for (int k = 0; k < inner; k++)
#pragma GCC unroll 16
                for (int c = 0; c < COLUMNS; c++)
#pragma GCC unroll 16
                    for (int v = 0; v < VECTORS; v++)
                        sum[c][v] += vector(x + k * TOGETHER + v * PER_VECTOR) *
                                     w[k * PANEL + column + c];
#pragma GCC unroll 16
            for (int c = 0; c < COLUMNS; c++)
#pragma GCC unroll 16
                for (int v = 0; v < VECTORS; v++)
                    *(Vector *)(y + c * TOGETHER + v * PER_VECTOR) = sum[c][v];
        }
}
#else
enum { VECTORS = PANEL / PER_VECTOR };

static void multiply(const real *restrict x, const real *restrict w, real *restrict y,
                     int inner, int panels)
{
    for (int panel = 0; panel < panels; panel++, y += PANEL) {
        Vector sum[VECTORS] = {0};
        for (int k = 0; k < inner; k++, w += PANEL)
#pragma GCC unroll 16
            for (int v = 0; v < VECTORS; v++)
                sum[v] += vector(w + v * PER_VECTOR) * x[k];
#pragma GCC unroll 16
        for (int v = 0; v < VECTORS; v++) *(Vector *)(y + v * PER_VECTOR) = sum[v];
    }
}
#endif

/* Which row of a table a number means. */
static inline int64_t row_of(real number, int64_t rows)
{
    const int64_t row = (int64_t)number;
    return row < 0 ? 0 : row < rows ? row : rows - 1;
}

/* What a block reads and writes; spare lanes of the last one repeat its last place. */
typedef struct {
    int64_t place[TOGETHER];
    int count;
} Places;

static inline void load(real *restrict x, const Series *s, int entries, const Places *p)
{
    for (int e = 0; e < entries; e++)
        for (int i = 0; i < TOGETHER; i++)
            x[e * TOGETHER + i] =
                s->data[p->place[i] * s->place + e * s->entry] / s->divisor;
}

static inline void store(const Series *s, const real *restrict x, int entries,
                         const Places *p)
{
    for (int e = 0; e < entries; e++)
        for (int i = 0; i < p->count; i++)
            s->data[p->place[i] * s->place + e * s->entry] = x[e * TOGETHER + i];
}
