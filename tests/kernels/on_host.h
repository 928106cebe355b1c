/* What CUDA adds to C++, for a processor: threads of a block are fibers.
 *
 * A kernel's text stands below, unchanged. The threads of a block run one after the other
 * up to the next barrier, in the order of their numbers or the reverse; who does not come
 * to a barrier that others wait at, is found out. Blocks run one after the other as well,
 * in either order.
 */
#include <ucontext.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#define __device__
#define __global__
#define __grid_constant__
#define __launch_bounds__(threads)
#define __shared__ static

struct Dim3 {
    unsigned x;
};
static Dim3 threadIdx, blockIdx, blockDim;

namespace on_host {

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    bool done = false;
    Fiber() : stack(1 << 18) {}
};

static ucontext_t scheduler;
static Fiber *running;
static void (*body)();

static void start()
{
    body();
    running->done = true;
}

/* The error of a launch whose threads do not all come to a barrier. */
enum { NO_ERROR = 0, APART = 719 };

static int run_block(std::vector<Fiber> &fibers, unsigned threads, bool reversed)
{
    for (unsigned i = 0; i < threads; i++) {
        Fiber &f = fibers[i];
        f.done = false;
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = &scheduler;
        makecontext(&f.context, start, 0);
    }
    for (;;) {
        unsigned done = 0;
        for (unsigned k = 0; k < threads; k++) {
            threadIdx.x = reversed ? threads - 1 - k : k;
            running = &fibers[threadIdx.x];
            swapcontext(&scheduler, &running->context);
            done += running->done;
        }
        if (done == threads) return NO_ERROR;
        if (done) return APART;
    }
}

static int run_grid(unsigned blocks, unsigned threads, bool reversed)
{
    static std::vector<Fiber> fibers;
    if (fibers.size() < threads) fibers.resize(threads);
    blockDim.x = threads;
    for (unsigned k = 0; k < blocks; k++) {
        blockIdx.x = reversed ? blocks - 1 - k : k;
        const int code = run_block(fibers, threads, reversed);
        if (code) return code;
    }
    return NO_ERROR;
}

/* Arguments come by address, as the driver of a GPU takes them. */
template <class... A, std::size_t... I>
static int call(void (*kernel)(A...), void **given, unsigned blocks, unsigned threads,
                bool reversed, std::index_sequence<I...>)
{
    static std::tuple<A *...> arguments;
    static void (*chosen)(A...);
    arguments = {static_cast<A *>(given[I])...};
    chosen = kernel;
    body = [] { chosen(*std::get<I>(arguments)...); };
    return run_grid(blocks, threads, reversed);
}

template <class... A>
static int launch(void (*kernel)(A...), void **given, unsigned blocks, unsigned threads,
                  bool reversed)
{
    return call(kernel, given, blocks, threads, reversed,
                std::index_sequence_for<A...>());
}

} // namespace on_host

static inline void __syncthreads()
{
    swapcontext(&on_host::running->context, &on_host::scheduler);
}

#define ON_HOST(name)                                                                   \
    extern "C" int launch_##name(void **given, unsigned blocks, unsigned threads,       \
                                 int reversed)                                          \
    {                                                                                   \
        return on_host::launch(name, given, blocks, threads, reversed);                 \
    }
