#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "clock.h"
#include "futex.h"
#include "kicker.h"
#include "vcpu.h"

/*
 * How long a worker, and `wait`, look before they sleep. If looking so long would have sufficed the last time (LOOK_NS, about the time of a system
 * call and of being woken), it is worth doing; else it is waste.
 */
#define LOOK_NS 60000
#define GLANCE_NS 4000
/* The run that no kicker ends: workers are stopped through the page's interrupt word. */
#define NO_SEQUENCE UINT64_MAX

struct worker {
  struct pool *pool;
  uint32_t index;
  bool exists;
  /* Guarded by pool.lock, but `idle`, which the worker sets before it shows an event, so that whoever polls that event finds it idle. */
  struct context *inbox;
  _Atomic bool idle;
  /* Futex word: counts what was put in. */
  _Atomic uint32_t wakeups;
  _Atomic bool sleeping;
  /* The worker's own. */
  uint64_t look_ns;
  /* Set by the worker's own thread. */
  _Atomic(struct vcpu *) vcpu;
  _Atomic int error;
  _Atomic uint64_t started;
  pthread_t thread;
};

struct pool {
  struct machine *machine;
  pool_wake wake;
  void *wake_data;

  pthread_mutex_t lock;
  /* Contexts for which no worker was idle, in order. Guarded by lock; `waiting` may be read without. */
  struct context *first, *last;
  _Atomic uint32_t waiting;
  bool stopping;

  /* Contexts with an event, the last one first; pushed by workers, taken as a whole by the owner. */
  _Atomic(struct context *) done;
  /* The owner's: what it took and has not given out, the first one first. */
  struct context *taken;
  uint64_t look_ns;
  _Atomic uint32_t done_word;
  _Atomic bool done_sleeper;
  _Atomic bool armed;

  /* Futex word: workers that have a vCPU, or know that they get none. */
  _Atomic uint32_t made;

  uint32_t worker_count;
  struct worker workers[];
};

static void push_done(struct pool *p, struct context *c) {
  __atomic_store_n(&c->page->state, STATE_EVENT, __ATOMIC_RELEASE);
  struct context *head = p->done;
  do c->next = head;
  while (!atomic_compare_exchange_weak(&p->done, &head, c));
  atomic_fetch_add(&p->done_word, 1);
  if (p->done_sleeper) futex_wake(&p->done_word);
  if (p->armed && atomic_exchange(&p->armed, false)) p->wake(p->wake_data);
}

static void push_ready(struct pool *p, struct context *c) {
  c->next = NULL;
  if (p->last == NULL) p->first = c;
  else p->last->next = c;
  p->last = c;
  p->waiting++;
}

static struct context *pop_ready(struct pool *p) {
  struct context *c = p->first;
  if (c == NULL) return NULL;
  p->first = c->next;
  if (p->first == NULL) p->last = NULL;
  p->waiting--;
  return c;
}

/* The next context for a worker; NULL: end. */
static struct context *take(struct worker *w) {
  struct pool *p = w->pool;
  for (;;) {
    uint32_t wakeups = w->wakeups;
    pthread_mutex_lock(&p->lock);
    struct context *c = w->inbox;
    w->inbox = NULL;
    if (c == NULL) c = pop_ready(p);
    bool stopping = p->stopping;
    w->idle = c == NULL;
    pthread_mutex_unlock(&p->lock);
    if (stopping) return NULL;
    if (c != NULL) return c;

    uint64_t start = clock_now();
    while (w->wakeups == wakeups && clock_now() - start < w->look_ns) __builtin_ia32_pause();
    if (w->wakeups != wakeups) continue;
    w->sleeping = true;
    while (w->wakeups == wakeups) futex_wait(&w->wakeups, wakeups, -1);
    w->sleeping = false;
    w->look_ns = clock_now() - start < 2 * LOOK_NS ? LOOK_NS : GLANCE_NS;
  }
}

static void *work(void *argument) {
  struct worker *w = argument;
  struct pool *p = w->pool;
  /* Signals of the process are the owner's. */
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  int error = 0;
  struct vcpu *v = vcpu_acquire(p->machine, w->index + 1, &error);
  if (v != NULL) vcpu_adopt(v);
  w->error = error;
  w->vcpu = v;
  atomic_fetch_add(&p->made, 1);
  futex_wake(&p->made);
  struct context *c;
  while ((c = take(w)) != NULL) {
    int event = EVENT_FAILED;
    if (v != NULL) {
      w->started = clock_now();
      event = vcpu_run(v, c, c->space, NO_SEQUENCE);
      w->started = 0;
    } else {
      c->page->event = EVENT_FAILED;
      report_machine_failure(p->machine, "vCPU %u can't be made: errno %d", w->index + 1, -error);
    }
    if (event == RUN_PREEMPTED) {
      c->page->state = STATE_READY;
      pthread_mutex_lock(&p->lock);
      push_ready(p, c);
      pthread_mutex_unlock(&p->lock);
    } else {
      if (p->waiting == 0) w->idle = true;
      push_done(p, c);
    }
  }
  vcpu_adopt(NULL);
  return NULL;
}

static int make_thread(struct worker *w) {
  /* The thread starts with everything blocked, so that no signal of the process strikes it before it has blocked them. */
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = pthread_create(&w->thread, NULL, work, w);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  w->exists = error == 0;
  return -error;
}

struct pool *pool_create(struct machine *m, uint32_t workers, pool_wake wake, void *data) {
  struct pool *p = calloc(1, sizeof(*p) + workers * sizeof(p->workers[0]));
  if (p == NULL) return NULL;
  p->machine = m;
  p->wake = wake;
  p->wake_data = data;
  p->worker_count = workers;
  p->look_ns = LOOK_NS;
  pthread_mutex_init(&p->lock, NULL);
  for (uint32_t i = 0; i < workers; i++) {
    p->workers[i].pool = p;
    p->workers[i].index = i;
    p->workers[i].look_ns = LOOK_NS;
  }
  return p;
}

static void wake_worker(struct worker *w) {
  atomic_fetch_add(&w->wakeups, 1);
  if (w->sleeping) futex_wake(&w->wakeups);
}

void pool_destroy(struct pool *p) {
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_mutex_unlock(&p->lock);
  for (uint32_t i = 0; i < p->worker_count; i++) {
    struct worker *w = &p->workers[i];
    if (!w->exists) continue;
    /* A context that still runs: its caller broke the contract; it is stopped all the same. */
    struct vcpu *v = w->vcpu;
    if (v != NULL && w->started != 0) {
      atomic_fetch_or(&v->requests, REQUEST_PREEMPT);
      vcpu_kick(v);
    }
    wake_worker(w);
    pthread_join(w->thread, NULL);
  }
  pthread_mutex_destroy(&p->lock);
  free(p);
}

int pool_prepare(struct pool *p) {
  int error = 0;
  pthread_mutex_lock(&p->lock);
  for (uint32_t i = 0; i < p->worker_count && error == 0; i++) {
    if (!p->workers[i].exists) error = make_thread(&p->workers[i]);
  }
  pthread_mutex_unlock(&p->lock);
  if (error < 0) return error;
  uint32_t made;
  while ((made = p->made) < p->worker_count) futex_wait(&p->made, made, -1);
  for (uint32_t i = 0; i < p->worker_count && error == 0; i++) error = p->workers[i].error;
  return error;
}

/* The worker to give the context to: where its state is, else an idle one, else a new one; NULL: the queue. The lock is held. */
static struct worker *choose(struct pool *p, const struct context *c) {
  struct vcpu *home = c->home;
  struct worker *fresh = NULL, *idle = NULL;
  for (uint32_t i = 0; i < p->worker_count; i++) {
    struct worker *w = &p->workers[i];
    if (!w->exists) {
      if (fresh == NULL) fresh = w;
      continue;
    }
    if (!w->idle || w->inbox != NULL) continue;
    if (home != NULL && w->vcpu == home) return w;
    /* One that holds nobody's state is better than one whose context will come back. */
    if (idle == NULL || (w->vcpu != NULL && atomic_load(&((struct vcpu *)w->vcpu)->owner) == NULL)) idle = w;
  }
  if (idle != NULL) return idle;
  if (fresh != NULL && make_thread(fresh) == 0) return fresh;
  return NULL;
}

int pool_start(struct pool *p, struct context *c, struct space *s) {
  c->space = s;
  c->page->state = STATE_READY;
  pthread_mutex_lock(&p->lock);
  struct worker *w = choose(p, c);
  if (w != NULL) {
    w->inbox = c;
  } else {
    push_ready(p, c);
  }
  bool any = p->worker_count > 0 && p->workers[0].exists;
  pthread_mutex_unlock(&p->lock);
  if (w != NULL) wake_worker(w);
  /* Somebody waits: the kicker sees to it that those who run take turns. */
  else if (p->machine->kicker != NULL) kicker_notice(p->machine->kicker);
  return any ? 0 : -EAGAIN;
}

struct context *pool_poll(struct pool *p) {
  if (p->taken == NULL) {
    struct context *c = p->done == NULL ? NULL : atomic_exchange(&p->done, NULL);
    while (c != NULL) {
      struct context *next = c->next;
      c->next = p->taken;
      p->taken = c;
      c = next;
    }
  }
  struct context *c = p->taken;
  if (c == NULL) return NULL;
  p->taken = c->next;
  c->page->state = STATE_IDLE;
  return c;
}

static bool has_event(const struct pool *p) { return p->taken != NULL || p->done != NULL; }

bool pool_wait(struct pool *p, int64_t timeout_ns) {
  if (has_event(p) || timeout_ns <= 0) return has_event(p);
  const uint64_t start = clock_now();
  const uint64_t limit = (uint64_t)timeout_ns;
  const uint64_t look = p->look_ns < limit ? p->look_ns : limit;
  while (clock_now() - start < look) {
    if (has_event(p)) return true;
    __builtin_ia32_pause();
  }
  p->done_sleeper = true;
  for (;;) {
    uint32_t word = p->done_word;
    if (has_event(p)) break;
    uint64_t waited = clock_now() - start;
    if (waited >= limit) break;
    futex_wait(&p->done_word, word, (int64_t)(limit - waited));
  }
  p->done_sleeper = false;
  p->look_ns = clock_now() - start < 2 * LOOK_NS ? LOOK_NS : GLANCE_NS;
  return has_event(p);
}

bool pool_arm(struct pool *p) {
  p->armed = true;
  if (!has_event(p)) return true;
  /* Either we take the wish back, or a worker has just fulfilled it: then a wake-up comes that finds nothing new, which is allowed. */
  p->armed = false;
  return false;
}

void pool_disarm(struct pool *p) { p->armed = false; }

bool pool_preempt(struct pool *p, uint64_t now, uint64_t slice_ns) {
  if (p->waiting == 0) return false;
  for (uint32_t i = 0; i < p->worker_count; i++) {
    struct worker *w = &p->workers[i];
    struct vcpu *v = w->vcpu;
    uint64_t started = w->started;
    if (v == NULL || started == 0 || now < started + slice_ns) continue;
    atomic_fetch_or(&v->requests, REQUEST_PREEMPT);
    vcpu_kick(v);
  }
  return true;
}
