// covers: clone3 futex(ETIMEDOUT) set_robust_list tgkill sched_yield madvise mprotect
// POSIX threads as the C library makes them of system calls.
#include "../processes.h"
#include <semaphore.h>
#include <sys/mman.h>

static __thread int local = 3;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int counter, turn;

static void *add(void *argument) {
  for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
    if (i % 256 == 0) sched_yield();
  }
  local += (int)(long)argument;
  return (void *)(long)local;
}

static void joining(void) {
  CASE("join");
  pthread_t threads[8];
  long sum = 0;
  for (long i = 0; i < 8; i++) pthread_create(&threads[i], NULL, add, (void *)i);
  for (int i = 0; i < 8; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  SAY("counter %d, results %ld, own %d", counter, sum, local);
  T(pthread_join(pthread_self(), NULL));
}

static void *ping(void *argument) {
  int me = (int)(long)argument;
  for (int i = 0; i < 300; i++) {
    pthread_mutex_lock(&mutex);
    while (turn != me) pthread_cond_wait(&condition, &mutex);
    turn = !me;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void conditions(void) {
  CASE("condition");
  pthread_t a, b;
  pthread_create(&a, NULL, ping, (void *)0);
  pthread_create(&b, NULL, ping, (void *)1);
  pthread_join(a, NULL);
  pthread_join(b, NULL);
  SAY("turn %d", turn);
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += 20000000;
  if (when.tv_nsec >= 1000000000) {
    when.tv_nsec -= 1000000000;
    when.tv_sec++;
  }
  pthread_mutex_lock(&mutex);
  T(pthread_cond_timedwait(&condition, &mutex, &when));
  pthread_mutex_unlock(&mutex);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_t monotonic;
  pthread_cond_init(&monotonic, &attributes);
  clock_gettime(CLOCK_MONOTONIC, &when);
  pthread_mutex_lock(&mutex);
  T(pthread_cond_timedwait(&monotonic, &mutex, &when));
  pthread_mutex_unlock(&mutex);
}

static void *try_lock(void *argument) {
  return (void *)(long)pthread_mutex_trylock(argument);
}
static int in_thread(void *(*body)(void *), void *argument) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, body, argument);
  pthread_join(thread, &result);
  return (int)(long)result;
}
static void *lock_and_die(void *argument) {
  pthread_mutex_lock(argument);
  return NULL;
}
static void *timed_lock(void *argument) {
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  return (void *)(long)pthread_mutex_timedlock(argument, &when);
}

static void mutexes(void) {
  CASE("mutex");
  pthread_mutexattr_t attributes;
  pthread_mutex_t other;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&other, &attributes);
  T(pthread_mutex_lock(&other));
  T(pthread_mutex_lock(&other));
  T(in_thread(try_lock, &other));
  T(in_thread(timed_lock, &other));
  T(pthread_mutex_unlock(&other));
  T(pthread_mutex_unlock(&other));
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&other, &attributes);
  T(pthread_mutex_lock(&other));
  T(pthread_mutex_lock(&other));
  T(pthread_mutex_unlock(&other));
  T(pthread_mutex_unlock(&other));
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&other, &attributes);
  in_thread(lock_and_die, &other);
  T(pthread_mutex_lock(&other));
  T(pthread_mutex_consistent(&other));
  T(pthread_mutex_unlock(&other));
  T(pthread_mutex_lock(&other));
  T(pthread_mutex_unlock(&other));
  in_thread(lock_and_die, &other);
  T(pthread_mutex_lock(&other));
  T(pthread_mutex_unlock(&other));
  T(pthread_mutex_lock(&other));
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&other, &attributes);
  T(pthread_mutex_lock(&other));
  T(in_thread(try_lock, &other));
  T(in_thread(timed_lock, &other));
  T(pthread_mutex_unlock(&other));
  /* Between processes, and one dies with it. */
  pthread_mutex_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(shared, &attributes);
  say_end("child", CHILD(pthread_mutex_lock(shared); kill(getpid(), SIGKILL)));
  T(pthread_mutex_lock(shared));
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static void *try_read(void *argument) {
  (void)argument;
  return (void *)(long)pthread_rwlock_tryrdlock(&rwlock);
}
static void *try_write(void *argument) {
  (void)argument;
  return (void *)(long)pthread_rwlock_trywrlock(&rwlock);
}
static pthread_barrier_t barrier;
static void *meet(void *argument) {
  (void)argument;
  return (void *)(long)(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
}
static sem_t semaphore;
static void *post(void *argument) {
  (void)argument;
  for (int i = 0; i < 50; i++) sem_post(&semaphore);
  return NULL;
}
static int once_count;
static void once(void) { once_count++; }
static pthread_once_t once_control = PTHREAD_ONCE_INIT;
static void *call_once(void *argument) {
  pthread_once(&once_control, once);
  return argument;
}

static void others(void) {
  CASE("rwlock");
  T(pthread_rwlock_rdlock(&rwlock));
  T(in_thread(try_read, NULL));
  T(in_thread(try_write, NULL));
  CASE("barrier");
  pthread_t threads[4];
  int serial = 0;
  pthread_barrier_init(&barrier, NULL, 5);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, meet, NULL);
  serial += (int)(long)meet(NULL);
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(threads[i], &result);
    serial += (int)(long)result;
  }
  SAY("serial threads %d", serial);
  CASE("semaphore");
  sem_init(&semaphore, 0, 0);
  T(sem_trywait(&semaphore));
  pthread_create(&threads[0], NULL, post, NULL);
  for (int i = 0; i < 50; i++) sem_wait(&semaphore);
  pthread_join(threads[0], NULL);
  T(sem_trywait(&semaphore));
  struct timespec when = {0, 0};
  T(sem_timedwait(&semaphore, &when));
  CASE("once");
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, call_once, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  SAY("%d", once_count);
}

static pthread_key_t key;
static int destroyed;
static void destructor(void *value) { destroyed += (int)(long)value; }
static void *with_key(void *argument) {
  pthread_setspecific(key, argument);
  pthread_exit(argument);
}
static void cleanup(void *argument) { *(int *)argument += 1; }
static int cleaned;
static struct gate started, never;
static void *cancellable(void *argument) {
  (void)argument;
  pthread_cleanup_push(cleanup, &cleaned);
  gate_open(started);
  char byte;
  read(never.ends[0], &byte, 1);
  pthread_cleanup_pop(0);
  return NULL;
}
static void *spinning(void *argument) {
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  gate_open(started);
  for (;;) __asm__ volatile("pause");
  return argument;
}
static volatile int late;
static void *stubborn(void *argument) {
  int old;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
  gate_open(started);
  while (!late) sched_yield();
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
  pthread_testcancel();
  return argument;
}

static void cancelling(void) {
  CASE("keys");
  pthread_key_create(&key, destructor);
  void *result;
  pthread_t thread;
  pthread_create(&thread, NULL, with_key, (void *)9);
  pthread_join(thread, &result);
  SAY("result %ld destroyed %d", (long)result, destroyed);
  CASE("cancel");
  started = new_gate();
  never = new_gate();
  pthread_create(&thread, NULL, cancellable, NULL);
  gate_pass(started);
  T(pthread_cancel(thread));
  pthread_join(thread, &result);
  SAY("canceled %d cleaned %d", result == PTHREAD_CANCELED, cleaned);
  pthread_create(&thread, NULL, spinning, NULL);
  gate_pass(started);
  T(pthread_cancel(thread));
  pthread_join(thread, &result);
  SAY("asynchronously %d", result == PTHREAD_CANCELED);
  pthread_create(&thread, NULL, stubborn, NULL);
  gate_pass(started);
  T(pthread_cancel(thread));
  late = 1;
  pthread_join(thread, &result);
  SAY("when enabled %d", result == PTHREAD_CANCELED);
}

static void *nothing(void *argument) { return argument; }
static volatile int detached_done;
static void *detached(void *argument) {
  detached_done = 1;
  return argument;
}

static void many(void) {
  CASE("many");
  int right = 0;
  for (long i = 0; i < 100; i++) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, NULL, nothing, (void *)i) == 0 && pthread_join(thread, &result) == 0 && (long)result == i) right++;
  }
  SAY("one after the other: %d", right);
  pthread_t threads[50];
  right = 0;
  for (long i = 0; i < 50; i++) right += pthread_create(&threads[i], NULL, nothing, (void *)i) == 0;
  for (int i = 0; i < 50; i++) right += pthread_join(threads[i], NULL) == 0;
  SAY("together: %d", right);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_t thread;
  T(pthread_create(&thread, &attributes, detached, NULL));
  while (!detached_done) sched_yield();
  say_end("fork in a process with threads", CHILD({
            T(in_thread(try_lock, &mutex));
            exit(3);
          }));
}

int main(void) {
  joining();
  conditions();
  mutexes();
  others();
  cancelling();
  many();
  return 0;
}
