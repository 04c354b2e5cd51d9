// Compiles the stub and the zygote, which are programs of their own without a C library, and writes them as C arrays:
//
//   node build_images.cjs OUTPUT.h
//
// They are part of the addon, so that it finds them wherever it is, also where there are no files any more.
const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const compiler = (process.env.CC || 'cc').split(' ').filter((word, i, words) => word !== '-specs' && words[i - 1] !== '-specs');
const common = [
  '-nostdlib',
  '-static',
  '-no-pie',
  '-Wl,--build-id=none',
  '-Wl,-z,max-page-size=4096',
  '-Wl,-z,noexecstack',
  '-s',
  `-I${__dirname}`,
];
const freestanding = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-fno-pie', '-fno-stack-protector'];
freestanding.push('-fcf-protection=none', '-fno-asynchronous-unwind-tables', '-fno-builtin', '-mgeneral-regs-only');

const programs = {
  stub_image: [...common, '-Wl,-Ttext=0x7ff000000000', `${__dirname}/stub/stub.S`],
  zygote_image: [...common, ...freestanding, `${__dirname}/zygote/start.S`, `${__dirname}/zygote/zygote.c`],
};

/** Compiles `stub_image` or `zygote_image` to a file. */
function buildProgram(name, file) {
  execFileSync(compiler[0], [...compiler.slice(1), ...programs[name], '-o', file], { stdio: 'inherit' });
}

function main() {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'sbx-images-'));
  try {
    let text = '/* Made by build_images.cjs. */\n';
    for (const name of Object.keys(programs)) {
      const file = path.join(scratch, name);
      buildProgram(name, file);
      text += `static const unsigned char ${name}[] = {${[...readFileSync(file)].join(',')}};\n`;
    }
    writeFileSync(process.argv[2], text);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

module.exports = { buildProgram };
if (require.main === module) main();
