#include <sbx/atomicbitops_portable.c>
