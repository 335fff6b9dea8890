/**
 * Security headers of the HTML pages. With them, a page runs only scripts of this server, loads nothing from
 * other origins, and cannot be embedded in a frame.
 * @module
 */
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/** @param imageSources - allowed sources of images besides the server and data URLs */
export function securityHeaders(...imageSources: readonly string[]): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", 'data:', ...imageSources],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    referrerPolicy: 'no-referrer',
    strictTransportSecurity: false, // the server has no TLS
    xFrameOptions: 'DENY',
  });
}
