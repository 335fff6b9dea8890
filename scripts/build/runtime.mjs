/**
 * Copies ONNX Runtime for CPUs into `dist/vendor`, so that an installed package contains an engine. The
 * package onnxruntime-node is not a dependency, because its install script downloads CUDA files from NuGet.
 * If NuGet is unreachable the script fails, and npm omits the optional package without a message.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DIST, ROOT } from './javascript.mjs';

const SOURCE = join(ROOT, 'node_modules', 'onnxruntime-node');
const TARGET = join(DIST, 'vendor', 'onnxruntime-node');

/**
 * Files of the native binding and of the library that it loads, by platform. Not copied: DirectML.dll, which
 * onnxruntime.dll imports only at its first use (delay-load table); dxcompiler.dll and dxil.dll, which it
 * does not import; and a second copy of the library for macOS, whose install name is that of the copied one.
 */
const BINARIES = {
  'darwin/arm64': ['libonnxruntime.1.dylib'],
  'linux/arm64': ['libonnxruntime.so.1'],
  'linux/x64': ['libonnxruntime.so.1'],
  'win32/arm64': ['onnxruntime.dll'],
  'win32/x64': ['onnxruntime.dll'],
};

const JAVASCRIPT = ['backend.js', 'binding.js', 'index.js', 'version.js'];

/**
 * Copies the runtime unless this version is already copied.
 *
 * @returns the version of the runtime
 * @throws Error if the runtime of the checkout is missing or does not have the version in package.json
 */
export function vendorRuntime() {
  if (!existsSync(SOURCE))
    throw new Error(
      'build: expected onnxruntime-node, got none; run "node scripts/ensure-installed.mjs --force"',
    );
  const { name, version, license, repository, main } = readJson(join(SOURCE, 'package.json'));
  const { dependencies } = readJson(join(ROOT, 'package.json'));
  if (dependencies['onnxruntime-common'] !== version)
    throw new Error(
      `build: expected onnxruntime-common ${version} in package.json, that of onnxruntime-node, got ${dependencies['onnxruntime-common']}`,
    );
  if (existsSync(TARGET) && readJson(join(TARGET, 'package.json')).version === version) return version;
  const building = `${TARGET}.${process.pid}`;
  const files = [
    ...JAVASCRIPT.map((file) => `dist/${file}`),
    ...Object.entries(BINARIES).flatMap(([platform, libraries]) =>
      ['onnxruntime_binding.node', ...libraries].map((file) => `bin/napi-v6/${platform}/${file}`),
    ),
  ];
  for (const file of files) {
    mkdirSync(dirname(join(building, file)), { recursive: true });
    cpSync(join(SOURCE, file), join(building, file));
  }
  // the copied package has no scripts and no dependencies of the install script
  writeFileSync(
    join(building, 'package.json'),
    `${JSON.stringify({ name, version, license, repository, main }, undefined, 2)}\n`,
  );
  for (const file of ['LICENSE', 'ThirdPartyNotices.txt'])
    cpSync(join(ROOT, 'scripts', 'onnxruntime', file), join(building, file));
  rmSync(TARGET, { recursive: true, force: true });
  renameSync(building, TARGET);
  return version;
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
