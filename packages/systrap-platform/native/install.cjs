// npm's `install` script of a package with a native part. Without one npm would compile whatever has a binding.gyp; with this
// one it compiles only where none of the prebuilt files works. It never fails: a package without its native part can be
// imported, and says at first use what it needs. (The same file in every such package; tools/native/test keeps it so.)
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const path = require('node:path');

const folder = path.dirname(__dirname);

/** Whether a prebuilt file is for this machine: an addon that can be loaded, or an executable. */
function isPrebuilt() {
  const files = path.join(folder, 'prebuilds', `linux-${process.arch}`);
  if (existsSync(files) && !readdirSync(files).some((name) => name.endsWith('.node'))) return true;
  try {
    require('node-gyp-build')(folder);
    return true;
  } catch {
    return false;
  }
}

// In a checkout of the repository there are no prebuilt files, and turbo builds the native part.
if (process.platform === 'linux' && existsSync(path.join(folder, 'prebuilds')) && !isPrebuilt()) {
  // npm and pnpm say where the node-gyp is that they bring along.
  const nodeGyp = process.env.npm_config_node_gyp;
  const [program, ...args] = nodeGyp ? [process.execPath, nodeGyp, 'rebuild'] : ['node-gyp', 'rebuild'];
  const { status } = spawnSync(program, args, { cwd: folder, stdio: 'inherit' });
  if (status !== 0) {
    const { name } = require('../package.json');
    console.warn(`${name}: no prebuilt native part fits this machine, and it could not be compiled (a C compiler, make and python3 do it)`);
  }
}
