/** Times and timers: `time_types.h`, `time.h`, `timex.h`, `times.h`. */
import { array, pad, struct } from '../codec/composite.js';
import { i32, i64, ptr, u32, u64pair, ulong } from '../codec/scalar.js';

/** Seconds and nanoseconds (`struct __kernel_timespec`). */
export const Timespec = struct('struct timespec', { tv_sec: i64, tv_nsec: i64 });
/** Seconds and microseconds. */
export const Timeval = struct('struct timeval', { tv_sec: i64, tv_usec: i64 });
export const Timezone = struct('struct timezone', { tz_minuteswest: i32, tz_dsttime: i32 });
/** timer_settime(2), timerfd_settime(2). */
export const Itimerspec = struct('struct itimerspec', { it_interval: Timespec, it_value: Timespec });
/** setitimer(2). */
export const Itimerval = struct('struct itimerval', { it_interval: Timeval, it_value: Timeval });
/** times(2), in clock ticks. */
export const Tms = struct('struct tms', { tms_utime: i64, tms_stime: i64, tms_cutime: i64, tms_cstime: i64 });
/** utime(2). */
export const Utimbuf = struct('struct utimbuf', { actime: i64, modtime: i64 });
/** adjtimex(2), clock_adjtime(2). */
export const Timex = struct('struct timex', {
  modes: u32,
  offset: i64,
  freq: i64,
  maxerror: i64,
  esterror: i64,
  status: i32,
  constant: i64,
  precision: i64,
  tolerance: i64,
  time: Timeval,
  tick: i64,
  ppsfreq: i64,
  jitter: i64,
  shift: i32,
  stabil: i64,
  jitcnt: i64,
  calcnt: i64,
  errcnt: i64,
  stbcnt: i64,
  tai: i32,
  _reserved: pad(44, 4),
});
/** What a POSIX timer or a message queue does when it fires; `sigev_notify_thread_id` is for SIGEV_THREAD_ID. */
export const Sigevent = struct('struct sigevent', {
  sigev_value: u64pair,
  sigev_signo: i32,
  sigev_notify: i32,
  sigev_notify_thread_id: i32,
  _pad: pad(44, 4),
});
/** ioctls of /dev/rtc. */
export const RtcTime = struct('struct rtc_time', {
  tm_sec: i32,
  tm_min: i32,
  tm_hour: i32,
  tm_mday: i32,
  tm_mon: i32,
  tm_year: i32,
  tm_wday: i32,
  tm_yday: i32,
  tm_isdst: i32,
});
/** pselect6(2)'s last argument: a signal set by reference, and its size. */
export const SigsetArgpack = struct('struct sigset_argpack', { p: ptr, size: ulong });
/** utimensat(2): access and modification time. */
export const Timespec2 = array(Timespec, 2);
/** utimes(2): access and modification time. */
export const Timeval2 = array(Timeval, 2);
