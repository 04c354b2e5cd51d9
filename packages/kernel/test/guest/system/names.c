// covers: uname(EFAULT) sethostname(EFAULT EINVAL EPERM) setdomainname(EFAULT EINVAL EPERM)
// oracle: vm
// The system's names: reading and, as root, changing them.
#include "../processes.h"
#include <sys/utsname.h>

static void show(const char *what) {
  struct utsname names;
  T(uname(&names));
  SAY("%s: %s node %s domain %s machine %s", what, names.sysname, names.nodename, names.domainname, names.machine);
}

int main(void) {
  CASE("uname");
  T(syscall(SYS_uname, 8));
  T(syscall(SYS_uname, NULL));
  CASE("sethostname");
  T(sethostname("guest.example", 13));
  show("set");
  T(sethostname("short-and-cut", 5));
  show("cut");
  T(sethostname("zero\0inside", 11));
  show("zero inside");
  T(sethostname("", 0));
  show("empty");
  char long_name[65];
  memset(long_name, 'n', 65);
  T(sethostname(long_name, 64));
  show("longest");
  T(sethostname(long_name, 65));
  T(sethostname("x", -1));
  T(sethostname((void *)8, 5));
  T(sethostname("guest", 5));
  CASE("setdomainname");
  T(setdomainname("example.org", 11));
  show("set");
  T(setdomainname(long_name, 65));
  T(setdomainname("x", -1));
  T(setdomainname((void *)8, 5));
  CASE("user");
  say_end("user", CHILD({
            drop_privileges();
            T(sethostname("user", 4));
            T(setdomainname("user", 4));
            T(sethostname("user", -1));
            T(sethostname((void *)8, 4));
          }));
  show("unchanged");
  return 0;
}
