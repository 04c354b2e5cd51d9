/** The page size of every supported architecture's configuration, in bytes. */
export const PAGE_SIZE = 4096;
