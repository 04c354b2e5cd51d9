/** Stands in for node:child_process in the bundle: commander loads it for subcommands that are programs of their own, which we have none of. */
export {};
