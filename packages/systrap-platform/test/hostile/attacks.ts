import { FLAG_STATE_DIRTY } from '@sbx/platform';
import { allowed, both, findPrograms, type Rule, readProgram } from './filters.js';
import * as layout from './layout.js';
import { Random, type RegisterFile, registerFiles, setUpFakes } from './register-files.js';
import { CODE, DATA, type Registers, type Routine, routineAddress, setRegisters, VALUES, type Victim } from './victim.js';

const VSYSCALLS = [0xffffffffff600000n, 0xffffffffff600400n, 0xffffffffff600800n];
/** Bytes of guest.S with 64-bit code, and of what is behind rewritten sites. */
const CODE_SIZE = 512;
const CALL_SIZE = 0x100;
const CHECK_EVERY = 500;
const FAKES_EVERY = 16;
/** A second thread that jumped, and sleeps or runs since then, jumps again after so many attempts of the first. */
const JUMP_PATIENCE = 100;
/** Offsets between two lines about progress. */
const PROGRESS_EVERY = 1024;
const stack = BigInt(DATA) + 0xf000n;

/** A routine that a thread runs for ever, beside the one that attacks. */
interface Racer {
  readonly name: string;
  readonly routine: Routine;
  readonly registers: Registers;
}

/** The races of the second thread, whose slot is 1: on the slot of the first, on its frame, on what both share. */
function racers(random: Random): Racer[] {
  const values = { rdx: BigInt(DATA + VALUES), rcx: 63n, r8: random.u64() | 1n };
  const slot = layout.slotAddress(0);
  return [
    { name: 'scribbles on the fields of the slot', routine: 'scribble', registers: { ...values, rdi: slot, rsi: 15n } },
    { name: 'scribbles on the whole slot', routine: 'scribble', registers: { ...values, rdi: slot, rsi: 8191n } },
    { name: 'scribbles on all slots', routine: 'scribble', registers: { ...values, rdi: slot, rsi: 0x1ffffn } },
    { name: 'scribbles on the signal frame', routine: 'scribble', registers: { ...values, rdi: slot + 0xf000n, rsi: 511n } },
    {
      name: 'changes where the frame is',
      routine: 'flip',
      registers: { rdi: slot + layout.SLOT_UCONTEXT, rsi: slot + 0xf008n, rdx: BigInt(DATA) },
    },
    { name: 'publishes events', routine: 'flip', registers: { rdi: slot + layout.SLOT_EVENT, rsi: 1n, rdx: 2n } },
    { name: 'overwrites the image', routine: 'overwrite', registers: { rdi: slot + layout.SLOT_IMAGE, rsi: 160n, rax: 0xffn } },
    { name: 'makes system calls', routine: 'calls', registers: { rbx: 39n } },
    { name: 'makes system calls at a rewritten site', routine: 'wrapper', registers: {} },
  ];
}

/** What a racer writes: addresses that lead somewhere, numbers at limits. */
function fillValues(memory: Buffer, random: Random): void {
  const slot = layout.slotAddress(0);
  const interesting = [
    ...[0n, 1n, 2n, 3n, 9n, 11n, 23n, 31n, 63n, 64n, 0xffffffffn, 2n ** 31n, 2n ** 47n, 2n ** 63n, 2n ** 64n - 1n],
    ...[slot, slot + 0xf008n, slot + 0xf000n, slot + 0xffc0n, slot + BigInt(layout.SLOT_SIZE) - 8n, slot + 0x400n, slot + 0x401n],
    ...[
      layout.slotAddress(1),
      layout.slotAddress(15),
      layout.SLOT_BASE - 8n,
      layout.CONTROL_BASE,
      layout.STUB_BASE,
      BigInt(DATA),
      BigInt(CODE),
    ],
  ];
  for (let i = 0; i < 64; i++) memory.writeBigUInt64LE(i < interesting.length ? interesting[i]! : random.u64(), VALUES + 8 * i);
}

const jumpTo = (offset: number, file: RegisterFile): Registers => ({ ...file.registers, rip: layout.STUB_BASE + BigInt(offset) });

/** How far attacks go. */
export interface Extent {
  /** Of the jumps to every place, with every register file, of one thread: how many; undefined: all of them, in order, and all of two threads. */
  readonly jumps: number | undefined;
  /** How many while a second thread does something else, or jumps, too. */
  readonly racedJumps: number;
  /** Numbers of system calls that are tried at each SYSCALL instruction: those below, in steps. */
  readonly numbers: number;
  readonly numberStep: number;
  /** Milliseconds for each of the attacks that go on as long as one likes; jumps in a race end after ten times that in any case. */
  readonly milliseconds: number;
}

/** A phase of the attack, as it is reported. */
export interface Phase {
  readonly name: string;
  readonly attempts: number;
  readonly milliseconds: number;
}

/** Everything that a hostile program is known to be able to try, on one victim. */
export class Attack {
  readonly victim: Victim;
  readonly phases: Phase[] = [];
  readonly guestRules: Rule[];
  readonly mapperRules: Rule[];
  readonly text: Buffer;
  readonly #random: Random;
  readonly #extent: Extent;
  readonly files: RegisterFile[];

  /** The addresses of the filters, as the stub gives them to seccomp(2). */
  readonly filters: { readonly guest: bigint; readonly mapper: bigint };

  readonly #progress: (line: string) => void;

  constructor(victim: Victim, extent: Extent, seed: number, progress: (line: string) => void) {
    this.victim = victim;
    this.#progress = progress;
    this.#extent = extent;
    this.#random = new Random(seed);
    this.text = victim.readStub();
    const rules = (address: bigint) => allowed(readProgram(this.text, layout.STUB_BASE, address));
    const [guest, mapper] = findPrograms(this.text, layout.STUB_BASE).sort((a, b) => rules(a).length - rules(b).length);
    this.filters = { guest: guest!, mapper: mapper! };
    this.mapperRules = rules(mapper!);
    this.guestRules = both(rules(guest!), this.mapperRules);
    this.files = registerFiles(this.guestRules, this.mapperRules, this.#random);
  }

  run(): void {
    const { jumps, racedJumps } = this.#extent;
    this.#phase('jumps', () => this.#jumps(jumps));
    this.#phase('jumps of two threads', () =>
      this.#raced(
        () => this.victim.raceWith(() => this.#randomJump(), JUMP_PATIENCE),
        () => this.#jumps(jumps === undefined ? undefined : racedJumps),
      ),
    );
    this.#phase('calls at each SYSCALL instruction', () => this.#callsAtSites());
    this.#phase('calls from guest code', () => this.#callsFromGuest());
    this.#phase('stacks', () => this.#stacks());
    this.#phase('segment bases and flags', () => this.#basesAndFlags());
    this.#phase('rewritten call sites', () => this.#rewrittenSites());
    for (const { name, routine, registers } of racers(this.#random)) {
      const race = () => this.victim.race(routine, { ...registers, rsp: stack });
      this.#phase(`jumps while a thread ${name}`, () => this.#raced(race, () => this.#jumps(racedJumps, 10 * this.#extent.milliseconds)));
      this.#phase(`events while a thread ${name}`, () => this.#raced(race, () => this.#events()));
    }
  }

  #phase(name: string, body: () => void): void {
    const { attempts } = this.victim;
    const start = performance.now();
    this.#setUp();
    body();
    this.victim.check();
    const phase = { name, attempts: this.victim.attempts - attempts, milliseconds: Math.round(performance.now() - start) };
    this.phases.push(phase);
    this.#progress(`${name}: ${phase.attempts} in ${(phase.milliseconds / 1000).toFixed(1)} s`);
  }

  #setUp(): void {
    setUpFakes(this.victim.data, this.#random.pick(this.mapperRules).ip - 2n);
    fillValues(this.victim.data, this.#random);
  }

  #attempt(registers: Registers, limitNs?: number): void {
    const { victim } = this;
    if (victim.attempts % FAKES_EVERY === 0) this.#setUp();
    victim.attempt(registers, limitNs);
    if (victim.attempts % CHECK_EVERY === 0) victim.check();
  }

  /** Jumps to places of the stub's text with register files. */
  #jumps(count: number | undefined, mostMilliseconds = Number.POSITIVE_INFINITY): void {
    const end = performance.now() + mostMilliseconds;
    const jump = (offset: number, file: RegisterFile) => this.#attempt(jumpTo(offset, file));
    if (count === undefined) {
      for (let offset = 0; offset < layout.STUB_SIZE; offset++) {
        for (const file of this.files) jump(offset, file);
        if (offset % PROGRESS_EVERY === 0) this.#progress(`offset ${offset} of ${layout.STUB_SIZE}`);
      }
      return;
    }
    // Where there are instructions and not only numbers and padding more than elsewhere.
    const code = Number(this.mapperRules.reduce((last, { ip }) => (ip > last ? ip : last), 0n) - layout.STUB_BASE) + 512;
    const call = Number(layout.STUB_CALL);
    for (let i = 0; i < count && performance.now() < end; i++) {
      const places = [
        () => this.#random.below(layout.STUB_SIZE),
        () => call + this.#random.below(CALL_SIZE),
        () => this.#random.below(code),
      ];
      jump(places[Math.min(i % 4, 2)]!(), this.#random.pick(this.files));
    }
  }

  /** Each number at each SYSCALL instruction, with arguments that the filters like and some that they don't. */
  #callsAtSites(): void {
    const { numbers, numberStep } = this.#extent;
    const odd = [-1n, 2n ** 31n, 2n ** 32n, 2n ** 32n + 202n, 0x40000000n, 0x40000001n, 0x400000can];
    for (let at = this.text.indexOf('\x0f\x05', 0, 'latin1'); at >= 0; at = this.text.indexOf('\x0f\x05', at + 1, 'latin1')) {
      const ip = layout.STUB_BASE + BigInt(at) + 2n;
      const rule = [...this.guestRules, ...this.mapperRules].find((one) => one.ip === ip);
      const [rdi, rsi, rdx, r10, r8, r9] = rule === undefined ? [] : rule.args.map(({ min }) => min);
      const liked: Registers = { rdi, rsi, rdx, r10, r8, r9, rsp: stack };
      const first = this.#random.below(numberStep);
      for (let nr = first; nr < numbers; nr += numberStep) this.#attempt({ ...liked, rax: BigInt(nr), rip: ip - 2n });
      for (const nr of odd) this.#attempt({ ...liked, rax: nr, rip: ip - 2n });
      for (const { nr } of this.guestRules) this.#attempt({ rax: BigInt(nr), rip: ip - 2n, rsp: stack });
    }
  }

  /** System calls in every way that the CPU knows. */
  #callsFromGuest(): void {
    const { numbers, numberStep } = this.#extent;
    const ways: Registers[] = [
      ...(['callOnce', 'int80', 'sysenter'] as const).map((routine) => ({ rip: routineAddress(routine) })),
      ...[1024n, 1040n, 1056n].map((offset) => ({ rip: routineAddress('to32Bits'), rbx: BigInt(CODE) + offset })),
      ...VSYSCALLS.flatMap((rip) => [{ rip }, { rip: routineAddress('jump'), rbx: rip }]),
      ...VSYSCALLS.map((rip) => ({ rip: rip + 1n })),
    ];
    for (const way of ways) {
      for (let nr = this.#random.below(numberStep); nr < numbers; nr += numberStep) {
        this.#attempt({ rdi: 5n, rsi: BigInt(DATA), rdx: 8n, rsp: stack, rbp: stack, rax: BigInt(nr), ...way });
        if (nr % 8 === 0) this.#attempt({ rsp: stack, rbp: stack, rax: 0x40000000n | BigInt(nr), ...way });
      }
    }
  }

  /** Faults with the stack pointer everywhere in and around signal stacks. */
  #stacks(): void {
    const step = this.#extent.jumps === undefined ? 16n : 992n;
    for (const index of [0, 1]) {
      const slot = layout.slotAddress(index);
      for (let rsp = slot - 64n; rsp <= slot + BigInt(layout.SLOT_SIZE) + 64n; rsp += step) {
        this.#attempt({ rip: routineAddress('callOnce'), rsp, rax: 39n });
        this.#attempt({ rip: 0n, rsp });
      }
    }
  }

  #basesAndFlags(): void {
    const bases = [0n, 2n ** 47n - 1n, 2n ** 47n, 2n ** 64n - 1n, layout.STUB_BASE, layout.slotAddress(0), layout.GLOBAL_BASE];
    for (const rsi of bases) for (const rdx of bases) this.#attempt({ rip: routineAddress('setBases'), rsi, rdx, rax: 39n, rsp: stack });
    const flags = [0x202n, 0x302n, 0x602n, 0x4202n, 0x3202n, 0x10202n, 0x40202n, 0x200202n, 0x254fd7n];
    const targets = [...this.guestRules.map(({ ip }) => ip - 2n), layout.STUB_BASE, routineAddress('callOnce')];
    for (const rsi of flags) {
      for (const rbx of targets) {
        this.#attempt({
          rip: routineAddress('flagsAndJump'),
          rsi,
          rbx,
          rsp: stack,
          rdx: 8n,
          r14: layout.lineAddress(0),
          r15: layout.slotAddress(0),
        });
      }
    }
  }

  /** Makes a new process rewrite a call site. */
  #rewrite(): void {
    const { victim } = this;
    victim.renew();
    const before = victim.platform.counts().site;
    for (let i = 0; i < 1000 && victim.platform.counts().site === before; i++)
      this.#attempt({ rip: routineAddress('wrapper'), rsp: stack }, 20e9);
    if (victim.platform.counts().site === before) throw new Error('the site was not rewritten');
  }

  /** The page with a rewritten site, the table that the site jumps through, and what is behind it, with GS bases and numbers of sites that are made up. */
  #rewrittenSites(): void {
    const { victim } = this;
    const some = this.#extent.jumps === undefined ? 1 : 61;
    let i = this.#random.below(some);
    let renewals = 0;
    const attempt = (registers: Registers) => {
      if (i++ % some !== 0) return;
      this.#attempt(registers);
      // An attack that ended its process has undone the rewriting.
      if (victim.renewals !== renewals) {
        this.#rewrite();
        renewals = victim.renewals;
      }
    };
    this.#rewrite();
    renewals = victim.renewals;
    for (const file of this.files) {
      for (let offset = 0; offset < CODE_SIZE; offset++) attempt({ ...file.registers, rip: BigInt(CODE + offset) });
      for (let offset = -8n; offset < 64n; offset++) attempt({ ...file.registers, rip: layout.TABLE_BASE + offset });
    }
    const own = layout.slotAddress(0);
    const inSlots = [
      own,
      layout.slotAddress(1),
      own + 8n,
      own + layout.SLOT_STACK,
      layout.slotAddress(4095),
      layout.SLOT_BASE + 2n ** 28n - 1n,
    ];
    const numbers = [0n, 1n, BigInt(layout.SITE_COUNT - 1), BigInt(layout.SITE_COUNT), 2n ** 32n - 1n, 2n ** 63n];
    for (let offset = 0n; offset < BigInt(CALL_SIZE); offset++) {
      for (const rsi of [...inSlots, 0n, BigInt(DATA), 2n ** 47n]) {
        for (const rcx of numbers) {
          const rbx = layout.STUB_BASE + layout.STUB_CALL + offset;
          attempt({ rip: routineAddress('forgedSite'), rsi, rcx, rbx, rsp: stack, r14: layout.lineAddress(0), r15: own });
        }
      }
    }
    this.#rewrite();
  }

  /** Honest work of the first thread: system calls, faults, kicks; the sentry reads and changes its whole state. */
  #events(): void {
    const { victim } = this;
    const end = performance.now() + this.#extent.milliseconds;
    for (let i = 0; performance.now() < end; i++) {
      const rip = i % 3 === 0 ? 0n : routineAddress(i % 3 === 1 ? 'callOnce' : 'load');
      this.#attempt({ rip, rsp: stack, rdi: BigInt(DATA), rax: BigInt(i) });
      victim.context.pullState();
      if (i % 2 === 0) victim.context.page.flags |= FLAG_STATE_DIRTY;
    }
  }

  #randomJump(): Registers {
    return jumpTo(this.#random.below(layout.STUB_SIZE), this.#random.pick(this.files));
  }

  #raced(race: () => void, body: () => void): void {
    const { victim } = this;
    // Slot 0 is the attacking thread's.
    setRegisters(victim.context, { rip: routineAddress('callOnce'), rsp: stack });
    victim.attempt({ rip: routineAddress('callOnce'), rsp: stack });
    race();
    body();
    victim.endRaces();
    victim.renew();
  }
}
