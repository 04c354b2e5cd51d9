import type { GUEST } from './guest-amd64.js';

/** Where the suite puts things in a guest's address space. Everything else is unmapped unless a test maps it. */
export const CODE = 0x1000_0000;
/** Data: DATA_PAGES pages, readable and writable; the page after them is unmapped. */
export const DATA = 0x2000_0000;
export const DATA_PAGES = 8;
/** One page, readable only. */
export const READ_ONLY = 0x3000_0000;
/** One stack for each thread, STACK_SIZE apart, top down from here. */
export const STACK_TOP = 0x7000_0000;
export const STACK_SIZE = 0x4000;
/** Nothing is ever mapped here by the harness. */
export const UNMAPPED = 0x5000_0000;

export type GuestLabel = keyof typeof GUEST;
