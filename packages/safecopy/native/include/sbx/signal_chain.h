/*
 * Signal handlers that share a signal: whoever installs one calls the previous one for what is not his.
 *
 * Used by safecopy and by the platforms on top of Node's and V8's own handlers (V8 turns SIGSEGV into WebAssembly traps).
 * To use it in another addon without safecopy: one C file that contains `#include <sbx/signal_chain.c>`.
 */
#ifndef SBX_SIGNAL_CHAIN_H
#define SBX_SIGNAL_CHAIN_H

#include <signal.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(hidden)

typedef void sbx_signal_handler(int signal, siginfo_t *info, void *context);

enum {
  /* Refuse with -ENOENT where no handler is installed (the disposition is SIG_DFL or SIG_IGN). */
  SBX_SIGNAL_MUST_CHAIN = 1,
};

/*
 * Installs `handler` for `signal` and stores what was installed before in *previous, before the handler can run for the first
 * time. Bit s-1 of `extra_mask` blocks signal s while it runs, in addition to those that the previous handler blocks: 0 adds
 * nothing, all ones blocks everything. The flags of the previous handler are kept (SA_ONSTACK, SA_RESTART, SA_NODEFER), so
 * that it runs as it always did; SA_SIGINFO is added, SA_RESETHAND is honoured by sbx_call_previous. Where there was no
 * handler the flags are SA_SIGINFO | SA_ONSTACK | SA_RESTART. Returns 0 or a negative errno (-EINVAL: not a signal that
 * can be handled). `previous` must stay valid as long as the handler is installed or others may call it.
 */
int sbx_replace_signal_handler(int signal, sbx_signal_handler *handler, uint64_t extra_mask, int flags, struct sigaction *previous);

/*
 * Does in a handler what would have been done without it: calls the previous handler in the form that it expects and with the
 * signals blocked that it expects (whatever extra_mask added is undone), or carries out the default action. A fault's default action ends the process with that signal at the faulting instruction: the
 * disposition becomes SIG_DFL, and the instruction runs again when the caller returns, which it must do at once.
 */
void sbx_call_previous(struct sigaction *previous, int signal, siginfo_t *info, void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
