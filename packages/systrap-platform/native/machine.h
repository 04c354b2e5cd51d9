/*
 * The sentry's side of the platform.
 *
 *   machine ── zygote (socket)
 *      ├── spaces[]    an address space: a stub process, its mapper, what is mapped there, commands that wait
 *      │     └── threads[]   one for each slot: guest threads of the process; free, or lent to a context
 *      ├── contexts[]  an application thread: its page (the kernel's), the thread that it uses now
 *      └── running     contexts that were started and whose event has not been collected
 *
 * All of it is owned by one JavaScript thread. What is in a slot was written by a hostile process: each field is read once, and checked.
 */
#ifndef SBX_SYSTRAP_MACHINE_H
#define SBX_SYSTRAP_MACHINE_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "context_page.h"
#include "layout.h"
#include "ranges.h"

#define REASON_SIZE 256

struct machine;
struct space;
struct context;

/* Copies of pages with rewritten call sites, for all processes; and how many of them one process can have. */
#define PATCH_PAGES 4096
#define PATCH_SIZE (PATCH_PAGES * UINT64_C(4096))
#define COPIES_MOST 64
#define PATCH_FILTER 1024
/* In a range's offset: it is one of the patch file. */
#define PATCH_OFFSET (UINT64_C(1) << 62)
#define HEAT_SIZE 256

/* A rewritten call site: where it returns to. */
struct site {
  uint64_t end;
  uint32_t nr;
  uint8_t code[7];
};

/* A page that the process is shown instead of its original. */
struct copy {
  uint64_t addr;
  uint64_t original;
  uint32_t page;
  uint32_t access;
};

/* How often a site has made a call by a signal. */
struct heat {
  uint64_t end;
  uint32_t hits;
};

/* A guest thread of a stub process. */
struct thread {
  struct space *space;
  uint32_t index;
  pid_t tid;
  /* The sentry's views of its slot and its line. */
  uint8_t *slot;
  uint8_t *line;
  /* The resumption that is under way, or was the last. */
  uint32_t resumption;
  /* The context that has its registers here, or NULL. */
  struct context *owner;
  struct thread *next_free;
};

/* Threads whose slots were mapped together. */
struct chunk {
  uint8_t *slots;
  struct thread threads[SLOT_CHUNK];
};

struct command {
  uint64_t op;
  uint64_t arguments[6];
  uint64_t reserved;
};
_Static_assert(sizeof(struct command) == COMMAND_SIZE, "command");

struct space {
  struct machine *machine;
  uint32_t id;
  /* No stub process: none was made yet, or it is gone; `reason` says why. */
  bool dead;
  char reason[REASON_SIZE];
  pid_t pid;
  int pidfd, context_fd, done_fd;
  uint8_t *control;
  /* The slots of the first chunk follow the control area. */
  struct chunk *chunks[SLOT_COUNT / SLOT_CHUNK];
  uint32_t chunk_count;
  uint32_t thread_count;
  struct thread *free_threads;
  uint32_t sequence;
  /* Where the mapper may run, or -1: anywhere. */
  int mapper_cpu;
  /* What is mapped, once the commands are executed. */
  struct ranges ranges;
  struct command commands[COMMAND_MOST];
  uint32_t command_count;
  /* Rewritten call sites. Numbers of sites are never used again. */
  bool no_patches, table_mapped;
  uint32_t site_count, copy_count;
  struct site sites[SITE_COUNT];
  struct copy copies[COPIES_MOST];
  struct heat heat[HEAT_SIZE];
};

struct context {
  uint32_t id;
  struct context_page *page;
  struct thread *thread;
  /* Where in the thread's slot the extended state is while it is not in the page. */
  uint32_t xstate_offset;
  /* The extended state is in the CPU: the thread came through a rewritten site. */
  bool xstate_live;
  /* Its last event was a call through a rewritten site, with these registers; they are in the slot, too. */
  bool called;
  uint64_t call[CONTEXT_INDEX_SS];
  /* The thread's GS base is the program's own 0, or the slot that stands for it. */
  bool gs_free;
  /* FS and GS base were given to the thread and it may not have loaded them: the page's are right. */
  bool bases_pending;
  /* Its event was seen. */
  bool arrived;
  /* Started, in `space`. */
  bool running;
  struct space *space;
  /* The event that it has without a run. */
  enum immediate { NOT_IMMEDIATE, IMMEDIATE_INTERRUPT, IMMEDIATE_BAD_RIP, IMMEDIATE_KILLED } immediate;
  /* interrupt() was called and not yet reported. */
  bool interrupted;
  /* When the thread was kicked, or 0; and its process's CPU time then. */
  uint64_t kicked_at, kicked_at_cpu;
  /* In `running`. */
  uint32_t position;
};

/* What `epoll` says: the number of a space whose process died, or one of these. */
#define EVENT_OF_DOORBELL UINT64_MAX
#define EVENT_OF_ZYGOTE (UINT64_MAX - 1)
#define EVENT_OF_TIMER (UINT64_MAX - 2)

enum count { COUNT_SYSCALL, COUNT_SIGNAL, COUNT_INTERRUPT, COUNT_COMMAND, COUNT_BATCH, COUNT_SLEEP, COUNT_WAKE, COUNT_SPAWN, COUNT_CALL, COUNT_SITE, COUNT_MOVE, COUNTS };

struct machine {
  int memory_fd;
  /* Application memory in this process. */
  const uint8_t *memory;
  int socket;
  pid_t zygote;
  /* A stub process was asked for in advance, and nobody has taken it yet; not where the host has refused a process or a thread. */
  bool asked, host_is_short;
  int doorbell;
  int global_fd;
  int epoll;
  /* Rings while there are kicks that are not answered. */
  int timer;
  bool watching;
  uint8_t *global;
  uint32_t xsave_size;
  uint64_t xfeatures;
  /* How many there are for us; 0 where nobody is to look before sleeping. */
  uint32_t cpus;
  /* How long to look before sleeping, in ns: adapted to what came of it. */
  uint64_t look_ns;
  /* How often threads look. */
  uint32_t thread_looks;
  /* How many threads in a row were woken on this CPU; when one may be moved away again, and how long that is after the last time. */
  uint32_t together;
  uint64_t move_after, move_pause;

  struct space **spaces;
  uint32_t space_limit;
  struct context **contexts;
  uint32_t context_limit;
  /* Ids that are free, as a stack; see machine_new_context. */
  uint32_t *free_contexts;
  uint32_t free_count;

  struct context **running;
  uint32_t running_count;
  /* Where poll goes on looking. */
  uint32_t next;
  bool armed;

  int patch_fd;
  uint8_t *patch;
  bool no_patches;
  uint32_t free_copies[PATCH_PAGES];
  uint32_t free_copy_count, copy_count;
  /* How many originals there are, by filter_of their offset. */
  uint16_t originals[PATCH_FILTER];

  bool failed;
  char failure[REASON_SIZE];
  /* Why the last space could not be made. */
  char refusal[REASON_SIZE + 64];
  /* What happened. */
  uint64_t counts[COUNTS];
};

static inline _Atomic uint32_t *word(uint8_t *base, size_t offset) { return (_Atomic uint32_t *)(void *)(base + offset); }

/* --- machine.c --- */
/* A machine without spaces, or NULL with the reason. zygote_socket -1: makes a zygote of its own; `looks`: whether to look before sleeping. */
struct machine *machine_open(int memory_fd, const uint8_t *memory, int zygote_socket, bool patches, bool looks, char *reason, size_t size);
/* Ends all stub processes. */
void machine_close(struct machine *m);
void machine_fail(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct context *machine_context(const struct machine *m, uint32_t id);
struct space *machine_space(const struct machine *m, uint32_t id);
/* The new one's number, or -ENOMEM. */
int machine_new_context(struct machine *m, struct context_page *page);
void machine_release_context(struct machine *m, struct context *c);
/* The new space's number, or -errno. */
int machine_new_space(struct machine *m);

/* --- zygote_client.c --- */
/* A zygote process, and the socket to it; or -errno. */
int zygote_start(pid_t *pid);
int zygote_init(int socket, int memory, int doorbell, int global, int stub, int patch);
/* Asks for a stub process. 0 or -errno. */
int zygote_ask(int socket);
/* Takes what was asked for: its descriptors, and its pid or -errno. */
int zygote_take(int socket, int *pidfd, int *context, int *done);
void zygote_reap(int socket, pid_t pid);

/* --- images.c --- */
int stub_image_open(void);
int zygote_image_open(void);

/* --- space.c --- */
/* The stub process is gone or must go: ends it. */
void space_kill(struct space *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void space_release(struct space *s);
/* A thread for a context, or NULL: then the space is dead. */
struct thread *space_take_thread(struct space *s);
void space_give_thread(struct thread *t);
/* See AddressSpace in @sbx/platform. 0 or -ENOMEM. */
int space_map(struct space *s, uint64_t addr, uint64_t offset, uint64_t length, uint32_t access, bool precommit);
void space_unmap(struct space *s, uint64_t addr, uint64_t length);
void space_write_protect(struct space *s, uint64_t addr, uint64_t length);

/* --- command.c --- */
/* Executes the commands that wait; false: the space is dead now. */
bool commands_flush(struct space *s);
/* Adds a command; executes those before it if there is no room. */
bool commands_add(struct space *s, uint32_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
/* Waits for the report of a new stub process, or of a batch: 0, a positive errno, or -1: the space is dead now. *left: see DONE_LEFT_SHIFT. */
int commands_await(struct space *s, uint32_t *left);
/* Executes one command that is not about mappings, at once: as commands_await. */
int commands_run(struct space *s, uint32_t op, const uint64_t arguments[6]);

/* --- context.c --- */
/* The CPU time of the stub process, in ns. */
uint64_t space_cpu_time(const struct space *s);
void context_start(struct context *c, struct space *s);
/* Whether its event is there. */
bool context_has_event(struct context *c);
/* Takes the event: EVENT_*, and the page is up to date. */
int context_collect(struct context *c);
/* Makes a running thread come back. */
void context_kick(struct context *c);
void context_interrupt(struct context *c);
void context_pull(struct context *c);
/* Takes the context's state out of its thread, into the page, and gives the thread back. */
void context_detach(struct context *c);
/* A kick that was not answered for too long: ends the stub process. Whether it may still be answered. */
bool context_check_kick(struct context *c, uint64_t now);

/* --- wait.c --- */
/* Before a thread that sleeps is woken. True: it will be on another CPU than this one, and is to be given `allowed` again. */
bool machine_part(struct machine *m, const struct thread *t, cpu_set_t *allowed);
/* The number of running contexts has changed: who looks before sleeping, who not. Looking is of use only while there is a CPU for everybody. */
void machine_tune(struct machine *m);
struct context *machine_poll(struct machine *m);
bool machine_has_event(struct machine *m);
bool machine_wait(struct machine *m, int64_t timeout_ns);
/* True: the doorbell will ring when there is something. */
bool machine_arm(struct machine *m);
void machine_disarm(struct machine *m);
/* A thread was kicked: looks after it. */
void machine_watch(struct machine *m);
/* Takes in what `epoll` has: rings of the doorbell, processes that died. */
void machine_notice(struct machine *m);
/* Starts a context and looks for its event without sleeping, at most for about `timeout_ns`: whether it is there. */
bool machine_run(struct machine *m, struct context *c, struct space *s, uint64_t timeout_ns);
/* Sleeps until it is there; the run ends when `timeout_ns` are over, at `deadline` (CLOCK_MONOTONIC, ns) or when `backend_fd` is readable. */
void machine_finish(struct machine *m, struct context *c, uint64_t timeout_ns, uint64_t deadline, int backend_fd);

/* Waits for the event of a thread that was resumed for itself, and not for its context. False: the space is dead now. */
bool thread_await(struct thread *t);

/* --- patch.c --- */
bool patch_open(struct machine *m);
void patch_close(struct machine *m);
/* A call was made by a signal at the SYSCALL instruction that ends at `end`: if it is one of many, the site is rewritten. */
void patch_note(struct space *s, uint64_t end, uint32_t nr);
/* Whether the kernel has changed the code of a site that made a call: then the process sees the original again, and the call is not one. */
bool patch_is_stale(struct space *s, const struct site *site);
/* Before a mapping: if it wants the table's place, there are no more rewritten sites in the space. */
void patch_give_way(struct space *s, uint64_t addr, uint64_t length);
/* After a change: the copies there have been replaced. */
void patch_forget(struct space *s, uint64_t start, uint64_t end);
/* Before somebody gets write access to a range of application memory: no copies of it may be left. */
void patch_writable(struct machine *m, uint64_t offset, uint64_t length);

/* --- xstate.c --- */
void xstate_probe(uint32_t *size, uint64_t *features);
/* Copies an XSAVE area and makes it one that XRSTOR accepts. */
void xstate_copy(uint8_t *to, const uint8_t *from, uint32_t size, uint64_t features);

#endif
