#include <sbx/safecopy.S>
