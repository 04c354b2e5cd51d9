// The zygote of the systrap platform, which is a part of the launcher, too.
#include "zygote/zygote.c"
