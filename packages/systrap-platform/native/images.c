/* The programs that stubs and zygotes are, as memfds that can be executed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "images_data.h"
#include "machine.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static int open_image(const char *name, const unsigned char *bytes, size_t size) {
  /* Kernels before 6.3 do not know the flag, others may want it. */
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  for (size_t done = 0; done < size;) {
    ssize_t n = write(fd, bytes + done, size - done);
    if (n <= 0) {
      int error = n < 0 ? errno : EIO;
      if (error == EINTR) continue;
      close(fd);
      return -error;
    }
    done += (size_t)n;
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

int stub_image_open(void) { return open_image("sbx-stub", stub_image, sizeof(stub_image)); }
int zygote_image_open(void) { return open_image("sbx-zygote", zygote_image, sizeof(zygote_image)); }
