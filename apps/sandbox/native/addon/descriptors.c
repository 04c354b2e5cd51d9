// Descriptors from one process to another: pipes for a program's streams, a socket pair over which their ends are passed. A message is a 32-bit number and
// up to MOST descriptors (SCM_RIGHTS, unix(7)); the receiver looks for the number that the control channel named.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addon.h"

enum { MOST = 8 };

// An array of numbers.
static napi_value make_array(napi_env env, const int *values, size_t count) {
  napi_value array;
  if (napi_create_array_with_length(env, count, &array) != napi_ok) return NULL;
  for (size_t i = 0; i < count; i++) {
    napi_value value = sbx_number(env, values[i]);
    if (value == NULL || napi_set_element(env, array, (uint32_t)i, value) != napi_ok) return NULL;
  }
  return array;
}

// pipe(): [read end, write end], or a negative errno.
static napi_value make_pipe(napi_env env, napi_callback_info info) {
  (void)info;
  int ends[2];
  return pipe2(ends, O_CLOEXEC) == 0 ? make_array(env, ends, 2) : sbx_number(env, -errno);
}

// socketPair(): two connected sockets that keep messages apart, or a negative errno.
static napi_value socket_pair(napi_env env, napi_callback_info info) {
  (void)info;
  int ends[2];
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? make_array(env, ends, 2) : sbx_number(env, -errno);
}

static bool get_descriptors(napi_env env, napi_value array, int *fds, uint32_t *count) {
  if (napi_get_array_length(env, array, count) != napi_ok || *count == 0 || *count > MOST) return false;
  for (uint32_t i = 0; i < *count; i++) {
    napi_value value;
    if (napi_get_element(env, array, i, &value) != napi_ok || napi_get_value_int32(env, value, &fds[i]) != napi_ok) return false;
  }
  return true;
}

// sendDescriptors(socket, number, fds): 0, or a negative errno (-EAGAIN: the receiver has to take some first). Does not block.
static napi_value send_descriptors(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  int32_t fd;
  uint32_t number, count;
  int fds[MOST];
  if (!sbx_arguments(env, info, 3, argv) || napi_get_value_int32(env, argv[0], &fd) != napi_ok || napi_get_value_uint32(env, argv[1], &number) != napi_ok ||
      !get_descriptors(env, argv[2], fds, &count)) {
    return sbx_fail(env, "sendDescriptors(socket, number, descriptors)");
  }
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fds)];
  struct iovec data = {.iov_base = &number, .iov_len = sizeof number};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  memset(control, 0, sizeof control);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  return sbx_number(env, sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0);
}

// receiveDescriptors(socket): [number, descriptors...], or a negative errno (-EAGAIN: there is no message; -ECONNRESET: the sender is gone). Does not block.
static napi_value receive_descriptors(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int32_t fd;
  uint32_t number = 0;
  if (!sbx_arguments(env, info, 1, argv) || napi_get_value_int32(env, argv[0], &fd) != napi_ok) return sbx_fail(env, "receiveDescriptors(socket)");
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST * sizeof(int))];
  struct iovec data = {.iov_base = &number, .iov_len = sizeof number};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n <= 0) return sbx_number(env, n < 0 ? -errno : -ECONNRESET);
  int result[1 + MOST] = {(int)number};
  size_t count = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t bytes = header->cmsg_len - CMSG_LEN(0);
    memcpy(result + 1 + count, CMSG_DATA(header), bytes);
    count += bytes / sizeof(int);
  }
  return make_array(env, result, 1 + count);
}

bool sbx_register_descriptors(napi_env env, napi_value exports) {
  return sbx_export(env, exports, "pipe", make_pipe) && sbx_export(env, exports, "socketPair", socket_pair) &&
         sbx_export(env, exports, "sendDescriptors", send_descriptors) && sbx_export(env, exports, "receiveDescriptors", receive_descriptors);
}
