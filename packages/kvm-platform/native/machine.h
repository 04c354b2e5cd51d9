/*
 * One virtual machine: the device, its memory slots, address spaces, contexts and vCPUs.
 *
 * Threads: the *owner* is the JavaScript thread that made the machine. Unless a field says otherwise it is immutable after machine_start, or
 * the owner's. Workers (pool.c) run vCPUs 1 ... n; the owner runs vCPU 0; the kicker (kicker.c) ends long runs of vCPU 0.
 */
#ifndef SBX_KVM_MACHINE_H
#define SBX_KVM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "context_page.h"
#include "kvm_ioctl.h"
#include "ring0_amd64.h"

#define MAX_VCPUS 257
#define MAX_SLOTS 8192
#define FAILURE_SIZE 4096

struct machine;
struct vcpu;

/* An address space as the CPU sees it. Memory of a space is never freed while the machine lives, so that stale pointers stay harmless. */
struct space {
  uint64_t cr3;
  /* Unique for ever; 0: this entry is free. */
  uint64_t serial;
  /* Counts flushes: translations of an older generation may not be used. */
  _Atomic uint64_t generation;
  uint32_t id;
  uint32_t next_free;
};

/* One application thread. */
struct context {
  struct context_page *page; /* NULL: this entry is free */
  uint32_t id;
  /* The vCPU that holds FS/GS base and extended state, or NULL: the page does. Written under that vCPU's lock. */
  _Atomic(struct vcpu *) home;
  /* The vCPU that runs it now. */
  _Atomic(struct vcpu *) running;
  /* Of `start`: owner until queued, then the worker's. */
  struct space *space;
  struct context *next;
  uint32_t next_free;
};

/* Bits of vcpu.state. The rest counts how often the vCPU left guest mode. */
#define VCPU_GUEST 1u
#define VCPU_WAITER 2u
#define VCPU_COUNT 4u

/* Bits of vcpu.requests. */
#define REQUEST_PREEMPT 1u
/* The tables that CR3 points to are gone: load another CR3 without executing anything under this one. */
#define REQUEST_DEAD_CR3 2u

/* Why vCPUs came back: indices of vcpu.counts. */
enum exit_count {
  COUNT_RUN,
  COUNT_HLT,
  COUNT_WINDOW,
  COUNT_WINDOW_SPURIOUS,
  COUNT_INTR,
  COUNT_FAULT,
  COUNT_SREGS,
  COUNT_STATE_LOAD,
  COUNT_STATE_SAVE,
  COUNT_FORGET,
  COUNT_FLUSH_ENTRY,
  COUNT_KICK,
  COUNT_OTHER,
  COUNTS
};

struct vcpu {
  struct machine *machine;
  uint32_t index;
  int fd;
  struct kvm_run *run;
  struct ring0_cpu *cpu;
  /* Linear address of `cpu` in the guest. */
  uint64_t cpu_linear;
  /* The thread that runs it. */
  pid_t tid;

  /* Guards `owner`, the `home` of contexts that point here, and the transfer of FS/GS base and extended state. Never held in guest mode. */
  pthread_mutex_t lock;
  _Atomic(struct context *) owner;

  /* Of the running thread: privilege level that the vCPU is at, what CR3 holds, and the special registers as KVM has them (bare mode). */
  uint8_t ring;
  uint64_t cr3;
  uint64_t generation;
  /* Interrupt windows of this run that were none of a system call. */
  uint32_t spurious;
  /*
   * Serials of spaces: `loaded` is the one that the vCPU runs or is about to enter; `under` the one that CR3 holds until the entry routine has loaded the
   * other, which counts as done once ring 3 was reached. Tables of neither may be reused before the vCPU was told. Read by whoever flushes.
   */
  _Atomic uint64_t loaded;
  _Atomic uint64_t under;

  /* VCPU_*: futex word. */
  _Atomic uint32_t state;
  _Atomic uint32_t requests;
  /* The run (its sequence number) that must end. */
  _Atomic uint64_t stop;

  uint64_t counts[COUNTS];
  /* Whether the time in KVM_RUN is added up; it costs two readings of the clock per run. */
  bool timed;
  uint64_t run_ns;
};

/* What the guest sees of the kernel area (linear addresses are unsigned), and where the host finds it. */
struct kernel_area {
  uint64_t text;
  uint64_t idt;
  uint64_t cpus;
  struct ring0_cpu *host_cpus;
  /* CR3 of tables that have the kernel half only. */
  uint64_t boot_cr3;
  /* Linear and guest-physical address of the page-table memory, which ring 0 can write. */
  uint64_t tables;
  uint64_t tables_physical;
};

struct slot {
  uint64_t physical;
  uint64_t host;
  uint64_t length;
};

struct pool;
struct kicker;

struct machine {
  int kvm;
  int vm;
  bool owns_kvm;
  size_t run_size;
  uint32_t max_vcpus;
  struct kvm_cpuid_table *cpuid;
  uint64_t cr4;
  uint64_t xcr0;

  /* What calibration found; changed only while no vCPU runs. */
  bool syscall_faults;  /* SYSCALL of ring 3 arrives at LSTAR with ring 3's CS */
  bool bare;            /* ring 0 is emulated: enter ring 3 by special registers, exit through bare vectors */
  bool window;          /* an interrupt-window exit comes right after a SYSCALL: no second entry is needed */
  bool shadow;          /* KVM shadows page tables: it has to be told of the host's changes (forget.c) */

  struct kernel_area area;
  /* Entries below the count never change: workers read them to decode faults. */
  struct slot *slots;
  _Atomic uint32_t slot_count;

  struct space **spaces;
  uint32_t space_count, space_free;
  uint64_t last_serial;
  struct context **contexts;
  uint32_t context_count, context_free;

  /* vCPUs that exist; written by the thread that makes one (under `grow`), read by all. */
  pthread_mutex_t grow;
  _Atomic(struct vcpu *) vcpus[MAX_VCPUS];
  _Atomic uint32_t vcpu_count;

  struct pool *pool;
  struct kicker *kicker;

  /* Why a vCPU died; written once. */
  _Atomic bool failed;
  pthread_mutex_t failure_lock;
  char failure[FAILURE_SIZE];
};

/* Handlers, entry points of the text: linear addresses. */
uint64_t machine_text(const struct machine *m, const uint8_t *symbol);

/*
 * Opens the device (or uses `fd`) and makes a virtual machine. Returns NULL with the reason, for people, in `reason`.
 */
struct machine *machine_open(int fd, char *reason, size_t size);
/* Ends all threads and frees everything. No context may be running. */
void machine_close(struct machine *m);

/* Makes [physical, physical + length) the host's memory at `host`. Returns 0 or -errno. */
int machine_add_slot(struct machine *m, uint64_t physical, uint64_t host, uint64_t length);
/* The host's address of `length` bytes of guest-physical memory inside one slot, or NULL. */
void *machine_physical(const struct machine *m, uint64_t physical, uint64_t length);

/* The id of a new address space or context (page at `page`), or -ENOMEM. */
int64_t machine_new_space(struct machine *m, uint64_t cr3);
void machine_release_space(struct machine *m, struct space *s);
int64_t machine_new_context(struct machine *m, struct context_page *page);
void machine_release_context(struct machine *m, struct context *c);
static inline struct space *machine_space(const struct machine *m, uint32_t id) {
  return id < m->space_count && m->spaces[id]->serial != 0 ? m->spaces[id] : NULL;
}
static inline struct context *machine_context(const struct machine *m, uint32_t id) {
  return id < m->context_count && m->contexts[id]->page != NULL ? m->contexts[id] : NULL;
}

/*
 * Makes every vCPU that may use translations of `s` forget them before it returns; vCPUs in guest mode are kicked out and waited for, others
 * forget at their next entry.
 */
void machine_flush(struct machine *m, struct space *s);

/*
 * For a KVM that shadows page tables, after the tables of `s` were changed: makes it forget what it knew of the range, and of `count` table pages
 * (frames) that left the tables. Does nothing on others. Called by the owner. Returns 0 or -errno.
 */
int machine_forget(struct machine *m, const struct space *s, uint64_t address, uint64_t length, const uint32_t *frames, uint32_t count);

/*
 * Takes the right to write from all translations of the range (a larger page that reaches beyond it loses it whole). Returns 1 if any had it: then
 * flush; 0 if not; or -errno. On a KVM that shadows page tables it has forgotten what it must. Called by the owner.
 */
int machine_write_protect(struct machine *m, const struct space *s, uint64_t address, uint64_t length);

/* Copies bytes of application memory of `s` as the tables translate it; returns how many. For reports and rare decoding only. */
size_t machine_peek(const struct machine *m, const struct space *s, uint64_t address, void *to, size_t length);

#endif
