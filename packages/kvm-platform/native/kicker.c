#include "kicker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "clock.h"
#include "futex.h"
#include "pool.h"
#include "vcpu.h"

/* Ticks without a run after which the thread sleeps. */
#define IDLE_TICKS 25
/* How long one context may keep a worker while others wait. */
#define SLICE_NS 6000000

struct kicker {
  struct machine *machine;
  int backend_fd;
  int wake_fd;
  pthread_t thread;
  _Atomic bool stopping;
  /* Odd while vCPU 0 runs. Parameters of the run are stored before. */
  _Atomic uint64_t sequence;
  struct vcpu *_Atomic vcpu;
  _Atomic uint64_t timeout_ns;
  _Atomic uint64_t loop_deadline;
  /* The run that the thread is watching by poll: its end must be told. */
  _Atomic uint64_t watching;
  /* Futex word: 1 while the thread sleeps. */
  _Atomic uint32_t asleep;
};

static void kick(struct kicker *k, uint64_t sequence) {
  struct vcpu *v = k->vcpu;
  v->stop = sequence;
  /* Until it ended: a kick between its check and KVM_RUN sets immediate_exit, so one is enough; the rest is caution. */
  while (k->sequence == sequence && !k->stopping) {
    vcpu_kick(v);
    struct timespec pause = {.tv_nsec = 200000};
    nanosleep(&pause, NULL);
  }
}

/* The run `sequence` is long: sleeps until it ended, its time is over or the event loop has work. */
static void watch(struct kicker *k, uint64_t sequence, uint64_t seen) {
  uint64_t timeout = k->timeout_ns;
  uint64_t deadline = timeout > UINT64_MAX / 2 ? UINT64_MAX : seen + timeout;
  if (k->loop_deadline < deadline) deadline = k->loop_deadline;
  k->watching = sequence;
  for (;;) {
    if (k->sequence != sequence || k->stopping) break;
    uint64_t now = clock_now();
    if (now >= deadline) {
      kick(k, sequence);
      break;
    }
    struct timespec left = {.tv_sec = 3600};
    if (deadline - now < UINT64_C(3600) * 1000000000u) left = (struct timespec){(time_t)((deadline - now) / 1000000000u), (long)((deadline - now) % 1000000000u)};
    /* Workers that take turns need a tick. */
    if (pool_preempt(k->machine->pool, now, SLICE_NS) && (left.tv_sec > 0 || left.tv_nsec > SLICE_NS)) left = (struct timespec){.tv_nsec = SLICE_NS};
    struct pollfd fds[2] = {{.fd = k->wake_fd, .events = POLLIN}, {.fd = k->backend_fd, .events = POLLIN}};
    int ready = ppoll(fds, 2, &left, NULL);
    if (ready > 0 && fds[0].revents) {
      eventfd_t value;
      (void)eventfd_read(k->wake_fd, &value);
    }
    if (ready > 0 && fds[1].revents) {
      kick(k, sequence);
      break;
    }
  }
  k->watching = 0;
}

static void sleep_until_run(struct kicker *k, uint64_t sequence) {
  k->asleep = 1;
  while (k->asleep && k->sequence == sequence && !k->stopping) futex_wait(&k->asleep, 1, -1);
  k->asleep = 0;
}

static void *run(void *argument) {
  struct kicker *k = argument;
  uint64_t last = 0, seen = 0;
  int idle = 0;
  while (!k->stopping) {
    uint64_t sequence = k->sequence;
    uint64_t now = clock_now();
    bool turns = pool_preempt(k->machine->pool, now, SLICE_NS);
    if (sequence == last && (sequence & 1)) {
      watch(k, sequence, seen);
      idle = 0;
      last = 0;
      continue;
    }
    idle = sequence == last && !turns ? idle + 1 : 0;
    last = sequence;
    seen = now;
    if (idle > IDLE_TICKS) {
      sleep_until_run(k, sequence);
      idle = 0;
      continue;
    }
    struct timespec tick = {.tv_nsec = KICKER_TICK_NS};
    nanosleep(&tick, NULL);
  }
  return NULL;
}

struct kicker *kicker_create(struct machine *m, int backend_fd) {
  struct kicker *k = calloc(1, sizeof(*k));
  if (k == NULL) return NULL;
  k->machine = m;
  k->backend_fd = backend_fd;
  k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = k->wake_fd < 0 ? errno : pthread_create(&k->thread, NULL, run, k);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (error == 0) return k;
  if (k->wake_fd >= 0) close(k->wake_fd);
  free(k);
  return NULL;
}

static void wake(struct kicker *k) {
  if (k->asleep && atomic_exchange(&k->asleep, 0)) futex_wake(&k->asleep);
}

void kicker_destroy(struct kicker *k) {
  k->stopping = true;
  wake(k);
  (void)eventfd_write(k->wake_fd, 1);
  pthread_join(k->thread, NULL);
  close(k->wake_fd);
  free(k);
}

uint64_t kicker_begin(struct kicker *k, struct vcpu *v, uint64_t timeout_ns, uint64_t loop_deadline) {
  atomic_store_explicit(&k->vcpu, v, memory_order_relaxed);
  atomic_store_explicit(&k->timeout_ns, timeout_ns, memory_order_relaxed);
  atomic_store_explicit(&k->loop_deadline, loop_deadline, memory_order_relaxed);
  uint64_t sequence = atomic_fetch_add(&k->sequence, 1) + 1;
  wake(k);
  return sequence;
}

void kicker_end(struct kicker *k) {
  uint64_t sequence = atomic_fetch_add(&k->sequence, 1);
  if (k->watching == sequence) (void)eventfd_write(k->wake_fd, 1);
}

void kicker_notice(struct kicker *k) { wake(k); }
