/* The machine: what all address spaces share. */
#include "machine.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* AT_HWCAP2: rdfsbase and its kin may be used (Linux 5.9). */
#define HWCAP2_FSGSBASE 2

struct context *machine_context(const struct machine *m, uint32_t id) { return id < m->context_limit ? m->contexts[id] : NULL; }
struct space *machine_space(const struct machine *m, uint32_t id) { return id < m->space_limit ? m->spaces[id] : NULL; }

void machine_fail(struct machine *m, const char *format, ...) {
  if (m->failed) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(m->failure, sizeof(m->failure), format, arguments);
  va_end(arguments);
  m->failed = true;
}

static const char *open_shared(struct machine *m) {
  m->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  m->epoll = epoll_create1(EPOLL_CLOEXEC);
  m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  m->global_fd = memfd_create("sbx-global", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (m->doorbell < 0 || m->epoll < 0 || m->timer < 0 || m->global_fd < 0 || ftruncate(m->global_fd, GLOBAL_SIZE) != 0) return "a descriptor";
  void *page = mmap(NULL, GLOBAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->global_fd, 0);
  if (page == MAP_FAILED || !patch_open(m)) return "memory";
  m->global = page;
  struct epoll_event doorbell = {.events = EPOLLIN, .data.u64 = EVENT_OF_DOORBELL}, zygote = {.events = 0, .data.u64 = EVENT_OF_ZYGOTE};
  struct epoll_event timer = {.events = EPOLLIN, .data.u64 = EVENT_OF_TIMER};
  if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->doorbell, &doorbell) != 0 || epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->socket, &zygote) != 0 ||
      epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->timer, &timer) != 0) {
    return "epoll";
  }
  return NULL;
}

/* How many CPUs this process may use. */
static uint32_t allowed_cpus(void) {
  cpu_set_t set;
  /* EINVAL: there are more than the set has room for. */
  return (uint32_t)(sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN));
}

static bool has_rdpid(void) {
  uint32_t a, b, c = 0, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & 1u << 22) != 0;
}

struct machine *machine_open(int memory_fd, const uint8_t *memory, int zygote_socket, bool patches, bool looks, char *reason, size_t size) {
  if ((getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) == 0) {
    snprintf(reason, size, "the CPU or the kernel lacks FSGSBASE (Linux 5.9 on a CPU since 2012)");
    return NULL;
  }
  struct machine *m = calloc(1, sizeof(*m));
  if (m == NULL) return NULL;
  m->memory_fd = memory_fd;
  m->memory = memory;
  m->no_patches = !patches;
  m->zygote = -1;
  m->socket = zygote_socket;
  m->doorbell = m->epoll = m->timer = m->global_fd = m->patch_fd = -1;
  m->cpus = looks ? allowed_cpus() : 0;
  xstate_probe(&m->xsave_size, &m->xfeatures);
  if (m->xsave_size > CONTEXT_XSTATE_SIZE) m->xsave_size = CONTEXT_XSTATE_SIZE;
  if (m->socket < 0) m->socket = zygote_start(&m->zygote);
  else fcntl(m->socket, F_SETFD, FD_CLOEXEC);
  if (m->socket < 0) {
    snprintf(reason, size, "the process that makes stubs can't be started (errno %d)", -m->socket);
    free(m);
    return NULL;
  }
  const char *missing = open_shared(m);
  int stub = missing != NULL ? -1 : stub_image_open();
  int error = stub < 0 ? stub : zygote_init(m->socket, m->memory_fd, m->doorbell, m->global_fd, stub, m->patch_fd);
  if (stub >= 0) close(stub);
  if (missing == NULL && error == 0) {
    *word(m->global, GLOBAL_XFEATURES_LOW) = (uint32_t)m->xfeatures;
    *word(m->global, GLOBAL_XFEATURES_HIGH) = (uint32_t)(m->xfeatures >> 32);
    *word(m->global, GLOBAL_RDPID) = has_rdpid();
    return m;
  }
  if (missing != NULL) snprintf(reason, size, "the host refuses %s (errno %d)", missing, errno);
  else snprintf(reason, size, "stubs can't be made (errno %d)", -error);
  machine_close(m);
  return NULL;
}

void machine_close(struct machine *m) {
  for (uint32_t i = 0; i < m->space_limit; i++) {
    if (m->spaces[i] != NULL) space_release(m->spaces[i]);
  }
  for (uint32_t i = 0; i < m->context_limit; i++) free(m->contexts[i]);
  if (m->zygote > 0) {
    kill(m->zygote, SIGKILL);
    while (waitpid(m->zygote, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  patch_close(m);
  if (m->global != NULL) munmap(m->global, GLOBAL_SIZE);
  const int fds[] = {m->socket, m->doorbell, m->global_fd, m->timer, m->epoll};
  for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
    if (fds[i] >= 0) close(fds[i]);
  }
  free(m->spaces);
  free(m->contexts);
  free(m->free_contexts);
  free(m->running);
  free(m);
}

/* Room for more contexts, in the tables that are indexed by them. */
static bool grow_contexts(struct machine *m) {
  uint32_t limit = m->context_limit == 0 ? 64 : m->context_limit * 2;
  struct context **contexts = realloc(m->contexts, limit * sizeof(*contexts));
  if (contexts != NULL) m->contexts = contexts;
  uint32_t *ids = realloc(m->free_contexts, limit * sizeof(*ids));
  if (ids != NULL) m->free_contexts = ids;
  struct context **running = realloc(m->running, limit * sizeof(*running));
  if (running != NULL) m->running = running;
  if (contexts == NULL || ids == NULL || running == NULL) return false;
  for (uint32_t id = limit; id-- > m->context_limit;) {
    m->contexts[id] = NULL;
    m->free_contexts[m->free_count++] = id;
  }
  m->context_limit = limit;
  return true;
}

int machine_new_context(struct machine *m, struct context_page *page) {
  if (m->free_count == 0 && !grow_contexts(m)) return -ENOMEM;
  struct context *c = calloc(1, sizeof(*c));
  if (c == NULL) return -ENOMEM;
  c->id = m->free_contexts[--m->free_count];
  c->page = page;
  m->contexts[c->id] = c;
  return (int)c->id;
}

void machine_release_context(struct machine *m, struct context *c) {
  if (c->running) {
    /* The caller broke the contract: it is in the list all the same, and must not stay there. */
    space_kill(c->space, "a running context was released");
    context_collect(c);
  }
  if (c->thread != NULL) space_give_thread(c->thread);
  m->contexts[c->id] = NULL;
  m->free_contexts[m->free_count++] = c->id;
  free(c);
}
