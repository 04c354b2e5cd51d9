/* Address spaces: stub processes, their threads, and what is mapped in them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine.h"

#define MAP_FLAGS (MAP_SHARED | MAP_FIXED)
#define THREAD_FLAGS \
  (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID)
/*
 * Writable mappings up to this size are made with their page tables at once, where the caller wants them soon. To others the host adds some pages at each fault, which
 * costs less than adding all.
 */
#define POPULATE_MOST (UINT64_C(2) << 20)

/* For the end of a process that was killed. */
#define PATIENCE_MS 10000

/* --- Stub processes --- */

static bool map_first(struct space *s) {
  void *area = mmap(NULL, CONTROL_SIZE + SLOT_CHUNK * SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->context_fd, 0);
  struct chunk *chunk = calloc(1, sizeof(*chunk));
  if (area == MAP_FAILED || chunk == NULL) {
    if (area != MAP_FAILED) munmap(area, CONTROL_SIZE + SLOT_CHUNK * SLOT_SIZE);
    free(chunk);
    return false;
  }
  s->control = area;
  chunk->slots = s->control + CONTROL_SIZE;
  s->chunks[0] = chunk;
  s->chunk_count = 1;
  return true;
}

static int refuse(struct machine *m, int error, const char *what) {
  snprintf(m->refusal, sizeof(m->refusal), "%s (errno %d)", what, -error);
  return error;
}

/* A new stub process has said that a step of its start failed. */
static void explain_start(struct machine *m, int step) {
  const char *what = step >= STEP_SECCOMP    ? "seccomp filters are not permitted here"
                     : step == STEP_DUMPABLE ? "prctl is not permitted here"
                     : step >= STEP_UNMAP    ? "a page of the host's (its vDSO) can't be unmapped"
                                             : "memory can't be mapped, or signals can't be caught";
  snprintf(m->refusal, sizeof(m->refusal), "stub processes can't be set up: %s (step %d)", what, step);
}

/*
 * Whether this is the number of the thread that was just made. It comes from memory that guest code can write to, and a wrong one would send kicks elsewhere. A
 * process has its mapper, the threads that are known, and the new one: what is a thread of it and none of the others is the new one.
 */
static bool is_new_thread(const struct space *s, pid_t tid) {
  for (uint32_t i = 0; i < s->thread_count; i++) {
    if (s->chunks[i / SLOT_CHUNK]->threads[i % SLOT_CHUNK].tid == tid) return false;
  }
  return tid > 0 && tid != s->pid && syscall(SYS_tgkill, s->pid, tid, 0) == 0;
}

/* The next thread of a process, before it is there: the first place that has none. */
static struct thread *new_thread(struct space *s) {
  const uint32_t index = s->thread_count;
  struct chunk *chunk = s->chunks[index / SLOT_CHUNK];
  struct thread *t = &chunk->threads[index % SLOT_CHUNK];
  *t = (struct thread){.space = s, .index = index};
  t->slot = chunk->slots + (size_t)(index % SLOT_CHUNK) * SLOT_SIZE;
  t->line = s->control + CONTROL_LINES + ((size_t)index << LINE_SHIFT);
  return t;
}

/* The host has made it. False: the space is dead now. */
static bool know_thread(struct thread *t) {
  t->tid = (pid_t)*word(t->slot, SLOT_TID);
  if (is_new_thread(t->space, t->tid)) {
    t->space->thread_count++;
    return true;
  }
  space_kill(t->space, "a thread's number was tampered with");
  return false;
}

static void refuse_thread(struct space *s, int error) { space_kill(s, "the host gives it no more threads (errno %d)", error); }

/* Takes a stub process, which was asked for, for the space with this number. */
static int take_space(struct machine *m, uint32_t id) {
  struct space *s = calloc(1, sizeof(*s));
  if (s == NULL) return -ENOMEM;
  s->machine = m;
  s->id = id;
  s->no_patches = m->no_patches;
  s->pidfd = s->context_fd = s->done_fd = -1;
  s->mapper_cpu = -1;
  int pid = m->asked ? 0 : zygote_ask(m->socket);
  m->asked = false;
  if (pid == 0) pid = zygote_take(m->socket, &s->pidfd, &s->context_fd, &s->done_fd);
  if (pid < 0) {
    if (pid == -EPIPE || pid == -ECONNRESET) machine_fail(m, "the process that makes stubs died");
    free(s);
    return refuse(m, pid, "the host refuses a process");
  }
  s->pid = pid;
  m->spaces[id] = s;
  m->counts[COUNT_SPAWN]++;
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = id};
  uint32_t left;
  if (!map_first(s) || epoll_ctl(m->epoll, EPOLL_CTL_ADD, s->pidfd, &event) != 0) space_kill(s, "no memory");
  int error = s->dead ? -1 : commands_await(s, &left);
  /* What began last is its first thread. */
  if (error > 0 && left > 0) refuse_thread(s, error);
  struct thread *first = error == 0 ? new_thread(s) : NULL;
  if (first != NULL && know_thread(first)) {
    space_give_thread(first);
    return (int)id;
  }
  if (!s->dead) explain_start(m, error);
  else snprintf(m->refusal, sizeof(m->refusal), "a stub process can't be set up: %s", s->reason);
  space_release(s);
  return -ENOMEM;
}

int machine_new_space(struct machine *m) {
  uint32_t id = 0;
  while (id < m->space_limit && m->spaces[id] != NULL) id++;
  if (id == m->space_limit) {
    uint32_t limit = m->space_limit == 0 ? 16 : m->space_limit * 2;
    struct space **spaces = realloc(m->spaces, limit * sizeof(*spaces));
    if (spaces == NULL) return -ENOMEM;
    memset(spaces + m->space_limit, 0, (limit - m->space_limit) * sizeof(*spaces));
    m->spaces = spaces;
    m->space_limit = limit;
  }
  /* What was asked for in advance may have ended since, or was refused for a reason that may have gone. */
  const bool twice = m->asked;
  int result = take_space(m, id);
  if (result < 0 && twice && !m->failed) result = take_space(m, id);
  if (result < 0) m->host_is_short = true;
  /* Programs that make one process make others: the next one is made while this one runs. */
  if (!m->host_is_short && m->counts[COUNT_SPAWN] > 1) m->asked = zygote_ask(m->socket) == 0;
  return result;
}

/*
 * After SIGKILL was sent: returns when no thread of the process runs guest code any more, so that its memory may be used for other things. A thread that runs on
 * another CPU sees the signal at the next interrupt, which is what membarrier(2) makes there before it returns.
 */
static void await_stop(const struct space *s) {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0) return;
  struct pollfd end = {.fd = s->pidfd, .events = POLLIN};
  poll(&end, 1, PATIENCE_MS);
}

void space_kill(struct space *s, const char *format, ...) {
  if (s->dead) return;
  s->dead = true;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(s->reason, sizeof(s->reason), format, arguments);
  va_end(arguments);
  syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
  await_stop(s);
  epoll_ctl(s->machine->epoll, EPOLL_CTL_DEL, s->pidfd, NULL);
  close(s->pidfd);
  s->pidfd = -1;
  zygote_reap(s->machine->socket, s->pid);
}

void space_release(struct space *s) {
  for (uint32_t i = 0; i < s->thread_count; i++) {
    struct thread *t = &s->chunks[i / SLOT_CHUNK]->threads[i % SLOT_CHUNK];
    if (t->owner != NULL) context_detach(t->owner);
  }
  space_kill(s, "released");
  for (uint32_t i = 0; i < s->chunk_count; i++) {
    if (i > 0) munmap(s->chunks[i]->slots, SLOT_CHUNK * SLOT_SIZE);
    free(s->chunks[i]);
  }
  if (s->control != NULL) munmap(s->control, CONTROL_SIZE + SLOT_CHUNK * SLOT_SIZE);
  if (s->context_fd >= 0) close(s->context_fd);
  if (s->done_fd >= 0) close(s->done_fd);
  patch_forget(s, 0, UINT64_MAX);
  ranges_free(&s->ranges);
  s->machine->spaces[s->id] = NULL;
  free(s);
}

/* Ends the stub process that was asked for in advance, and waits until it has given its threads back. */
static bool drop_asked(struct machine *m) {
  m->host_is_short = true;
  if (!m->asked) return false;
  m->asked = false;
  int pidfd, context, done;
  const int pid = zygote_take(m->socket, &pidfd, &context, &done);
  if (pid < 0) return false;
  close(context);
  close(done);
  syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
  zygote_reap(m->socket, pid);
  for (int i = 0; i < PATIENCE_MS && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0; i++) usleep(1000);
  close(pidfd);
  return true;
}

/* --- Threads --- */

/* Maps the next chunk of slots on both sides. */
static bool add_chunk(struct space *s) {
  if (s->chunk_count == SLOT_COUNT / SLOT_CHUNK) return false;
  off_t offset = CONTROL_SIZE + (off_t)s->chunk_count * SLOT_CHUNK * SLOT_SIZE;
  struct chunk *chunk = calloc(1, sizeof(*chunk));
  if (chunk == NULL) return false;
  void *slots = MAP_FAILED;
  if (ftruncate(s->context_fd, offset + SLOT_CHUNK * SLOT_SIZE) == 0) {
    slots = mmap(NULL, SLOT_CHUNK * SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->context_fd, offset);
  }
  const uint64_t arguments[6] = {SLOT_BASE + (uint64_t)s->chunk_count * SLOT_CHUNK * SLOT_SIZE, SLOT_CHUNK * SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_FLAGS,
                                 FD_CONTEXT, (uint64_t)offset};
  if (slots == MAP_FAILED || commands_run(s, COMMAND_MMAP, arguments) != 0) {
    if (slots != MAP_FAILED) munmap(slots, SLOT_CHUNK * SLOT_SIZE);
    free(chunk);
    return false;
  }
  chunk->slots = slots;
  s->chunks[s->chunk_count++] = chunk;
  return true;
}

struct thread *space_take_thread(struct space *s) {
  struct thread *t = s->free_threads;
  if (t != NULL) {
    s->free_threads = t->next_free;
    return t;
  }
  if (s->thread_count == s->chunk_count * SLOT_CHUNK && !add_chunk(s)) {
    space_kill(s, "it has %u threads, and there is no room for another", s->thread_count);
    return NULL;
  }
  t = new_thread(s);
  const uint64_t slot = SLOT_BASE + ((uint64_t)t->index << SLOT_SHIFT);
  const struct {
    uint64_t base;
    uint64_t flags;
    uint64_t size;
  } stack = {slot + SLOT_STACK, 0, SLOT_SIZE - SLOT_STACK};
  memcpy(t->line + LINE_ALTSTACK, &stack, sizeof(stack));
  const uint64_t line = CONTROL_BASE + CONTROL_LINES + ((uint64_t)t->index << LINE_SHIFT);
  const uint64_t arguments[6] = {THREAD_FLAGS, slot + SLOT_IMAGE, slot + SLOT_TID, 0, 0, line};
  int error = commands_run(s, COMMAND_CLONE, arguments);
  if (error == EAGAIN && drop_asked(s->machine)) error = commands_run(s, COMMAND_CLONE, arguments);
  if (error > 0) refuse_thread(s, error);
  if (error != 0 || !know_thread(t)) return NULL;
  /* It has begun where the mapper may run. */
  cpu_set_t allowed;
  if (s->mapper_cpu >= 0 && sched_getaffinity(0, sizeof(allowed), &allowed) == 0) sched_setaffinity(t->tid, sizeof(allowed), &allowed);
  return t;
}

void space_give_thread(struct thread *t) {
  t->owner = NULL;
  t->next_free = t->space->free_threads;
  t->space->free_threads = t;
}

/* --- Mappings --- */

int space_map(struct space *s, uint64_t addr, uint64_t offset, uint64_t length, uint32_t access, bool precommit) {
  if (s->dead) return 0;
  uint64_t end = addr + length;
  /* What may be written or executed may be read: the CPU has no other way. */
  access |= ACCESS_READ;
  patch_give_way(s, addr, length);
  if ((access & ACCESS_WRITE) != 0) patch_writable(s->machine, offset, length);
  bool weakens = ranges_weakens(&s->ranges, addr, end, offset, access);
  if (!ranges_set(&s->ranges, addr, end, offset, access)) return -ENOMEM;
  struct command *last = s->command_count == 0 ? NULL : &s->commands[s->command_count - 1];
  if (!weakens && last != NULL && last->op == COMMAND_MMAP && last->arguments[0] + last->arguments[1] == addr &&
      last->arguments[5] + last->arguments[1] == offset && last->arguments[2] == access) {
    last->arguments[1] += length;
    return 0;
  }
  uint64_t flags = MAP_FLAGS | (precommit && (access & ACCESS_WRITE) != 0 && length <= POPULATE_MOST ? MAP_POPULATE : 0);
  commands_add(s, COMMAND_MMAP, addr, length, access, flags, FD_MEMORY, offset);
  /* Guest code must not reach what was there any more; what is new can wait until it runs. */
  if (weakens) {
    commands_flush(s);
    patch_forget(s, addr, end);
  }
  return 0;
}

void space_unmap(struct space *s, uint64_t addr, uint64_t length) {
  uint64_t end = addr + length;
  size_t at = ranges_find(&s->ranges, addr);
  if (s->dead || at == s->ranges.count || s->ranges.list[at].start >= end) return;
  uint64_t start = s->ranges.list[at].start > addr ? s->ranges.list[at].start : addr;
  ranges_remove(&s->ranges, start, end, &end);
  if (commands_add(s, COMMAND_MUNMAP, start, end - start, 0, 0, 0, 0)) commands_flush(s);
  patch_forget(s, start, end);
}

void space_write_protect(struct space *s, uint64_t addr, uint64_t length) {
  const uint64_t end = addr + length;
  bool any = false;
  /* Each step changes the list, so the next range is looked up anew. */
  for (uint64_t at = addr; at < end && !s->dead;) {
    size_t i = ranges_find(&s->ranges, at);
    if (i == s->ranges.count || s->ranges.list[i].start >= end) break;
    const struct range range = s->ranges.list[i];
    uint64_t from = range.start > at ? range.start : at, to = range.end < end ? range.end : end;
    at = to;
    if ((range.access & ACCESS_WRITE) == 0) continue;
    any = true;
    uint32_t access = range.access & ~(uint32_t)ACCESS_WRITE;
    if (ranges_set(&s->ranges, from, to, range.offset + (from - range.start), access)) {
      commands_add(s, COMMAND_MPROTECT, from, to - from, access, 0, 0, 0);
    } else {
      ranges_remove(&s->ranges, from, to, &to);
      commands_add(s, COMMAND_MUNMAP, from, to - from, 0, 0, 0, 0);
    }
  }
  if (any) commands_flush(s);
}
