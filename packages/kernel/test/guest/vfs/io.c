// covers: read(EBADF EFAULT EISDIR) write(EBADF EFAULT EFBIG) pread64(EINVAL EISDIR ESPIPE) pwrite64(EINVAL ESPIPE) readv(EBADF EFAULT EINVAL) writev(EFAULT EINVAL) preadv(EINVAL) pwritev preadv2(EOPNOTSUPP) pwritev2(EINVAL) lseek(EBADF EINVAL ENXIO ESPIPE) truncate(EINVAL EISDIR ENOENT ENOTDIR) ftruncate(EBADF EFBIG EINVAL) fallocate(EBADF EFBIG EINVAL EOPNOTSUPP ESPIPE) fsync(EBADF EINVAL) fdatasync sync_file_range(EBADF EINVAL ESPIPE) fadvise64(EBADF EINVAL ESPIPE) readahead(EBADF EINVAL) syncfs(EBADF)
// Moving bytes: positions, vectors, limits, holes, sizes.
#include "calls.h"
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

static char buffer[65536];

static void plain(void) {
  CASE("plain");
  int fd = open("f", O_CREAT | O_RDWR, 0644);
  T(read(fd, buffer, 10));
  T(write(fd, "hello world", 11));
  T(lseek(fd, 0, SEEK_CUR));
  T(read(fd, buffer, 10));
  T(lseek(fd, 6, SEEK_SET));
  T(read(fd, buffer, 10));
  SAY("%.5s", buffer);
  T(pread(fd, buffer, 5, 0));
  T(pread(fd, buffer, 5, 100));
  T(pread(fd, buffer, 5, -1));
  T(lseek(fd, 0, SEEK_CUR));
  T(pwrite(fd, "HELLO", 5, 0));
  T(pwrite(fd, "x", 1, -1));
  T(lseek(fd, 0, SEEK_CUR));
  T(pwrite(fd, "end", 3, 8200));
  T(lseek(fd, 0, SEEK_END));
  T(pread(fd, buffer, sizeof buffer, 0));
  int zeroes = 0;
  for (int i = 11; i < 8200; i++) zeroes += buffer[i] == 0;
  SAY("zeroes %d, end %.3s", zeroes, buffer + 8200);
  T(write(fd, buffer, 0));
  T(read(fd, buffer, 0));
  T(read(fd, (void *)1, 0));
  T(read(fd, (void *)1, 1));
  T(lseek(fd, 0, SEEK_SET));
  T(read(fd, (void *)1, 1));
  T(write(fd, (void *)1, 1));
  T(read(fd, buffer, (size_t)-1));
  T(read(-1, buffer, 1));
  T(write(999, buffer, 1));
  T(read(-1, (void *)1, 1));
  int dir = open(".", O_RDONLY);
  T(read(dir, buffer, 1));
  T(pread(dir, buffer, 1, 0));
  T(write(dir, buffer, 1));
  T(lseek(dir, 0, SEEK_SET));
  close(dir);
  close(fd);
}

static void seeking(void) {
  CASE("lseek");
  int fd = open("seek", O_CREAT | O_RDWR, 0644);
  T(lseek(fd, -1, SEEK_SET));
  T(lseek(fd, 0, 99));
  T(lseek(fd, -1, SEEK_CUR));
  T(lseek(fd, 100, SEEK_END));
  T(lseek(fd, -50, SEEK_CUR));
  T(lseek(fd, 0, SEEK_DATA));
  T(lseek(fd, 0, SEEK_HOLE));
  T(ftruncate(fd, 1 << 20));
  T(pwrite(fd, "x", 1, 262144));
  T(lseek(fd, 0, SEEK_DATA));
  T(lseek(fd, 262145, SEEK_DATA));
  T(lseek(fd, 0, SEEK_HOLE));
  T(lseek(fd, 262144, SEEK_HOLE));
  T(lseek(fd, 270336, SEEK_DATA));
  T(lseek(fd, 1 << 20, SEEK_DATA));
  T(lseek(fd, 1 << 20, SEEK_HOLE));
  T(lseek(fd, (1 << 20) - 1, SEEK_HOLE));
  T(lseek(fd, -1, SEEK_DATA));
  int pipes[2];
  pipe(pipes);
  T(lseek(pipes[0], 0, SEEK_SET));
  T(pread(pipes[0], buffer, 1, 0));
  T(pwrite(pipes[1], buffer, 1, 0));
  T(lseek(-1, 0, SEEK_SET));
  close(fd);
}

static void vectors(void) {
  CASE("vectors");
  int fd = open("v", O_CREAT | O_RDWR, 0644);
  struct iovec out[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
  T(writev(fd, out, 3));
  char a[2] = {0}, b[16] = {0};
  struct iovec in[2] = {{a, 2}, {b, 16}};
  T(lseek(fd, 0, SEEK_SET));
  T(readv(fd, in, 2));
  SAY("%.2s %s", a, b);
  T(preadv(fd, in, 2, 4));
  T(pwritev(fd, out, 3, 4));
  T(preadv(fd, in, 2, -1));
  T(readv(fd, in, 0));
  T(readv(fd, in, -1));
  T(readv(fd, in, 1025));
  T(readv(fd, (struct iovec *)1, 1));
  struct iovec bad[2] = {{a, 1}, {(void *)1, 4}};
  T(pwritev(fd, bad, 2, 0));
  struct iovec first_bad[2] = {{(void *)1, 4}, {a, 1}};
  T(writev(fd, first_bad, 2));
  struct iovec negative[1] = {{a, (size_t)-1}};
  T(writev(fd, negative, 1));
  T(readv(999, in, 2));
  T(preadv2(fd, in, 2, 0, 0));
  T(lseek(fd, 1, SEEK_SET));
  T(preadv2(fd, in, 1, -1, 0));
  T(lseek(fd, 0, SEEK_CUR));
  T(preadv2(fd, in, 1, 0, 0x8000));
  T(pwritev2(fd, out, 1, 0, RWF_APPEND));
  T(lseek(fd, 0, SEEK_END));
  T(pwritev2(fd, out, 1, 0, RWF_DSYNC));
  T(pwritev2(fd, out, 1, -2, 0));
  // A fault in the middle ends the transfer there.
  char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(two + 4096, 4096);
  memset(two, 'q', 4096);
  T(pwrite(fd, two + 4090, 100, 0));
  T(pread(fd, two + 4090, 100, 0));
  close(fd);
}

static void appending(void) {
  CASE("append");
  int fd = open("a", O_CREAT | O_RDWR | O_APPEND, 0644);
  T(write(fd, "12345", 5));
  T(lseek(fd, 0, SEEK_SET));
  T(write(fd, "67", 2));
  T(lseek(fd, 0, SEEK_CUR));
  T(pwrite(fd, "89", 2, 0));
  T(pread(fd, buffer, 100, 0));
  SAY("%.9s", buffer);
  T(lseek(fd, 0, SEEK_CUR));
  close(fd);
}

static void sizes(void) {
  CASE("sizes");
  struct stat st;
  make_file("t", "0123456789");
  T(truncate("t", 5));
  T(stat("t", &st));
  SAY("size %d", (int)st.st_size);
  T(truncate("t", 20));
  int fd = open("t", O_RDWR);
  T(pread(fd, buffer, 100, 0));
  SAY("%.5s and %d", buffer, buffer[7]);
  T(truncate("t", -1));
  T(ftruncate(fd, -1));
  T(truncate("nothing", 0));
  T(truncate("", 0));
  T(truncate(".", 0));
  T(truncate("t/", 0));
  T(ftruncate(999, 0));
  int ro = open("t", O_RDONLY);
  T(ftruncate(ro, 0));
  close(ro);
  int dir = open(".", O_RDONLY);
  T(ftruncate(dir, 0));
  close(dir);
  T(ftruncate(fd, 4097));
  T(ftruncate(fd, 4095));
  T(ftruncate(fd, 8192));
  T(pread(fd, buffer, 8192, 0));
  int nonzero = 0;
  for (int i = 5; i < 8192; i++) nonzero += buffer[i] != 0;
  SAY("nonzero %d", nonzero);
  close(fd);
  int trunc = open("t", O_RDWR | O_TRUNC);
  T(fstat(trunc, &st));
  SAY("size %d blocks %d", (int)st.st_size, (int)st.st_blocks);
  close(trunc);
}

static void fallocate_(void) {
  CASE("fallocate");
  struct stat st;
  int fd = open("fa", O_CREAT | O_RDWR, 0644);
  T(fallocate(fd, 0, 0, 10000));
  T(fstat(fd, &st));
  SAY("size %d", (int)st.st_size);
  T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
  T(fstat(fd, &st));
  SAY("size %d", (int)st.st_size);
  memset(buffer, 'x', 20000);
  T(pwrite(fd, buffer, 20000, 0));
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5000, 8000));
  T(pread(fd, buffer, 20000, 0));
  int first = 0, last = 0;
  for (int i = 0; i < 20000; i++)
    if (buffer[i] == 0) {
      if (!first) first = i;
      last = i;
    }
  SAY("hole %d..%d", first, last);
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1));
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1));
  T(fallocate(fd, 0x1000, 0, 1));
  T(fallocate(fd, 0, -1, 1));
  T(fallocate(fd, 0, 0, 0));
  T(fallocate(fd, 0, 0, -1));
  T(fallocate(fd, 0, INT64_MAX, 1));
  T(fallocate(999, 0, 0, 1));
  int ro = open("fa", O_RDONLY);
  T(fallocate(ro, 0, 0, 1));
  close(ro);
  int dir = open(".", O_RDONLY);
  T(fallocate(dir, 0, 0, 1));
  close(dir);
  int pipes[2];
  pipe(pipes);
  T(fallocate(pipes[1], 0, 0, 1));
  close(fd);
}

static void limits(void) {
  CASE("rlimit-fsize");
  IN_CHILD({
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    // Our own output must not be hit by it: it goes through a pipe or terminal in tests, but may be a file.
    int fd = open("limited", O_CREAT | O_RDWR, 0644);
    ssize_t n1 = write(fd, buffer, 600), n2 = write(fd, buffer, 600), n3 = write(fd, buffer, 1);
    int e3 = n3 < 0 ? errno : 0;
    int t1 = ftruncate(fd, 1000), t2 = ftruncate(fd, 1001);
    int e4 = t2 < 0 ? errno : 0;
    int t3 = fallocate(fd, 0, 0, 2000);
    int e5 = t3 < 0 ? errno : 0;
    struct rlimit none = {1000, 1000};
    (void)none;
    if (n1 != 600 || n2 != 400 || n3 != -1 || e3 != EFBIG || t1 != 0 || t2 != -1 || e4 != EFBIG || t3 != -1 || e5 != EFBIG) _exit(9);
  });
  SAY("done");
}

static void syncing(void) {
  CASE("sync");
  int fd = open("f", O_RDWR);
  int pipes[2];
  pipe(pipes);
  T(fsync(fd));
  T(fdatasync(fd));
  T(syncfs(fd));
  T(fsync(pipes[0]));
  T(fsync(-1));
  T(syncfs(-1));
  T(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
  T(sync_file_range(fd, 0, 0, 0x100));
  T(sync_file_range(fd, -1, 0, 0));
  T(sync_file_range(pipes[0], 0, 0, 0));
  T(sync_file_range(-1, 0, 0, 0));
  T(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
  T(posix_fadvise(fd, 0, 0, 77));
  T(posix_fadvise(pipes[0], 0, 0, 0));
  T(posix_fadvise(-1, 0, 0, 0));
  T(readahead(fd, 0, 4096));
  T(readahead(pipes[0], 0, 1));
  T(readahead(-1, 0, 1));
  close(fd);
}

int main(void) {
  fresh_directory("io");
  plain();
  seeking();
  vectors();
  appending();
  sizes();
  fallocate_();
  limits();
  syncing();
  return 0;
}
