// covers: reboot(EPERM) init_module(EPERM) finit_module(EPERM) delete_module(EPERM) kexec_load(EPERM) kexec_file_load(EPERM) iopl(EPERM) ioperm(EPERM) swapon(EPERM) swapoff(EPERM) acct(EPERM) syslog(EPERM) settimeofday(EPERM) clock_settime(EPERM) adjtimex(EPERM) clock_adjtime(EPERM) vhangup(EPERM) memfd_secret(ENOSYS) open_by_handle_at(EPERM) pivot_root(EPERM) mount(EPERM) umount2(EPERM) chroot(EPERM) setpriority(EACCES)
// oracle: vm
// What only root may do, tried by somebody else.
#include "../processes.h"
#include <linux/reboot.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timex.h>

int main(void) {
  fresh_directory("refused");
  drop_privileges();
  CASE("system");
  T(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, NULL));
  T(syscall(SYS_reboot, 1, 2, 3, NULL));
  T(syscall(SYS_kexec_load, 0, 0, NULL, 0));
  T(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0));
  T(syscall(SYS_vhangup));
  T(syscall(SYS_acct, NULL));
  T(syscall(SYS_acct, "file"));
  CASE("modules");
  T(syscall(SYS_init_module, NULL, 0, ""));
  T(syscall(SYS_finit_module, -1, "", 0));
  T(syscall(SYS_delete_module, "nothing", 0));
  CASE("ports");
  T(syscall(SYS_iopl, 3));
  T(syscall(SYS_ioperm, 0, 1, 1));
  CASE("swap");
  T(syscall(SYS_swapon, "nothing", 0));
  T(syscall(SYS_swapoff, "nothing"));
  CASE("log");
  T(syscall(SYS_syslog, 5, NULL, 0));
  T(syscall(SYS_syslog, 2, NULL, 0));
  CASE("clock");
  struct timeval time = {1, 0};
  T(syscall(SYS_settimeofday, &time, NULL));
  T(clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0}));
  struct timex timex = {.modes = ADJ_OFFSET};
  T(syscall(SYS_adjtimex, &timex));
  timex.modes = ADJ_OFFSET;
  T(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &timex));
  CASE("files");
  T(syscall(SYS_pivot_root, ".", "."));
  T(syscall(SYS_mount, "none", ".", "tmpfs", 0, NULL));
  T(syscall(SYS_umount2, ".", 0));
  T(chroot("."));
  T(syscall(SYS_open_by_handle_at, AT_FDCWD, &(long[4]){8}, O_RDONLY));
  CASE("memory");
  T(syscall(SYS_memfd_secret, 0));
  CASE("priorities");
  T(setpriority(PRIO_PROCESS, 0, -5));
  return 0;
}
