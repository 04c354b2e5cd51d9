/* For the cases of sockets: addresses, and what happened as text. */
#ifndef SOCKETS_H
#define SOCKETS_H
#include "../processes.h"
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static struct sockaddr_un address;
static socklen_t address_length;

/* A name in the file system, or with '@' an abstract one. */
static struct sockaddr *name(const char *text) {
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, text);
  address_length = offsetof(struct sockaddr_un, sun_path) + strlen(text) + (text[0] != '@');
  if (text[0] == '@') address.sun_path[0] = 0;
  return (struct sockaddr *)&address;
}
__attribute__((unused)) static int bind_to(int fd, const char *text) {
  name(text);
  return bind(fd, (struct sockaddr *)&address, address_length);
}
__attribute__((unused)) static int connect_to(int fd, const char *text) {
  name(text);
  return connect(fd, (struct sockaddr *)&address, address_length);
}
__attribute__((unused)) static long send_to(int fd, const char *bytes, const char *text) {
  name(text);
  return sendto(fd, bytes, strlen(bytes), 0, (struct sockaddr *)&address, address_length);
}
/* "family 1 length 7 path x", with '@' for zero bytes. */
__attribute__((unused)) static const char *address_text(const struct sockaddr_un *a, socklen_t length) {
  static char text[256];
  int n = snprintf(text, sizeof text, "length %d", length);
  if (length >= 2) n += snprintf(text + n, sizeof text - n, " family %d path ", a->sun_family);
  for (int i = 2; i < (int)length && i < (int)sizeof *a; i++) text[n++] = a->sun_path[i - 2] == 0 ? '@' : a->sun_path[i - 2];
  text[n] = 0;
  return text;
}
/* An abstract name that nobody else has. */
__attribute__((unused)) static const char *private_name(const char *what) {
  static char text[4][64];
  static int next;
  char *mine = text[next++ % 4];
  sprintf(mine, "@guest-%s-%d", what, (int)getppid());
  return mine;
}
#endif
