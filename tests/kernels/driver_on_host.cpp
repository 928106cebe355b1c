/* What is used of the driver of a GPU, for kernels compiled for a processor.
 *
 * A module's image is the path of its library. BACKWARDS in the environment has threads
 * and blocks run in the reverse order.
 */
#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>
#include <string>

typedef int (*Launch)(void **, unsigned, unsigned, int);

enum { SUCCESS = 0, NO_FILE = 301, NO_NAME = 500 };

/* How many contexts this thread has on its stack. */
static thread_local int contexts = 0;

/* The only context there is. */
static int primary;

extern "C" {

int cuInit(unsigned) { return SUCCESS; }

int cuDeviceGet(int *device, int number)
{
    *device = number;
    return number == 0 ? SUCCESS : 101;
}

int cuDeviceGetAttribute(int *value, int attribute, int)
{
    *value = attribute == 16 ? 2 : attribute == 75 ? 9 : 0;
    return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void **context, int)
{
    *context = &primary;
    return SUCCESS;
}

int cuCtxPushCurrent_v2(void *context)
{
    if (context != &primary) return 201;
    contexts++;
    return SUCCESS;
}

int cuCtxPopCurrent_v2(void **)
{
    if (!contexts) return 201;
    contexts--;
    return SUCCESS;
}

int cuModuleLoadData(void **module, const char *image)
{
    if (contexts != 1) return 201;
    *module = dlopen(image, RTLD_NOW | RTLD_LOCAL);
    return *module ? SUCCESS : NO_FILE;
}

int cuModuleGetFunction(void **function, void *module, const char *name)
{
    *function = dlsym(module, ("launch_" + std::string(name)).c_str());
    return *function ? SUCCESS : NO_NAME;
}

int cuLaunchKernel(Launch function, unsigned blocks, unsigned, unsigned, unsigned threads,
                   unsigned, unsigned, unsigned, void *, void **given, void **)
{
    if (contexts != 1) return 201;
    if (!blocks || !threads || threads > 1024) return 1;
    return function(given, blocks, threads, std::getenv("BACKWARDS") != nullptr);
}

int cuGetErrorString(int code, const char **text)
{
    *text = code == 719 ? "threads of a block came apart" : "an error of the stand-in";
    return SUCCESS;
}
}
