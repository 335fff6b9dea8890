/**
 * Installs the locked dependencies when they are missing or not those of package-lock.json; otherwise
 * does nothing, in a few milliseconds. Plain Node with no dependencies, because it runs before there are any.
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
/** Hash of what was installed; gone together with the folder. */
const STAMP = join(root, 'node_modules', '.troupe-installed');

process.exitCode = main(process.argv.includes('--force'));

/** @param {boolean} force install even when everything seems to be there */
function main(force) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    console.error(
      `troupe: expected Node ${OLDEST_NODE.join('.')} or newer, got ${process.versions.node}; install a newer Node`,
    );
    return 2;
  }
  const wanted = fingerprint();
  if (!force && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return 0;
  const verb = existsSync(join(root, 'package-lock.json')) ? 'ci' : 'install';
  console.error(`troupe: installing the locked dependencies (npm ${verb})`);
  const status = install(verb);
  if (status !== 0) return status;
  writeFileSync(STAMP, wanted);
  return 0;
}

/** Names everything an installation depends on: the lock (or the manifest without one), platform, Node's ABI. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const name of ['package.json', 'package-lock.json']) {
    const path = join(root, name);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return `${hash.digest('hex')} ${process.platform}-${process.arch} node-${process.versions.modules}\n`;
}

/** @param {string} verb `ci` or `install` */
function install(verb) {
  // an empty or missing HOME has no place for npm's cache and logs
  const cache =
    process.env.HOME || process.platform === 'win32' ? undefined : mkdtempSync(join(tmpdir(), 'troupe-npm-'));
  const { status, error } = spawnSync('npm', [verb, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      // the CPU runtime comes with the package; its install script would only fetch CUDA files
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
      `troupe: npm ${verb} failed (exit code ${status}); check the network and the disk, then run it again`,
    );
  return status ?? 1;
}
