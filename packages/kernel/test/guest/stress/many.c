// Usage: many FILES LEVELS. FILES open files in one process, and a directory LEVELS deep.
#include "random.h"
#include <sys/epoll.h>
#include <sys/resource.h>

static void open_files(int count) {
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){count + 10, count + 10});
  int poller = epoll_create1(0), opened = 0, watched = 0, ends[2];
  for (int i = 0; opened < count - 4; i++) {
    if (i % 2 == 0) {
      char path[32];
      sprintf(path, "file-%d", i);
      if (open(path, O_CREAT | O_RDWR, 0600) < 0) break;
      unlink(path);
      opened++;
    } else {
      if (pipe(ends) < 0) break;
      opened += 2;
      if (epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){.events = EPOLLIN}) == 0) watched++;
      write(ends[1], "x", 1);
    }
  }
  static struct epoll_event events[65536];
  int ready = epoll_wait(poller, events, 65536, 0);
  printf("files %d, all ready %d, error %d\n", opened >= count - 8, ready == watched, opened >= count - 8 ? 0 : errno);
  pid_t child = fork();
  if (child == 0) _exit(fcntl(opened, F_GETFD) >= 0 ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  printf("inherited: %s\n", status_text(status));
  close_range(3, ~0u, 0);
}

static void directories(int levels) {
  int depth = 0;
  while (depth < levels && mkdir("d", 0700) == 0 && chdir("d") == 0) depth++;
  char path[8192];
  printf("levels %d, too long a name %d\n", depth == levels, syscall(SYS_getcwd, path, sizeof path) < 0 && errno == ENAMETOOLONG);
  make_file("bottom", "x");
  printf("file %d\n", access("bottom", F_OK));
  unlink("bottom");
  int up = 0;
  while (up < depth && chdir("..") == 0 && rmdir("d") == 0) up++;
  printf("removed %d\n", up == depth);
}

int main(int argc, char **argv) {
  if (argc < 3) return 1;
  open_files(atoi(argv[1]));
  directories(atoi(argv[2]));
  printf("done\n");
  return 0;
}
