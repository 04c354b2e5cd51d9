/* The virtual machine: device, memory slots, tables of spaces and contexts, flushing. */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kicker.h"
#include "pool.h"
#include "ring0_entry.h"
#include "vcpu.h"

#define NO_FREE UINT32_MAX
/* In the range below 4 GiB that holds none of our memory; KVM's own identity map is just below. */
#define TSS_PHYSICAL 0xfffbd000

uint64_t machine_text(const struct machine *m, const uint8_t *symbol) { return m->area.text + (uint64_t)(symbol - ring0_exit_text); }

static const char *open_error(int error) {
  switch (error) {
  case -ENOENT:
    return "/dev/kvm does not exist: this machine has no hardware virtualisation, or its KVM module is not loaded";
  case -EACCES:
  case -EPERM:
    return "no permission to open /dev/kvm (usually membership of the group kvm is what is needed)";
  case -ENODEV:
  case -ENXIO:
    return "/dev/kvm exists, but the kernel has no KVM behind it";
  default:
    return NULL;
  }
}

/* Checks the device; 0 or -1 with a reason. */
static int check_device(int kvm, char *reason, size_t size) {
  int version = kvm_api_version(kvm);
  if (version != KVM_API_VERSION) {
    if (version < 0) snprintf(reason, size, "the device is not a KVM: KVM_GET_API_VERSION failed with errno %d", -version);
    else snprintf(reason, size, "the device speaks version %d of the KVM API, and version 12 is needed", version);
    return -1;
  }
  static const struct {
    int number;
    const char *name;
  } needed[] = {{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"}, {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
                {KVM_CAP_XSAVE, "KVM_CAP_XSAVE"},             {KVM_CAP_XCRS, "KVM_CAP_XCRS"},
                {KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS"}, {KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"}};
  for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
    if (kvm_capability(kvm, needed[i].number) == 0) {
      snprintf(reason, size, "this KVM lacks %s", needed[i].name);
      return -1;
    }
  }
  const int sync = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
  if ((kvm_capability(kvm, KVM_CAP_SYNC_REGS) & sync) != sync) {
    snprintf(reason, size, "this KVM lacks KVM_CAP_SYNC_REGS (Linux 4.17 or newer has it)");
    return -1;
  }
  return 0;
}

/*
 * Protection keys are not offered: the application's kernel has none to give (pkey_alloc), and an application that took rights from itself by WRPKRU
 * would fault on memory that is mapped, for ever. Without CR4.PKE the instructions are #UD, as on a CPU that lacks them.
 */
static void hide_protection_keys(struct kvm_cpuid_table *table) {
  enum { FEATURES = 7, EXTENDED_STATE = 0xd, PKU = 1 << 3, OSPKE = 1 << 4, PKRU_LEAF = 9 };
  for (uint32_t i = 0; i < table->header.nent; i++) {
    struct kvm_cpuid_entry2 *e = &table->entries[i];
    if (e->function == FEATURES && e->index == 0) e->ecx &= ~(uint32_t)(PKU | OSPKE);
    if (e->function == EXTENDED_STATE && e->index == 0) e->eax &= ~(uint32_t)XCR0_PKRU;
    if (e->function == EXTENDED_STATE && e->index == PKRU_LEAF) e->eax = e->ebx = e->ecx = e->edx = 0;
  }
}

static int open_vm(struct machine *m, char *reason, size_t size) {
  if (check_device(m->kvm, reason, size) < 0) return -1;
  int run_size = kvm_vcpu_mmap_size(m->kvm);
  m->vm = kvm_create_vm(m->kvm);
  if (run_size < (int)sizeof(struct kvm_run) || m->vm < 0) {
    int error = m->vm < 0 ? -m->vm : -run_size;
    snprintf(reason, size, "KVM did not make a virtual machine: %s (errno %d)", strerror(error), error);
    return -1;
  }
  m->run_size = (size_t)run_size;
  int limit = kvm_capability(m->vm, KVM_CAP_MAX_VCPUS);
  m->max_vcpus = limit <= 0 ? 4 : limit < MAX_VCPUS ? (uint32_t)limit : MAX_VCPUS;
  /* Else KVM would rewrite a hypercall instruction in the application's memory. Older kernels can't switch that off. */
  int quirks = kvm_capability(m->vm, KVM_CAP_DISABLE_QUIRKS2);
  if (quirks & KVM_X86_QUIRK_FIX_HYPERCALL_INSN) {
    (void)kvm_enable_capability(m->vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
  }
  if (kvm_capability(m->vm, KVM_CAP_SET_TSS_ADDR) > 0) (void)kvm_set_tss_address(m->vm, TSS_PHYSICAL);
  int error = kvm_supported_cpuid(m->kvm, m->cpuid);
  if (error < 0) {
    snprintf(reason, size, "KVM_GET_SUPPORTED_CPUID failed: %s", strerror(-error));
    return -1;
  }
  hide_protection_keys(m->cpuid);
  return 0;
}

struct machine *machine_open(int fd, char *reason, size_t size) {
  struct machine *m = calloc(1, sizeof(*m));
  if (m == NULL || (m->cpuid = calloc(1, sizeof(*m->cpuid))) == NULL || (m->slots = calloc(MAX_SLOTS, sizeof(*m->slots))) == NULL) {
    snprintf(reason, size, "out of memory");
    if (m != NULL) free(m->cpuid);
    free(m);
    return NULL;
  }
  m->vm = -1;
  m->space_free = m->context_free = NO_FREE;
  pthread_mutex_init(&m->grow, NULL);
  pthread_mutex_init(&m->failure_lock, NULL);
  m->owns_kvm = fd < 0;
  m->kvm = fd < 0 ? kvm_open_device() : fd;
  if (m->kvm < 0) {
    const char *known = open_error(m->kvm);
    if (known != NULL) snprintf(reason, size, "%s", known);
    else snprintf(reason, size, "/dev/kvm can't be opened: %s", strerror(-m->kvm));
    machine_close(m);
    return NULL;
  }
  int error = open_vm(m, reason, size) < 0 ? -EINVAL : vcpu_install_kick();
  if (error < 0) {
    machine_close(m);
    return NULL;
  }
  return m;
}

void machine_close(struct machine *m) {
  if (m->kicker != NULL) kicker_destroy(m->kicker);
  if (m->pool != NULL) pool_destroy(m->pool);
  for (uint32_t i = 0; i < m->vcpu_count; i++) {
    if (m->vcpus[i] != NULL) vcpu_free(m->vcpus[i]);
  }
  for (uint32_t i = 0; i < m->space_count; i++) free(m->spaces[i]);
  for (uint32_t i = 0; i < m->context_count; i++) free(m->contexts[i]);
  free(m->spaces);
  free(m->contexts);
  free(m->slots);
  free(m->cpuid);
  if (m->vm >= 0) close(m->vm);
  if (m->owns_kvm && m->kvm >= 0) close(m->kvm);
  pthread_mutex_destroy(&m->grow);
  pthread_mutex_destroy(&m->failure_lock);
  free(m);
}

/* --- Memory --- */

int machine_add_slot(struct machine *m, uint64_t physical, uint64_t host, uint64_t length) {
  uint32_t count = m->slot_count;
  if (count == MAX_SLOTS) return -ENOSPC;
  int error = kvm_set_memory(m->vm, count, physical, host, length);
  if (error < 0) return error;
  m->slots[count] = (struct slot){.physical = physical, .host = host, .length = length};
  m->slot_count = count + 1;
  return 0;
}

void *machine_physical(const struct machine *m, uint64_t physical, uint64_t length) {
  uint32_t count = m->slot_count;
  for (uint32_t i = 0; i < count; i++) {
    const struct slot *s = &m->slots[i];
    if (physical >= s->physical && physical - s->physical <= s->length && length <= s->length - (physical - s->physical)) {
      /* SAFETY: all of `length` lies in the slot, whose memory outlives the machine. */
      return (void *)(uintptr_t)(s->host + (physical - s->physical));
    }
  }
  return NULL;
}

/* --- Spaces and contexts --- */

int64_t machine_new_space(struct machine *m, uint64_t cr3) {
  uint32_t id = m->space_free;
  if (id == NO_FREE) {
    struct space **table = realloc(m->spaces, (m->space_count + 1) * sizeof(struct space *));
    if (table == NULL) return -ENOMEM;
    m->spaces = table;
    struct space *s = calloc(1, sizeof(*s));
    if (s == NULL) return -ENOMEM;
    id = m->space_count++;
    table[id] = s;
    s->id = id;
  } else {
    m->space_free = m->spaces[id]->next_free;
  }
  struct space *s = m->spaces[id];
  s->cr3 = cr3;
  s->serial = ++m->last_serial;
  return id;
}

/* Makes every vCPU in guest mode that is in the space (with `entering`: or comes from it) leave guest mode, and waits for that. */
static void kick_out(struct machine *m, uint64_t serial, bool entering) {
  uint32_t states[MAX_VCPUS];
  uint32_t count = m->vcpu_count;
  for (uint32_t i = 0; i < count; i++) {
    struct vcpu *v = m->vcpus[i];
    states[i] = v == NULL ? 0 : v->state;
    if (!(states[i] & VCPU_GUEST) || (v->loaded != serial && !(entering && v->under == serial))) states[i] = 0;
    else vcpu_kick(v);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (states[i] != 0) vcpu_wait_left(m->vcpus[i], states[i]);
  }
}

void machine_flush(struct machine *m, struct space *s) {
  atomic_fetch_add(&s->generation, 1);
  /* A KVM that shadows page tables has flushed every vCPU itself when the tables were touched. */
  if (!m->shadow) kick_out(m, s->serial, false);
}

void machine_release_space(struct machine *m, struct space *s) {
  uint64_t serial = s->serial;
  for (uint32_t i = 0; i < m->vcpu_count; i++) {
    struct vcpu *v = m->vcpus[i];
    if (v != NULL && (v->loaded == serial || v->under == serial)) atomic_fetch_or(&v->requests, REQUEST_DEAD_CR3);
  }
  kick_out(m, serial, true);
  s->serial = 0;
  s->next_free = m->space_free;
  m->space_free = s->id;
}

int64_t machine_new_context(struct machine *m, struct context_page *page) {
  uint32_t id = m->context_free;
  if (id == NO_FREE) {
    struct context **table = realloc(m->contexts, (m->context_count + 1) * sizeof(struct context *));
    if (table == NULL) return -ENOMEM;
    m->contexts = table;
    struct context *c = calloc(1, sizeof(*c));
    if (c == NULL) return -ENOMEM;
    id = m->context_count++;
    table[id] = c;
  } else {
    m->context_free = m->contexts[id]->next_free;
  }
  struct context *c = m->contexts[id];
  *c = (struct context){.page = page, .id = id};
  return id;
}

void machine_release_context(struct machine *m, struct context *c) {
  /* What a vCPU holds of it is dropped, not saved. */
  struct vcpu *v = c->home;
  if (v != NULL) {
    pthread_mutex_lock(&v->lock);
    if (c->home == v) {
      v->owner = NULL;
      c->home = NULL;
    }
    pthread_mutex_unlock(&v->lock);
  }
  c->page = NULL;
  c->next_free = m->context_free;
  m->context_free = c->id;
}
