import { errnoName, SIGKILL } from '@sbx/abi';
import { type Kernel, SignalInfo, sendToGroup, type ThreadGroup } from '@sbx/kernel';
import { binding } from '../binding.js';
import {
  type ClientMessage,
  type CreateMessage,
  DESCRIPTORS_FD,
  PROTOCOL_VERSION,
  type SignalMessage,
  type SpawnMessage,
} from '../protocol/messages.js';
import { isolationSteps } from '../sentry/isolation.js';
import type { Prepared } from '../sentry/prepare.js';
import type { Control } from '../serve/serve.js';
import { assemble } from './assemble.js';
import { ExitStatus } from './exit-status.js';
import { startProgram } from './programs.js';
import { openHostFile } from './stdio.js';
import { trace } from './strace.js';
import { TerminalRelay } from './terminal-relay.js';
import { watch } from './watchdog.js';

/** Descriptors that came and were not asked for yet are few: a client sends them just before it asks. */
const MOST_PARKED = 1024;
/** How long programs may take to die when the client is gone. */
const PATIENCE_MS = 1000;

/** Serves a client until it is gone. */
export function serve(prepared: Prepared, create: CreateMessage, control: Control): void {
  new Server(prepared, create, control).start();
}

/** A program that the client started, and its terminal; kept as long as anything that it started runs. */
interface Program {
  readonly process: ThreadGroup;
  readonly relay: TerminalRelay | null;
}

class Server {
  readonly #kernel: Kernel;
  readonly #programs = new Map<number, Program>();
  /** Descriptors that have come, by number. */
  readonly #parked = new Map<number, number[]>();

  constructor(
    readonly prepared: Prepared,
    readonly create: CreateMessage,
    readonly control: Control,
  ) {
    this.#kernel = assemble(prepared, {
      log: (line) => void process.stderr.write(`sbx: ${line}\n`),
      onPanic: (report) => {
        control.send({ type: 'panic', report });
        setTimeout(() => process.exit(1), PATIENCE_MS);
      },
    });
    trace(this.#kernel, prepared.strace);
    watch(this.#kernel, create.watchdog);
  }

  start(): void {
    const { platform, plan } = this.prepared;
    this.control.send({
      type: 'ready',
      version: PROTOCOL_VERSION,
      platform: platform.name,
      isolation: isolationSteps(platform.name),
      warnings: plan.warnings,
    });
    this.control.start(
      (message) => this.#take(message),
      () => this.#end(),
    );
  }

  #take(message: ClientMessage): void {
    switch (message.type) {
      case 'spawn':
        this.#spawn(message);
        break;
      case 'signal':
        this.#signal(message);
        break;
      case 'resize':
        this.#programs.get(message.id)?.relay?.pty.resize(message.columns, message.rows);
        break;
    }
  }

  #spawn(message: SpawnMessage): void {
    const { id, argv, env, tty } = message;
    const cwd = message.cwd ?? this.prepared.plan.cwd;
    const streams = this.#takeDescriptors(id).map((fd) => openHostFile(this.#kernel, fd));
    const relay = tty === null ? null : new TerminalRelay(this.#kernel, streams[0], streams[1], tty);
    const files = relay?.open() ?? streams;
    const started = startProgram(this.#kernel, this.prepared.config, { argv, env, cwd, files, terminal: relay?.pty.terminal ?? null });
    if ('status' in started) {
      relay?.close();
      this.control.send({ type: 'spawnFailed', id, errno: errnoName(-started.errno) ?? String(started.errno), message: started.message });
      return;
    }
    this.#forgetPrograms();
    this.#programs.set(id, { process: started, relay });
    started.onExit = () => {
      const { code, signo } = ExitStatus.fromWait(started.exitStatus);
      this.control.send({ type: 'exited', id, code, signo });
      void relay?.finish();
    };
    this.control.send({ type: 'spawned', id, pid: started.id });
  }

  /** Programs of which nothing is left: neither they nor what they started. */
  #forgetPrograms(): void {
    const alive = new Set<ThreadGroup>();
    for (const { origin } of this.#kernel.processes.values()) alive.add(origin);
    for (const [id, { process }] of this.#programs) if (!alive.has(process)) this.#programs.delete(id);
  }

  /** The descriptors that the client sent with a number, which it did before it named it. */
  #takeDescriptors(number: number): number[] {
    while (!this.#parked.has(number)) {
      const message = binding.receiveDescriptors(DESCRIPTORS_FD);
      if (typeof message === 'number' || this.#parked.size >= MOST_PARKED) return [];
      this.#parked.set(message[0], message.slice(1));
    }
    const fds = this.#parked.get(number)!;
    this.#parked.delete(number);
    return fds;
  }

  #signal({ id, signo, tree }: SignalMessage): void {
    const program = this.#programs.get(id)?.process;
    if (program === undefined) return;
    if (!tree) sendToGroup(program, SignalInfo.kernel(signo));
    else for (const process of this.#kernel.processes.values()) if (process.origin === program) this.#kernel.exitGroup(process, SIGKILL);
  }

  /** The client is gone: so is everything else. */
  #end(): void {
    this.#kernel.killAll();
    const giveUp = Date.now() + PATIENCE_MS;
    const check = () => {
      if (this.#kernel.isEmpty || Date.now() > giveUp) process.exit(0);
      setTimeout(check, 1);
    };
    check();
  }
}
