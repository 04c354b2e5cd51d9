/*
 * What system calls cost, as a program sees it: `calls SAMPLES MILLISECONDS FOLDER [NAME...]` prints a line for each benchmark: its name, then for each sample
 * the nanoseconds of one operation. An operation is repeated until a sample takes about so many milliseconds, because it is shorter than the clock is exact.
 * FOLDER is a tmpfs. `calls stand FOLDER` only makes a system call all the time, which ignores its arguments: those that other calls would need.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const HOST_FILE = "/usr/bin/env";
static const size_t PAGE = 4096;
static const size_t BATCH = 65536;
static const size_t GIB = 1ul << 30;
static const size_t LARGEST = 65536;

static const char *self;
static char path[4096];
static char *buffer;
static int file = -1, host_file = -1, zero = -1;
static int to_child[2], from_child[2];
static pid_t partner;

static void check(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *map(size_t size)
{
	void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(address == MAP_FAILED ? -1 : 0, "mmap");
	return address;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

/* As a C library makes a call: systrap rewrites such a site. */
static void getppid_call(long n)
{
	while (n-- > 0)
		getppid();
}

/* With the number in a variable: it does not rewrite this one. */
static void getppid_by_number(long n)
{
	while (n-- > 0)
		syscall(SYS_getppid);
}

static void read_1(long n)
{
	while (n-- > 0)
		check(read(zero, buffer, 1), "read");
}

static void pread_file(int fd, size_t size, long n)
{
	while (n-- > 0)
		check(pread(fd, buffer, size, 0), "pread");
}
static void pread_4k(long n) { pread_file(file, PAGE, n); }
static void pread_64k(long n) { pread_file(file, LARGEST, n); }
static void pread_4k_host(long n) { pread_file(host_file, PAGE, n); }

static void pwrite_4k(long n)
{
	while (n-- > 0)
		check(pwrite(file, buffer, PAGE, 0), "pwrite");
}

static void open_close_of(const char *name, long n)
{
	while (n-- > 0) {
		int fd = open(name, O_RDONLY);
		check(fd, "open");
		close(fd);
	}
}
static void open_close(long n) { open_close_of(path, n); }
static void open_close_host(long n) { open_close_of(HOST_FILE, n); }

static void stat_of(const char *name, long n)
{
	struct stat result;
	while (n-- > 0)
		check(stat(name, &result), "stat");
}
static void stat_tmpfs(long n) { stat_of(path, n); }
static void stat_host(long n) { stat_of(HOST_FILE, n); }

static void mmap_munmap(long n)
{
	while (n-- > 0)
		check(munmap(map(BATCH), BATCH), "munmap");
}

/* One page is touched of each 2 MiB, so that nothing can be brought in with it. */
static void page_fault(long n)
{
	const size_t stride = 2ul << 20;
	while (n > 0) {
		long pages = n < 64 ? n : 64;
		char *area = map(pages * stride);
		check(madvise(area, pages * stride, MADV_NOHUGEPAGE), "madvise");
		for (long i = 0; i < pages; i++)
			area[i * stride] = 1;
		munmap(area, pages * stride);
		n -= pages;
	}
}

static void fault_64k(long n)
{
	while (n > 0) {
		long batches = n < 64 ? n : 64;
		char *area = map(batches * BATCH);
		for (long i = 0; i < batches; i++)
			for (size_t at = 0; at < BATCH; at += PAGE)
				area[i * BATCH + at] = 1;
		munmap(area, batches * BATCH);
		n -= batches;
	}
}

static void pipe_ping_pong(long n)
{
	char byte = 0;
	while (n-- > 0) {
		check(write(to_child[1], &byte, 1), "write");
		check(read(from_child[0], &byte, 1), "read");
	}
}

static void start_partner(void)
{
	check(pipe(to_child), "pipe");
	check(pipe(from_child), "pipe");
	partner = fork();
	check(partner, "fork");
	if (partner > 0) {
		close(to_child[0]);
		close(from_child[1]);
		return;
	}
	close(to_child[1]);
	for (char byte; read(to_child[0], &byte, 1) == 1;)
		if (write(from_child[1], &byte, 1) != 1)
			break;
	_exit(0);
}

static void end_partner(void)
{
	close(to_child[1]);
	close(from_child[0]);
	waitpid(partner, NULL, 0);
}

static void wait_for(pid_t child)
{
	int status;
	check(child, "fork");
	check(waitpid(child, &status, 0), "waitpid");
	if (status != 0) {
		fprintf(stderr, "calls: a child ended with wait status %#x\n", status);
		exit(1);
	}
}

static void fork_wait(long n)
{
	while (n-- > 0) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		wait_for(child);
	}
}

static char *gibibyte;
static void touch_gibibyte(void)
{
	gibibyte = map(GIB);
	for (size_t at = 0; at < GIB; at += PAGE)
		gibibyte[at] = 1;
}
static void drop_gibibyte(void) { munmap(gibibyte, GIB); }

static void fork_exec(long n)
{
	char *arguments[] = {(char *)self, NULL};
	while (n-- > 0) {
		pid_t child = fork();
		if (child == 0) {
			execv(self, arguments);
			_exit(1);
		}
		wait_for(child);
	}
}

static void *nothing(void *argument) { return argument; }

static void thread_create(long n)
{
	while (n-- > 0) {
		pthread_t thread;
		check(-pthread_create(&thread, NULL, nothing, NULL), "pthread_create");
		pthread_join(thread, NULL);
	}
}

/* Integer and floating-point work in registers and the first-level cache: what the sandbox should not touch at all. */
static void cpu(long n)
{
	static volatile double sink;
	static uint32_t table[2048];
	uint64_t state = 88172645463325252;
	double sum = 0;
	while (n-- > 0) {
		for (int i = 0; i < 1000000; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			table[state % 2048] += (uint32_t)state;
			sum += 1.0 / (double)(1 + table[i % 2048] % 1000);
		}
	}
	sink = sum;
	(void)sink;
}

static const struct benchmark {
	const char *name;
	void (*run)(long n);
	void (*before)(void);
	void (*after)(void);
	/* How often at most in a sample, or 0. */
	long most;
} BENCHMARKS[] = {
	{"getppid", getppid_call, NULL, NULL, 0},
	{"getppid, by syscall(2)", getppid_by_number, NULL, NULL, 0},
	{"read 1 byte", read_1, NULL, NULL, 0},
	{"pread 4k", pread_4k, NULL, NULL, 0},
	{"pread 64k", pread_64k, NULL, NULL, 0},
	{"pwrite 4k", pwrite_4k, NULL, NULL, 0},
	{"pread 4k, host file", pread_4k_host, NULL, NULL, 0},
	{"open + close", open_close, NULL, NULL, 0},
	{"open + close, host file", open_close_host, NULL, NULL, 0},
	{"stat", stat_tmpfs, NULL, NULL, 0},
	{"stat, host file", stat_host, NULL, NULL, 0},
	{"mmap + munmap 64k", mmap_munmap, NULL, NULL, 0},
	{"page fault", page_fault, NULL, NULL, 0},
	{"page faults of 64k", fault_64k, NULL, NULL, 0},
	{"pipe ping-pong", pipe_ping_pong, start_partner, end_partner, 0},
	{"fork + wait", fork_wait, NULL, NULL, 0},
	{"fork + wait, 1 GiB", fork_wait, touch_gibibyte, drop_gibibyte, 3},
	{"fork + exec + wait", fork_exec, NULL, NULL, 0},
	{"thread create + join", thread_create, NULL, NULL, 0},
	{"CPU-bound, 1e6 steps", cpu, NULL, NULL, 0},
};
enum { COUNT = sizeof BENCHMARKS / sizeof *BENCHMARKS };

static double time_of(const struct benchmark *benchmark, long n)
{
	double start = now();
	benchmark->run(n);
	return now() - start;
}

static void measure(const struct benchmark *benchmark, long samples, double nanoseconds)
{
	if (benchmark->before)
		benchmark->before();
	long most = benchmark->most ? benchmark->most : 1000000000;
	long n = 1;
	for (;;) {
		double taken = time_of(benchmark, n);
		if (taken >= nanoseconds * 0.8 || n >= most)
			break;
		double factor = taken > 0 ? nanoseconds / taken : 10;
		n = (long)(n * (factor > 10 ? 10 : factor < 1.2 ? 1.2 : factor)) + 1;
		if (n > most)
			n = most;
	}
	printf("%s", benchmark->name);
	for (long i = 0; i < samples; i++)
		printf("\t%.1f", time_of(benchmark, n) / n);
	printf("\n");
	fflush(stdout);
	if (benchmark->after)
		benchmark->after();
}

static int chosen(const char *name, int argc, char **argv)
{
	for (int i = 4; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return argc == 4;
}

int main(int argc, char **argv)
{
	/* As the program of fork + exec. */
	if (argc == 1)
		return 0;
	const bool stands = argc == 3 && strcmp(argv[1], "stand") == 0;
	if (argc < 4 && !stands)
		return 2;
	self = argv[0];
	buffer = aligned_alloc(PAGE, LARGEST);
	memset(buffer, 1, LARGEST);
	snprintf(path, sizeof path, "%s/calls.%d", argv[stands ? 2 : 3], getpid());
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	check(file, path);
	check(pwrite(file, buffer, LARGEST, 0), "pwrite");
	host_file = open(HOST_FILE, O_RDONLY);
	check(host_file, HOST_FILE);
	zero = open("/dev/zero", O_RDONLY);
	check(zero, "/dev/zero");
	while (stands)
		syscall(SYS_getppid, path, HOST_FILE, buffer, file, host_file, zero);
	for (int i = 0; i < COUNT; i++)
		if (chosen(BENCHMARKS[i].name, argc, argv))
			measure(&BENCHMARKS[i], atol(argv[1]), atof(argv[2]) * 1e6);
	unlink(path);
	return 0;
}
