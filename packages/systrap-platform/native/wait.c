/* Waiting for events: look at the slots for a while, then sleep. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "machine.h"

/*
 * How long to look. If looking so long would have sufficed the last time (LOOK_NS, about the time of a system call and of being woken), it is worth doing; else
 * it is waste.
 */
#define LOOK_NS 50000
#define GLANCE_NS 2000
#define FIRST_LOOKS 32
/* How often a thread looks before it sleeps: about 50 us, what it costs to wake it. */
#define THREAD_LOOKS 2500
#define MOST_EVENTS 16
/* Wakes in a row on this CPU, after which a thread is moved away; and how often that is tried: from once in a millisecond to once in a second. */
#define TOGETHER_MOST 100
#define LEAST_MOVE_PAUSE_NS UINT64_C(1000000)
#define MOST_MOVE_PAUSE_NS UINT64_C(1000000000)
#define SECOND_NS UINT64_C(1000000000)
/* A bound that keeps a time in range. */
#define MOST_SLEEP_NS (3600 * SECOND_NS)
/* How often kicks that are not answered are looked at. */
#define WATCH_NS 500000000
#define PATIENCE_NS (10 * SECOND_NS)

bool machine_has_event(struct machine *m) {
  for (uint32_t i = 0; i < m->running_count; i++) {
    if (context_has_event(m->running[i])) return true;
  }
  return false;
}

struct context *machine_poll(struct machine *m) {
  for (uint32_t i = 0; i < m->running_count; i++) {
    if (++m->next >= m->running_count) m->next = 0;
    struct context *c = m->running[m->next];
    if (!context_has_event(c)) continue;
    context_collect(c);
    return c;
  }
  return NULL;
}

void machine_watch(struct machine *m) {
  if (m->watching) return;
  const struct itimerspec once = {.it_value = {.tv_nsec = WATCH_NS}};
  m->watching = timerfd_settime(m->timer, 0, &once, NULL) == 0;
}

static void check_kicks(struct machine *m) {
  uint64_t now = clock_now();
  bool pending = false;
  for (uint32_t i = 0; i < m->running_count; i++) pending = context_check_kick(m->running[i], now) || pending;
  if (pending) machine_watch(m);
}

void machine_notice(struct machine *m) {
  struct epoll_event events[MOST_EVENTS];
  int n = epoll_wait(m->epoll, events, MOST_EVENTS, 0);
  for (int i = 0; i < n; i++) {
    uint64_t value = events[i].data.u64;
    if (value == EVENT_OF_DOORBELL) {
      uint64_t rings;
      (void)!read(m->doorbell, &rings, sizeof(rings));
    } else if (value == EVENT_OF_TIMER) {
      uint64_t expirations;
      (void)!read(m->timer, &expirations, sizeof(expirations));
      m->watching = false;
      check_kicks(m);
    } else if (value == EVENT_OF_ZYGOTE) {
      epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->socket, NULL);
      machine_fail(m, "the process that makes stubs died");
    } else if (value < m->space_limit && m->spaces[value] != NULL) {
      space_kill(m->spaces[value], "its process was killed");
    }
  }
}

/* Whether `only`, or any context if it is NULL, has an event. */
static bool ready(struct machine *m, struct context *only) { return only != NULL ? context_has_event(only) : machine_has_event(m); }

void machine_tune(struct machine *m) {
  uint32_t looks = m->running_count < m->cpus ? THREAD_LOOKS : 0;
  if (m->thread_looks == looks) return;
  m->thread_looks = looks;
  *word(m->global, GLOBAL_SPIN) = looks;
}

/*
 * A thread and the sentry that wake each other stay on one CPU, where each call costs two switches: they never run at the same time, so the host sees no reason to part
 * them. After many such calls the thread is woken with a mask without this CPU; where that does not last, because the others are busy, less and less often.
 */
bool machine_part(struct machine *m, const struct thread *t, cpu_set_t *allowed) {
  const uint32_t cpu = *word(m->global, GLOBAL_CPU);
  if (*word(t->slot, SLOT_CPU) != cpu) m->together = 0;
  else if (++m->together >= TOGETHER_MOST && m->running_count < m->cpus) {
    m->together = 0;
    const uint64_t now = clock_now();
    if (now < m->move_after) return false;
    const bool soon = now < m->move_after + m->move_pause;
    m->move_pause = !soon ? LEAST_MOVE_PAUSE_NS : m->move_pause < MOST_MOVE_PAUSE_NS ? 2 * m->move_pause : MOST_MOVE_PAUSE_NS;
    m->move_after = now + m->move_pause;
    /* The sentry's CPUs now: somebody may have pinned the sandbox since it began. */
    if (sched_getaffinity(0, sizeof(*allowed), allowed) != 0) return false;
    cpu_set_t others = *allowed;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) == 0 || sched_setaffinity(t->tid, sizeof(others), &others) != 0) return false;
    m->counts[COUNT_MOVE]++;
    return true;
  }
  return false;
}

/* Looks for an event without sleeping; not where a thread may be waiting for this CPU. */
static bool look(struct machine *m, struct context *only, uint64_t limit_ns) {
  if (ready(m, only)) return true;
  if (m->running_count >= m->cpus) return false;
  const struct context *c = only != NULL ? only : m->running_count == 1 ? m->running[0] : NULL;
  if (c != NULL && c->thread != NULL && *word(c->thread->slot, SLOT_CPU) == *word(m->global, GLOBAL_CPU)) return false;
  /* A call that takes no longer is answered before it is known what time it is. */
  for (int i = 0; i < FIRST_LOOKS; i++) {
    if (ready(m, only)) return true;
    __builtin_ia32_pause();
  }
  const uint64_t start = clock_now();
  const uint64_t most = m->look_ns < limit_ns ? m->look_ns : limit_ns;
  do {
    for (int i = 0; i < 8; i++) {
      if (ready(m, only)) return true;
      __builtin_ia32_pause();
    }
  } while (clock_now() - start < most);
  return false;
}

/* Sleeps until there may be an event, `backend_fd` is readable (then true) or the time is over. */
static bool sleep_for(struct machine *m, struct context *only, uint64_t limit_ns, int backend_fd) {
  *word(m->global, GLOBAL_SLEEPING) = 1;
  bool backend = false;
  if (!ready(m, only)) {
    if (limit_ns > MOST_SLEEP_NS) limit_ns = MOST_SLEEP_NS;
    struct timespec time = {.tv_sec = (time_t)(limit_ns / SECOND_NS), .tv_nsec = (long)(limit_ns % SECOND_NS)};
    struct pollfd fds[2] = {{.fd = m->epoll, .events = POLLIN}, {.fd = backend_fd, .events = POLLIN}};
    m->counts[COUNT_SLEEP]++;
    int n = ppoll(fds, 2, &time, NULL);
    if (n > 0 && fds[0].revents != 0) machine_notice(m);
    else if (n > 0) backend = fds[1].revents != 0;
  }
  *word(m->global, GLOBAL_SLEEPING) = m->armed;
  return backend;
}

static void note_cpu(struct machine *m) {
  uint32_t cpu = (uint32_t)sched_getcpu();
  if (*word(m->global, GLOBAL_CPU) != cpu) *word(m->global, GLOBAL_CPU) = cpu;
}

/* An event came after `waited_ns`: so much for looking. */
static void learn(struct machine *m, uint64_t waited_ns) { m->look_ns = waited_ns < 2 * LOOK_NS ? LOOK_NS : GLANCE_NS; }

bool machine_wait(struct machine *m, int64_t timeout_ns) {
  if (timeout_ns <= 0) return machine_has_event(m);
  note_cpu(m);
  const uint64_t start = clock_now(), limit = (uint64_t)timeout_ns;
  if (look(m, NULL, limit)) return true;
  for (;;) {
    uint64_t waited = clock_now() - start;
    if (machine_has_event(m)) {
      learn(m, waited);
      return true;
    }
    if (waited >= limit) return false;
    sleep_for(m, NULL, limit - waited, -1);
  }
}

bool machine_run(struct machine *m, struct context *c, struct space *s, uint64_t timeout_ns) {
  context_start(c, s);
  note_cpu(m);
  return look(m, c, timeout_ns);
}

void machine_finish(struct machine *m, struct context *c, uint64_t timeout_ns, uint64_t deadline, int backend_fd) {
  const uint64_t start = clock_now();
  if (timeout_ns < UINT64_MAX - start && start + timeout_ns < deadline) deadline = start + timeout_ns;
  bool kicked = false;
  while (!context_has_event(c)) {
    uint64_t now = clock_now();
    bool over = now >= deadline;
    if (!over || kicked) over = sleep_for(m, c, kicked ? MOST_SLEEP_NS : deadline - now, kicked ? -1 : backend_fd);
    if (over && !kicked) {
      context_kick(c);
      kicked = true;
    }
  }
  learn(m, clock_now() - start);
}

static bool is_back(const struct thread *t) { return *word(t->slot, SLOT_EVENT) == t->resumption; }

bool thread_await(struct thread *t) {
  struct machine *m = t->space->machine;
  const uint64_t start = clock_now();
  const uint64_t cpu = space_cpu_time(t->space);
  const bool apart = m->cpus > 1 && *word(t->slot, SLOT_CPU) != *word(m->global, GLOBAL_CPU);
  while (!is_back(t) && apart && clock_now() - start < LOOK_NS) __builtin_ia32_pause();
  while (!is_back(t) && !t->space->dead) {
    *word(m->global, GLOBAL_SLEEPING) = 1;
    struct pollfd fd = {.fd = m->epoll, .events = POLLIN};
    if (!is_back(t) && poll(&fd, 1, 100) > 0) machine_notice(m);
    *word(m->global, GLOBAL_SLEEPING) = m->armed;
    /* What it has to do takes a microsecond of CPU time. */
    if (clock_now() - start > PATIENCE_NS || space_cpu_time(t->space) - cpu > SECOND_NS) space_kill(t->space, "a thread does not answer");
  }
  return !t->space->dead;
}

bool machine_arm(struct machine *m) {
  m->armed = true;
  *word(m->global, GLOBAL_SLEEPING) = 1;
  if (!machine_has_event(m)) return true;
  machine_disarm(m);
  return false;
}

void machine_disarm(struct machine *m) {
  m->armed = false;
  *word(m->global, GLOBAL_SLEEPING) = 0;
}
