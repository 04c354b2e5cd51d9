/* Printing for the cases of vfs and fs: every call with its result, or its error's number. */
#ifndef CALLS_H
#define CALLS_H
#define _GNU_SOURCE
#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wunused-result"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *case_name = "";
#define CASE(name) case_name = name

/* Prints "CASE name: expression = result", or "= error N". Evaluates to the result. */
#define T(expression)                                                              \
  ({                                                                               \
    errno = 0;                                                                     \
    long result_ = (long)(expression);                                             \
    if (result_ == -1) printf("CASE %s: %s = error %d\n", case_name, #expression, errno); \
    else printf("CASE %s: %s = %ld\n", case_name, #expression, result_);           \
    fflush(stdout);                                                                \
    result_;                                                                       \
  })
/* As T, for calls whose result is a descriptor or another number that does not matter: only "ok". */
#define OK(expression)                                                             \
  ({                                                                               \
    errno = 0;                                                                     \
    long result_ = (long)(expression);                                             \
    if (result_ == -1) printf("CASE %s: %s = error %d\n", case_name, #expression, errno); \
    else printf("CASE %s: %s = ok\n", case_name, #expression);                     \
    fflush(stdout);                                                                \
    result_;                                                                       \
  })
#define SAY(...)                                                                   \
  do {                                                                             \
    printf("CASE %s: ", case_name);                                                \
    printf(__VA_ARGS__);                                                           \
    printf("\n");                                                                  \
    fflush(stdout);                                                                \
  } while (0)

/* Makes a file with the text. */
static inline void make_file(const char *path, const char *text) {
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) SAY("cannot make %s", path);
  close(fd);
}

/* Goes to a fresh directory, so that nothing is in the way. */
static inline void fresh_directory(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "/tmp/case-%s-%d", name, (int)getpid());
  umask(022);
  if (mkdir(path, 0755) < 0 || chdir(path) < 0) {
    perror(path);
    exit(1);
  }
}

/* Ends being root, if we are: permissions are then checked as for anybody. */
static inline void drop_privileges(void) {
  if (geteuid() != 0) return;
  if (syscall(SYS_setgroups, 0, NULL) < 0 || setresgid(12345, 12345, 12345) < 0 || setresuid(12345, 12345, 12345) < 0) {
    perror("drop_privileges");
    exit(1);
  }
}

/* Runs a part in a child process, so that it can't disturb the others. */
#define IN_CHILD(...)                        \
  do {                                       \
    fflush(stdout);                          \
    pid_t child_ = fork();                   \
    if (child_ == 0) {                       \
      __VA_ARGS__;                           \
      fflush(stdout);                        \
      _exit(0);                              \
    }                                        \
    int status_;                             \
    waitpid(child_, &status_, 0);            \
    if (status_ != 0) SAY("child status %x", status_); \
  } while (0)
#endif
