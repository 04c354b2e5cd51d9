#include "include/sbx/atomicbitops.S"
