#include "include/sbx/safecopy.S"
