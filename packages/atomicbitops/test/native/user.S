#include <sbx/atomicbitops.S>
