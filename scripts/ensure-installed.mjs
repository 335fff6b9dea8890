/**
 * Installs the locked dependencies if they are missing or differ from package-lock.json, or only ONNX Runtime
 * if only it is missing. Otherwise it does nothing, in a few milliseconds. The script has no dependencies,
 * because it runs before they are installed.
 *
 * Usage: node scripts/ensure-installed.mjs [--force]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];

const root = fileURLToPath(new URL('..', import.meta.url));
/** File with the hash of the installed dependencies; it is removed together with their folder. */
const STAMP = join(root, 'node_modules', '.troupe-installed');
/** Optional package that npm omits without a message if its install script fails. */
const RUNTIME = join(root, 'node_modules', 'onnxruntime-node', 'package.json');
/** Operating systems that onnxruntime-node supports; npm does not install it on others. */
const HAS_RUNTIME = ['darwin', 'linux', 'win32'].includes(process.platform);

process.exitCode = main(process.argv.includes('--force'));

/** @param {boolean} force - install even if all dependencies seem to be installed */
function main(force) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    console.error(
      `troupe: expected Node ${OLDEST_NODE.join('.')} or newer, got ${process.versions.node}; install a newer Node`,
    );
    return 2;
  }
  const wanted = fingerprint();
  if (force || !existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== wanted) {
    const verb = existsSync(join(root, 'package-lock.json')) ? 'ci' : 'install';
    console.error(`troupe: installing the locked dependencies (npm ${verb})`);
    const status = npm(verb, '--include=dev', '--include=optional');
    if (status !== 0) return status;
    writeFileSync(STAMP, wanted);
  }
  if (!HAS_RUNTIME || existsSync(RUNTIME)) return 0;
  console.error('troupe: installing ONNX Runtime, which is missing');
  return npm('install', '--no-save', '--ignore-scripts', `onnxruntime-node@${runtimeVersion()}`);
}

/**
 * Returns a hash of everything on which an installation depends: the lock file (or the manifest), the
 * platform and Node's ABI.
 */
function fingerprint() {
  const hash = createHash('sha256');
  for (const name of ['package.json', 'package-lock.json']) {
    const path = join(root, name);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return `${hash.digest('hex')} ${process.platform}-${process.arch} node-${process.versions.modules}\n`;
}

function runtimeVersion() {
  const text = readFileSync(join(root, 'scripts', 'onnxruntime', 'package.json'), 'utf8');
  return JSON.parse(text).optionalDependencies['onnxruntime-node'];
}

/** @param {readonly string[]} words - arguments of npm */
function npm(...words) {
  // npm needs a home folder for its cache and logs, but HOME may be empty or missing
  const cache =
    process.env.HOME || process.platform === 'win32' ? undefined : mkdtempSync(join(tmpdir(), 'troupe-npm-'));
  const { status, error } = spawnSync('npm', [...words, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // standard output is for the command that runs after this one
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      // the CPU runtime is part of the package; its install script fetches only CUDA files
      ONNXRUNTIME_NODE_INSTALL: 'skip',
      ...(cache === undefined ? {} : { HOME: cache, npm_config_cache: join(cache, 'cache') }),
    },
  });
  if (cache !== undefined) rmSync(cache, { recursive: true, force: true });
  if (error !== undefined) {
    console.error(`troupe: expected npm beside Node, got "${error.message}"; install npm`);
    return 1;
  }
  if (status !== 0)
    console.error(
      `troupe: npm ${words[0]} failed (exit code ${status}); check the network and the disk, then run it again`,
    );
  return status ?? 1;
}
