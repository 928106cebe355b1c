
/* All places; 0, or NO_MEMORY. */
int answer(const Call *call)
{
    enum { SMALL = 1 << 14, ALONE = MEMORY <= SMALL };
    _Alignas(64) real in_place[ALONE ? MEMORY : 1];
    real *const memory =
        ALONE ? in_place : aligned_alloc(64, (MEMORY * sizeof(real) + 63) / 64 * 64);
    if (!memory) return NO_MEMORY;
#if defined(__SSE2__)
    /* Denormal numbers are of no size and cost a hundred cycles each. */
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);
#endif
    Places p;
    for (int64_t first = 0; first < call->places; first += TOGETHER) {
        const int64_t left = call->places - first;
        p.count = left < TOGETHER ? (int)left : TOGETHER;
        for (int i = 0; i < TOGETHER; i++)
            p.place[i] = first + (i < p.count ? i : p.count - 1);
        work(call, memory, &p);
    }
#if defined(__SSE2__)
    _mm_setcsr(mode);
#endif
    if (!ALONE) free(memory);
    return 0;
}
