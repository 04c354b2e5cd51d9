// covers: futex(EAGAIN EDEADLK EFAULT EINVAL ENOSYS EPERM ESRCH ETIMEDOUT) futex_waitv(EAGAIN EFAULT EINVAL ETIMEDOUT) set_robust_list(EINVAL) get_robust_list(EFAULT ESRCH)
#include "../case.h"
#include "../states.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static long futex(uint32_t *addr, int op, uint32_t value, const void *timeout, uint32_t *second, uint32_t value3) {
  return syscall(SYS_futex, addr, op, value, timeout, second, value3);
}
static uint32_t word, other, third;

struct waiter {
  pthread_t thread;
  pid_t tid;
  uint32_t *addr;
  int op;
  uint32_t bits;
  uint32_t *target;
  long result;
  int error;
};
static void *wait_body(void *argument) {
  struct waiter *w = argument;
  __atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
  w->result = futex(w->addr, w->op, 0, NULL, w->target, w->bits);
  w->error = errno;
  return NULL;
}
static void start(struct waiter *w, uint32_t *addr, int op, uint32_t bits, uint32_t *target) {
  *w = (struct waiter){.addr = addr, .op = op, .bits = bits, .target = target};
  pthread_create(&w->thread, NULL, wait_body, w);
}
/* Lets waiters that were started reach their wait. */
static void settle(struct waiter *waiters, int count) {
  for (int i = 0; i < count; i++) {
    while (__atomic_load_n(&waiters[i].tid, __ATOMIC_SEQ_CST) == 0) sched_yield();
    wait_thread_asleep(waiters[i].tid);
  }
}
static void finish(const char *name, struct waiter *w) {
  pthread_join(w->thread, NULL);
  say(name, "%ld", w->result < 0 ? -w->error : w->result);
}

static void basics(void) {
  struct timespec soon = {.tv_nsec = 20000000}, wrong = {.tv_nsec = 1000000000}, negative = {.tv_sec = -1};
  result("value differs", futex(&word, FUTEX_WAIT, 5, NULL, NULL, 0));
  result("timeout", futex(&word, FUTEX_WAIT, 0, &soon, NULL, 0));
  result("timeout with too many nanoseconds", futex(&word, FUTEX_WAIT, 0, &wrong, NULL, 0));
  result("negative timeout", futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0));
  result("bad timeout pointer", futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0));
  result("unaligned", futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
  result("bad address", futex((uint32_t *)4096, FUTEX_WAIT, 0, NULL, NULL, 0));
  result("bad address, private", futex((uint32_t *)4096, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
  result("wake at a bad address", futex((uint32_t *)4096, FUTEX_WAKE, 1, NULL, NULL, 0));
  result("wake at a bad address, private", futex((uint32_t *)4096, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
  result("wake unaligned", futex((uint32_t *)((char *)&word + 2), FUTEX_WAKE, 1, NULL, NULL, 0));
  result("wake nobody", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
  result("no bits, wait", futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
  result("no bits, wake", futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
  result("unknown operation", futex(&word, 99, 0, NULL, NULL, 0));
  result("FUTEX_FD", futex(&word, FUTEX_FD, 0, NULL, NULL, 0));
  result("realtime wait", futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 0));
  result("realtime wake", futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  result("absolute, past", futex(&word, FUTEX_WAIT_BITSET, 0, &now, NULL, 1));
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec++;
  now.tv_nsec = 0;
  result("absolute, realtime", futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &now, NULL, 1));
  struct timespec after;
  clock_gettime(CLOCK_REALTIME, &after);
  say("not too early", "%d", after.tv_sec >= now.tv_sec);
}

static void wakes(void) {
  struct waiter w[4];
  for (int i = 0; i < 4; i++) {
    start(&w[i], &word, FUTEX_WAIT_BITSET_PRIVATE, 1U << i, NULL);
    settle(&w[i], 1);
  }
  result("wake by bit", futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 1U << 2));
  finish("third", &w[2]);
  result("other kind of key", futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
  result("wake one", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
  finish("first", &w[0]);
  result("wake 0 wakes one", futex(&word, FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0));
  finish("second", &w[1]);
  result("wake all", futex(&word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
  finish("fourth", &w[3]);

  for (int i = 0; i < 4; i++) start(&w[i], &word, FUTEX_WAIT_PRIVATE, 0, NULL);
  settle(w, 4);
  result("requeue, value differs", futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 77));
  result("requeue negative", futex(&word, FUTEX_REQUEUE_PRIVATE, (uint32_t)-1, (void *)2, &other, 0));
  result("requeue", futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 0));
  result("left", futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
  result("moved", futex(&other, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
  for (int i = 0; i < 4; i++) finish("requeued waiter", &w[i]);

  start(&w[0], &word, FUTEX_WAIT_PRIVATE, 0, NULL);
  start(&w[1], &other, FUTEX_WAIT_PRIVATE, 0, NULL);
  settle(w, 2);
  third = other = 0;
  result("wake op, comparison fails", futex(&third, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_GT, 3)));
  say("word", "%u", other);
  result("wake op", futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_OR, 2, FUTEX_OP_CMP_EQ, 5)));
  say("word", "%u", other);
  finish("woken", &w[0]);
  finish("woken too", &w[1]);
  result("wake op unknown", futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, 7U << 28));
  futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP((FUTEX_OP_OPARG_SHIFT | FUTEX_OP_SET), 4, FUTEX_OP_CMP_NE, 0));
  say("shifted", "%u", other);
  futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ANDN, 16, FUTEX_OP_CMP_NE, 0));
  say("and not", "%u", other);
  result("wake op bad address", futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, (uint32_t *)4096, 0));
}

static void pi(void) {
  struct waiter w[2];
  word = other = 0;
  result("lock", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  say("owner", "%d", word == (uint32_t)getpid());
  result("lock again", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  result("try again", futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  start(&w[0], &word, FUTEX_LOCK_PI_PRIVATE, 0, NULL);
  settle(w, 1);
  say("contended", "%d", word == ((uint32_t)getpid() | FUTEX_WAITERS));
  start(&w[1], &word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL);
  finish("try", &w[1]);
  start(&w[1], &word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL);
  finish("unlock by another", &w[1]);
  result("unlock", futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  finish("next owner", &w[0]);
  say("owner died without unlocking", "%d", word != 0 && (word & FUTEX_TID_MASK) != (uint32_t)getpid());
  word = 0;
  result("unlock what is not owned", futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  word = 0x3ffffff;
  result("owner does not exist", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  word = 0;
  futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  struct timespec past = {0};
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    /* Private memory: the child's copy of the word names a living owner, in another process. */
    result("timeout", futex(&word, FUTEX_LOCK_PI, 0, &past, NULL, 0));
    _exit(0);
  }
  waitpid(child, NULL, 0);
  futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);

  /* A condition whose waiters are moved to the lock. */
  word = other = 0;
  futex(&other, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  start(&w[0], &word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &other);
  settle(w, 1);
  result("wake refuses", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
  result("requeue to the wrong lock", futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &third, 0));
  result("requeue wakes two", futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void *)1, &other, 0));
  result("requeue", futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 0));
  result("unlock", futex(&other, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
  finish("waiter has the lock", &w[0]);
  result("same word", futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &word, 0));
}

static void on_signal(int signo) { (void)signo; }
static pthread_t main_thread;
static void *signal_body(void *unused) {
  (void)unused;
  wait_asleep(getpid());
  pthread_kill(main_thread, SIGUSR1);
  wait_asleep(getpid());
  futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  return NULL;
}
static void signals(int flags, const char *name, const void *timeout) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t thread;
  word = 0;
  main_thread = pthread_self();
  pthread_create(&thread, NULL, signal_body, NULL);
  result(name, futex(&word, FUTEX_WAIT_PRIVATE, 0, timeout, NULL, 0));
  pthread_join(thread, NULL);
}

static void waitv(void) {
#ifdef SYS_futex_waitv
  struct {
    uint64_t val, uaddr;
    uint32_t flags, reserved;
  } v[3] = {{0, (uintptr_t)&word, 2 | 128, 0}, {0, (uintptr_t)&other, 2 | 128, 0}, {0, (uintptr_t)&third, 2 | 128, 0}};
  word = other = third = 0;
  struct timespec past = {0};
  result("waitv timeout", syscall(SYS_futex_waitv, v, 3, 0, &past, CLOCK_MONOTONIC));
  result("waitv clock", syscall(SYS_futex_waitv, v, 3, 0, &past, 7));
  result("waitv flags", syscall(SYS_futex_waitv, v, 3, 1, NULL, 0));
  result("waitv none", syscall(SYS_futex_waitv, v, 0, 0, NULL, 0));
  result("waitv too many", syscall(SYS_futex_waitv, v, 129, 0, NULL, 0));
  result("waitv bad array", syscall(SYS_futex_waitv, (void *)8, 2, 0, NULL, 0));
  third = 1;
  result("waitv value differs", syscall(SYS_futex_waitv, v, 3, 0, NULL, 0));
  third = 0;
  v[1].flags = 128;
  result("waitv size", syscall(SYS_futex_waitv, v, 3, 0, NULL, 0));
#endif
}

static void shared(void) {
  uint32_t *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  IN_CHILD("between processes", {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      wait_asleep(getppid());
      memory[0] = 1;
      futex(memory, FUTEX_WAKE, 1, NULL, NULL, 0);
      _exit(0);
    }
    while (memory[0] == 0) futex(memory, FUTEX_WAIT, 0, NULL, NULL, 0);
    say("woken", "%u", memory[0]);
    waitpid(child, NULL, 0);
  });
}

static pthread_mutex_t robust;
static void *die_holding(void *unused) {
  (void)unused;
  pthread_mutex_lock(&robust);
  return NULL;
}
static void robust_lists(int protocol, const char *name) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  pthread_mutex_init(&robust, &attributes);
  pthread_t thread;
  pthread_create(&thread, NULL, die_holding, NULL);
  pthread_join(thread, NULL);
  say(name, "lock %d", pthread_mutex_lock(&robust));
  say(name, "consistent %d", pthread_mutex_consistent(&robust));
  say(name, "unlock %d", pthread_mutex_unlock(&robust));
  say(name, "again %d", pthread_mutex_lock(&robust));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, turn;
static void *count_body(void *argument) {
  long me = (long)argument;
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
  }
  for (int i = 0; i < 50; i++) {
    pthread_mutex_lock(&mutex);
    while (turn % 4 != me) pthread_cond_wait(&condition, &mutex);
    turn++;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

int main(void) {
  basics();
  wakes();
  pi();
  signals(0, "signal without SA_RESTART", NULL);
  signals(SA_RESTART, "signal with SA_RESTART", NULL);
  struct timespec long_time = {.tv_sec = 5};
  signals(SA_RESTART, "signal with SA_RESTART and a timeout", &long_time);
  waitv();
  shared();
  robust_lists(PTHREAD_PRIO_NONE, "robust");
  robust_lists(PTHREAD_PRIO_INHERIT, "robust pi");
  void *head;
  size_t length;
  result("get_robust_list", syscall(SYS_get_robust_list, 0, &head, &length));
  say("length", "%zu", length);
  result("get_robust_list no task", syscall(SYS_get_robust_list, 0x3fffff, &head, &length));
  result("get_robust_list bad pointer", syscall(SYS_get_robust_list, 0, (void *)8, &length));
  result("set_robust_list length", syscall(SYS_set_robust_list, head, 8));

  pthread_t threads[4];
  pthread_barrier_init(&barrier, NULL, 4);
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, count_body, (void *)i);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  say("counted", "%ld %ld", counter, turn);
  return 0;
}
