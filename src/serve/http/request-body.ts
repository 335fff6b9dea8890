/**
 * Reads the body of a request up to a size limit. `hono/body-limit` is not used: it copies a chunked request
 * with `new Request(c.req.raw)`, which throws unless the Node adapter replaces the global `Request` class,
 * and a library must not replace globals.
 * @module
 */
import { ApiError, invalid } from '../api/errors.ts';
import { ClientDisconnectedError } from './error-response.ts';

/**
 * @returns the body, decoded as UTF-8
 * @throws ApiError (413) if the body exceeds the limit; a body without `content-length` is read up to the
 *   limit
 * @throws ApiError (415) if the content type is not JSON
 * @throws ClientDisconnectedError
 */
export async function readBody(request: Request, limitBytes: number): Promise<string> {
  requireJson(request.headers.get('content-type') ?? '');
  if (Number(request.headers.get('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes);
  if (request.body === null)
    throw invalid(undefined, 'expected a JSON object as body, got nothing', 'invalid_json');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new ClientDisconnectedError({ cause });
    });
    if (done) break;
    size += value.length;
    if (size > limitBytes) throw tooLarge(limitBytes);
    chunks.push(value);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/**
 * Refuses other content types. Browsers send JSON to another origin only with permission of that origin (CORS
 * preflight), but they send other content types without permission.
 */
function requireJson(contentType: string): void {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') return;
  throw new ApiError(
    `expected content-type application/json, got ${type === '' ? 'none' : JSON.stringify(type.slice(0, 60))}`,
    { status: 415, type: 'invalid_request_error', code: 'unsupported_media_type' },
  );
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError(`expected a body of at most ${limitBytes} bytes, got more`, {
    status: 413,
    type: 'invalid_request_error',
    code: 'request_too_large',
    headers: { connection: 'close' }, // the rest of the body is not read
  });
}
