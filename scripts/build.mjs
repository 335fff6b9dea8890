/**
 * Builds `dist`, the content of the package: JavaScript, type declarations and ONNX Runtime.
 *
 * Usage: npm run build
 */
import { buildJavaScript } from './build/javascript.mjs';
import { vendorRuntime } from './build/runtime.mjs';
import { buildTypes } from './build/types.mjs';

try {
  const modules = await buildJavaScript();
  const declarations = buildTypes();
  const runtime = vendorRuntime();
  console.error(`dist: ${modules} modules, ${declarations} declarations, ONNX Runtime ${runtime}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
