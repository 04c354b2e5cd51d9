/* Commands for the mapper of a stub process: collected, and executed together before anything of the process may rely on them. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "futex.h"
#include "machine.h"

/* After this long a stub that does not answer is not only slow: it is stopped, or the host is in a state where nothing works. */
#define PATIENCE_MS 10000

int commands_await(struct space *s, uint32_t *left) {
  uint64_t sum = 0;
  for (;;) {
    uint64_t value;
    if (read(s->done_fd, &value, sizeof(value)) == sizeof(value)) {
      sum += value;
      *left = (uint32_t)(sum >> DONE_LEFT_SHIFT);
      if ((sum & 0xffff) != 0) return (int)(sum & 0xffff) - 1;
      continue;
    }
    struct pollfd fds[2] = {{.fd = s->done_fd, .events = POLLIN}, {.fd = s->pidfd, .events = POLLIN}};
    int ready = poll(fds, 2, PATIENCE_MS);
    if (ready == 0) space_kill(s, "its process does not answer: it is stopped, or the host is overloaded");
    else if (ready > 0 && fds[0].revents == 0 && fds[1].revents != 0) space_kill(s, "its process died");
    if (s->dead) return -1;
  }
}

/*
 * The mapper runs on the sentry's CPU, which the sentry leaves to it: to wake it elsewhere, and to be woken by it, takes longer than most commands (70 us each on a virtual
 * machine, where an idle CPU is one that has been given back).
 */
static void bring_mapper_here(struct space *s) {
  const int cpu = sched_getcpu();
  if (cpu < 0 || cpu == s->mapper_cpu) return;
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET((size_t)cpu, &here);
  s->mapper_cpu = sched_setaffinity(s->pid, sizeof(here), &here) == 0 ? cpu : -1;
}

/* Gives `count` commands to the mapper and waits until they are done. */
static int run(struct space *s, const struct command *commands, uint32_t count, uint32_t *left) {
  struct machine *m = s->machine;
  m->counts[COUNT_COMMAND] += count;
  m->counts[COUNT_BATCH]++;
  memcpy(s->control + CONTROL_COMMANDS, commands, count * sizeof(*commands));
  *word(s->control, CONTROL_COUNT) = count;
  *word(s->control, CONTROL_SEQUENCE) = ++s->sequence;
  bring_mapper_here(s);
  futex_wake(word(s->control, CONTROL_SEQUENCE));
  return commands_await(s, left);
}

int commands_run(struct space *s, uint32_t op, const uint64_t arguments[6]) {
  uint32_t left;
  struct command command = {.op = op};
  memcpy(command.arguments, arguments, sizeof(command.arguments));
  return s->dead || !commands_flush(s) ? -1 : run(s, &command, 1, &left);
}

/*
 * A command failed: there are too many mappings, or the host has no memory for more. All mappings are dropped, for they come back by page faults, and only
 * those that were yet to come are made.
 */
static bool start_over(struct space *s, const struct command *rest, uint32_t count, int error) {
  const struct command all = {.op = COMMAND_MUNMAP, .arguments = {GUEST_MIN, GUEST_END - GUEST_MIN}};
  uint32_t left;
  int result = run(s, &all, 1, &left);
  ranges_clear(&s->ranges);
  patch_forget(s, 0, UINT64_MAX);
  for (uint32_t i = 0; result == 0 && i < count; i++) {
    if (rest[i].op != COMMAND_MMAP || rest[i].arguments[4] != FD_MEMORY) continue;
    const uint64_t *a = rest[i].arguments;
    result = ranges_set(&s->ranges, a[0], a[0] + a[1], a[5], (uint32_t)a[2]) ? run(s, &rest[i], 1, &left) : ENOMEM;
  }
  /* Rewritten sites are only for speed, and may be what the host refuses. */
  s->no_patches = true;
  if (result > 0) space_kill(s, "the host refuses a mapping (errno %d, then %d)", error, result);
  return result == 0;
}

bool commands_flush(struct space *s) {
  uint32_t count = s->command_count, left;
  s->command_count = 0;
  if (s->dead) return false;
  if (count == 0) return true;
  int error = run(s, s->commands, count, &left);
  if (error == 0) return true;
  if (error < 0) return false;
  if (left > count) left = count;
  struct command rest[COMMAND_MOST];
  memcpy(rest, &s->commands[count - left], left * sizeof(rest[0]));
  return start_over(s, rest, left, error);
}

bool commands_add(struct space *s, uint32_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  if (s->command_count == COMMAND_MOST && !commands_flush(s)) return false;
  s->commands[s->command_count++] = (struct command){.op = op, .arguments = {a, b, c, d, e, f}};
  return !s->dead;
}
