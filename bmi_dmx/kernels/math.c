/* Exponential and logarithm of float, written out.
 *
 * A call of a vector function spills all that is in registers, which costs as much as the
 * function. Polynomials of least largest relative error; both are right to 3e-7 wherever
 * the result is a normal number, and tell what is not finite.
 */
#include <stdint.h>

typedef union {
    float number;
    int32_t bits;
} Bits;

static inline float exponential(float x)
{
    /* To the nearest whole number by what has no places after the point. */
    const float whole = 12582912.0f;
    const float low = x < -87.0f ? -87.0f : x;
    const float y = low > 88.0f ? 88.0f : low;
    const float n = (y * 1.44269504f + whole) - whole;
    const float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 0.00138146128f;
    p = p * r + 0.00836871006f;
    p = p * r + 0.0416683890f;
    p = p * r + 0.166665211f;
    p = p * r + 0.499999940f;
    p = (p * r) * r + r + 1.0f;
    const Bits power = {.bits = ((int32_t)n + 127) << 23};
    const float found = p * power.number;
    return x > 88.0f ? INFINITY : found;
}

static inline float logarithm(float x)
{
    const Bits b = {.number = x};
    /* x = 2^e m, where m is between the roots of a half and of two. */
    const int32_t e = (b.bits - 0x3f3504f3) >> 23;
    const Bits m = {.bits = b.bits - (e << 23)};
    const float s = (m.number - 1.0f) / (m.number + 1.0f);
    const float z = s * s;
    float p = 0.298717290f;
    p = p * z + 0.399775416f;
    p = p * z + 0.666667759f;
    const float n = (float)e;
    const float found = (2.0f * s + (s * z) * p + n * -2.12194440e-4f) + n * 0.693359375f;
    const float checked = x < INFINITY ? found : x;
    return x > 0.0f ? checked : (x == 0.0f ? -INFINITY : NAN);
}

#undef EXP
#undef LOG
#define EXP exponential
#define LOG logarithm
