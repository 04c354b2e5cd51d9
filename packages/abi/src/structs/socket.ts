/** Sockets: `socket.h`, `un.h`, `in.h`, `in6.h`, `netlink.h`, `if.h`. Ports and IPv4 addresses are in network order on the wire, plain numbers as values. */
import { bytes, cstring, pad, struct, union } from '../codec/composite.js';
import { be16, be32, i32, ptr, u8, u16, u32, u64, ulong } from '../codec/scalar.js';

/** sendmsg(2), recvmsg(2). */
export const Msghdr = struct('struct msghdr', {
  msg_name: ptr,
  msg_namelen: i32,
  msg_iov: ptr,
  msg_iovlen: ulong,
  msg_control: ptr,
  msg_controllen: ulong,
  msg_flags: i32,
});
/** sendmmsg(2), recvmmsg(2). */
export const Mmsghdr = struct('struct mmsghdr', { msg_hdr: Msghdr, msg_len: u32 });
/** Ancillary data: header, then data, then padding to a multiple of 8. */
export const Cmsghdr = struct('struct cmsghdr', { cmsg_len: ulong, cmsg_level: i32, cmsg_type: i32 });
/**
 * Rounds a number of bytes up to the alignment of ancillary data (cmsg(3)).
 *
 * @example
 * import { CMSG_ALIGN, CMSG_LEN, CMSG_SPACE } from '@sbx/abi';
 *
 * // One descriptor of 4 bytes:
 * CMSG_LEN(4); // 20
 * CMSG_SPACE(4); // 24
 * CMSG_ALIGN(20); // 24
 */
export const CMSG_ALIGN = (length: number): number => Math.ceil(length / 8) * 8;
/** `cmsg_len` of `length` bytes of data. */
export const CMSG_LEN = (length: number): number => 16 + length;
/** Space that `length` bytes of data take with header and padding. */
export const CMSG_SPACE = (length: number): number => 16 + CMSG_ALIGN(length);

/** SO_PEERCRED, SCM_CREDENTIALS. */
export const Ucred = struct('struct ucred', { pid: i32, uid: u32, gid: u32 });
/** SO_LINGER. */
export const Linger = struct('struct linger', { l_onoff: i32, l_linger: i32 });

export const Sockaddr = struct('struct sockaddr', { sa_family: u16, sa_data: bytes(14) });
/** Room for any address. */
export const SockaddrStorage = struct('struct sockaddr_storage', { ss_family: u16, _data: bytes(126) }, { align: 8 });
/** unix(7). The path is raw bytes: an abstract name begins with a NUL and may hold others. */
export const SockaddrUn = struct('struct sockaddr_un', { sun_family: u16, sun_path: bytes(108) });
/** ip(7). */
export const SockaddrIn = struct('struct sockaddr_in', { sin_family: u16, sin_port: be16, sin_addr: be32, _zero: pad(8) });
/** ipv6(7). */
export const SockaddrIn6 = struct(
  'struct sockaddr_in6',
  {
    sin6_family: u16,
    sin6_port: be16,
    sin6_flowinfo: be32,
    sin6_addr: bytes(16),
    sin6_scope_id: u32,
  },
  { align: 4 },
);
/** netlink(7). */
export const SockaddrNl = struct('struct sockaddr_nl', { nl_family: u16, nl_pad: pad(2, 2), nl_pid: u32, nl_groups: u32 });
/** packet(7). */
export const SockaddrLl = struct('struct sockaddr_ll', {
  sll_family: u16,
  sll_protocol: be16,
  sll_ifindex: i32,
  sll_hatype: u16,
  sll_pkttype: u8,
  sll_halen: u8,
  sll_addr: bytes(8),
});

/** IP_ADD_MEMBERSHIP. */
export const IpMreqn = struct('struct ip_mreqn', { imr_multiaddr: be32, imr_address: be32, imr_ifindex: i32 });
/** IP_PKTINFO. */
export const InPktinfo = struct('struct in_pktinfo', { ipi_ifindex: i32, ipi_spec_dst: be32, ipi_addr: be32 });
/** IPV6_ADD_MEMBERSHIP. */
export const Ipv6Mreq = struct('struct ipv6_mreq', { ipv6mr_multiaddr: bytes(16), ipv6mr_ifindex: i32 });
/** IPV6_PKTINFO. */
export const In6Pktinfo = struct('struct in6_pktinfo', { ipi6_addr: bytes(16), ipi6_ifindex: i32 });

const Ifmap = struct('struct ifmap', { mem_start: ulong, mem_end: ulong, base_addr: u16, irq: u8, dma: u8, port: u8 });
/** netdevice(7): one request; which member of the union is meant depends on the ioctl. */
export const Ifreq = struct('struct ifreq', {
  ifr_name: cstring(16),
  ifr_ifru: union('union', {
    ifru_addr: Sockaddr,
    ifru_flags: u16,
    ifru_ivalue: i32,
    ifru_map: Ifmap,
    ifru_newname: cstring(16),
    ifru_data: u64,
  }),
});
/** SIOCGIFCONF. */
export const Ifconf = struct('struct ifconf', { ifc_len: i32, ifc_buf: ptr });

/** netlink(7): head of each message. */
export const Nlmsghdr = struct('struct nlmsghdr', { nlmsg_len: u32, nlmsg_type: u16, nlmsg_flags: u16, nlmsg_seq: u32, nlmsg_pid: u32 });
/** NLMSG_ERROR. */
export const Nlmsgerr = struct('struct nlmsgerr', { error: i32, msg: Nlmsghdr });
/** Head of a netlink attribute. */
export const Nlattr = struct('struct nlattr', { nla_len: u16, nla_type: u16 });
/** SO_ATTACH_FILTER, seccomp(2): one instruction. */
export const SockFilter = struct('struct sock_filter', { code: u16, jt: u8, jf: u8, k: u32 });
/** SO_ATTACH_FILTER, seccomp(2): a program. */
export const SockFprog = struct('struct sock_fprog', { len: u16, filter: ptr });
