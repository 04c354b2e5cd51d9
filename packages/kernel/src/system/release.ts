/** What `uname` and /proc/version show: the Linux that programs see. */
export const KERNEL_RELEASE = '6.1.0-sbx';
export const KERNEL_VERSION = '#1 SMP PREEMPT_DYNAMIC sbx';
export const MACHINE = 'x86_64';
