/**
 * Reads a request's body up to a bound.
 * @module
 */
import { ApiError, invalid } from '../api/errors.ts';

/**
 * @throws ApiError (413) as soon as it is too large, announced or not; (415) if it is no JSON
 */
export async function readBody(request: Request, limitBytes: number): Promise<string> {
  // a page of another origin can send anything but this type without being asked for permission first
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new ApiError(
      `expected content-type application/json, got ${type === '' ? 'none' : JSON.stringify(type?.slice(0, 60))}`,
      {
        status: 415,
        type: 'invalid_request_error',
        code: 'unsupported_media_type',
      },
    );
  if (Number(request.headers.get('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes);
  if (request.body === null)
    throw invalid(undefined, 'expected a JSON object as body, got nothing', 'invalid_json');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limitBytes) throw tooLarge(limitBytes);
    chunks.push(value);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError(`expected a body of at most ${limitBytes} bytes, got more`, {
    status: 413,
    type: 'invalid_request_error',
    code: 'request_too_large',
    headers: { connection: 'close' }, // what is still coming is not read
  });
}
