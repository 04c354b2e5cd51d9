#include <sbx/safecopy.c>
