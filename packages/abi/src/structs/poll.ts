/** Waiting for events: `poll.h`, `select.h`. `struct epoll_event` is in `arch/`. */
import { struct } from '../codec/composite.js';
import { i16, i32 } from '../codec/scalar.js';

/** poll(2). */
export const Pollfd = struct('struct pollfd', { fd: i32, events: i16, revents: i16 });
