// covers: sendfile(EAGAIN EBADF EFAULT EINVAL ESPIPE) copy_file_range(EBADF EFAULT EINVAL EISDIR EOVERFLOW)
// Copies inside the kernel.
#include "calls.h"
#include <sys/sendfile.h>

static char buffer[300000];
static char back[300000];

int main(void) {
  fresh_directory("copy");
  for (int i = 0; i < (int)sizeof buffer; i++) buffer[i] = 'a' + i % 26;
  int a = open("a", O_CREAT | O_RDWR, 0644), b = open("b", O_CREAT | O_RDWR, 0644);
  int p[2];
  pipe2(p, O_NONBLOCK);
  write(a, buffer, sizeof buffer);
  off_t offset = 0;
  CASE("sendfile");
  T(sendfile(b, a, NULL, 100));
  T(lseek(a, 0, SEEK_SET));
  T(sendfile(b, a, NULL, 1000000));
  T(lseek(b, 0, SEEK_CUR));
  T(lseek(a, 0, SEEK_CUR));
  T(pread(b, back, sizeof back, 0));
  T(memcmp(buffer, back, sizeof back));
  T(sendfile(b, a, &offset, 10));
  T(offset);
  T(lseek(a, 0, SEEK_CUR));
  T(sendfile(p[1], a, &offset, 1000000));
  T(offset);
  T(sendfile(p[1], a, &offset, 10));
  T(read(p[0], back, 100));
  SAY("%.10s", back);
  offset = 299990;
  T(sendfile(b, a, &offset, 100));
  T(sendfile(b, a, &offset, 100));
  offset = -1;
  T(sendfile(b, a, &offset, 100));
  T(sendfile(b, a, (off_t *)1, 100));
  T(sendfile(b, -1, NULL, 100));
  T(sendfile(-1, a, NULL, 100));
  T(sendfile(b, p[0], NULL, 100));
  T(sendfile(b, p[0], &offset, 100));
  T(sendfile(b, a, NULL, 0));
  int wo = open("a", O_WRONLY), ro = open("b", O_RDONLY), append = open("b", O_WRONLY | O_APPEND), dir = open(".", O_RDONLY);
  T(sendfile(b, wo, NULL, 10));
  T(sendfile(ro, a, NULL, 10));
  lseek(a, 0, SEEK_SET);
  T(sendfile(append, a, NULL, 10));
  T(sendfile(b, dir, NULL, 10));
  T(sendfile(b, a, NULL, (size_t)-1));

  CASE("copy_file_range");
  loff_t from = 10, to = 5;
  T(ftruncate(b, 0));
  T(copy_file_range(a, &from, b, &to, 20, 0));
  SAY("%d %d", (int)from, (int)to);
  T(pread(b, back, 100, 0));
  SAY("%.20s", back + 5);
  T(lseek(a, 0, SEEK_SET));
  T(lseek(b, 0, SEEK_SET));
  T(copy_file_range(a, NULL, b, NULL, 1000, 0));
  T(lseek(a, 0, SEEK_CUR));
  T(lseek(b, 0, SEEK_CUR));
  from = 299990;
  T(copy_file_range(a, &from, b, NULL, 1000, 0));
  T(copy_file_range(a, &from, b, NULL, 1000, 0));
  from = 0, to = 100;
  T(copy_file_range(a, &from, a, &to, 200, 0));
  T(copy_file_range(a, &from, a, &to, 50, 0));
  T(copy_file_range(a, &from, b, &to, 10, 1));
  T(copy_file_range(a, &from, p[1], NULL, 10, 0));
  T(copy_file_range(dir, NULL, b, NULL, 10, 0));
  T(copy_file_range(a, NULL, dir, NULL, 10, 0));
  T(copy_file_range(wo, NULL, b, NULL, 10, 0));
  T(copy_file_range(a, NULL, ro, NULL, 10, 0));
  T(copy_file_range(a, NULL, append, NULL, 10, 0));
  T(copy_file_range(-1, NULL, b, NULL, 10, 0));
  T(copy_file_range(a, (loff_t *)1, b, NULL, 10, 0));
  from = -1;
  T(copy_file_range(a, &from, b, NULL, 10, 0));
  T(copy_file_range(a, NULL, b, NULL, 0, 0));
  return 0;
}
