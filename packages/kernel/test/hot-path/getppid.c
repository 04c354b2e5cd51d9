/* Makes system calls: argv[1] to warm up, then argv[2]; writes a byte before and after the latter. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void call(long count)
{
	while (count-- > 0)
		syscall(SYS_getppid);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	call(atol(argv[1]));
	if (write(1, "<", 1) != 1)
		return 1;
	call(atol(argv[2]));
	return write(1, ">", 1) != 1;
}
