/**
 * Loads the native library of ONNX Runtime at its first use, with telemetry disabled. Prefers the copy in the
 * built package, and otherwise loads the package onnxruntime-node.
 * @module
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EngineError } from '../../../support/errors.ts';
import { packageFile } from '../../../support/package-root.ts';
import { ORT_TELEMETRY_OFF } from '../../../support/telemetry.ts';

export type Ort = typeof import('onnxruntime-common');

/** Path of the copy of ONNX Runtime that `npm run build` creates. */
const VENDORED = packageFile('dist/vendor/onnxruntime-node/dist/index.js');

/** Platforms for which ONNX Runtime has a binary. */
const SYSTEMS = ['darwin-arm64', 'linux-arm64', 'linux-x64', 'win32-arm64', 'win32-x64'];

let loaded: Ort | undefined;

/** Returns ONNX Runtime's API. @throws EngineError with the command that repairs the installation */
export function loadRuntime(): Ort {
  loaded ??= requireRuntime();
  return loaded;
}

function requireRuntime(): Ort {
  // without this setting the library uploads events, and stores a device id and a database in the user's cache folder
  Object.assign(process.env, ORT_TELEMETRY_OFF);
  const require = createRequire(import.meta.url);
  const errors: unknown[] = [];
  for (const name of [VENDORED, 'onnxruntime-node'])
    try {
      return require(name) as Ort;
    } catch (error) {
      errors.push(error);
    }
  throw missing(errors);
}

function missing(errors: readonly unknown[]): EngineError {
  const system = `${process.platform}-${process.arch}`;
  const broken = errors.find((error) => (error as { readonly code?: string }).code !== 'MODULE_NOT_FOUND');
  const why = broken instanceof Error ? `cannot be loaded (${broken.message.split('\n')[0]})` : 'is missing';
  const message = SYSTEMS.includes(system)
    ? `ONNX Runtime ${why}; run "npm install --no-save --ignore-scripts onnxruntime-node@${version()}"`
    : `ONNX Runtime has no binary for ${system}, only for ${SYSTEMS.join(', ')}; use engine: {kind: torch}`;
  return new EngineError(`engine onnx: ${message}`, {
    cause: broken ?? errors[0],
    code: 'TROUPE_ONNX_MISSING',
  });
}

/** Returns the version of ONNX Runtime that this package requires. */
function version(): string {
  const { dependencies } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return dependencies['onnxruntime-common'] ?? 'latest';
}
