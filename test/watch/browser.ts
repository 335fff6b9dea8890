/**
 * Launches Chromium for tests and benchmarks of pages.
 * @module
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const BROWSER_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of the browser; undefined if none is installed. */
export const BROWSER_PATH = process.env.TROUPE_CHROMIUM ?? BROWSER_PATHS.find((path) => existsSync(path));

/**
 * False without a browser, so that tests are skipped; with TROUPE_BROWSER_REQUIRED it is true, so that they
 * fail instead.
 */
export const HAS_BROWSER = BROWSER_PATH !== undefined || process.env.TROUPE_BROWSER_REQUIRED !== undefined;

export async function launchBrowser(): Promise<Browser> {
  if (BROWSER_PATH === undefined)
    throw new Error(
      `expected Chromium in one of ${BROWSER_PATHS.join(', ')}, got none; install it, or set TROUPE_CHROMIUM`,
    );
  return await chromium.launch({
    executablePath: BROWSER_PATH,
    // for root in a container Chromium has no sandbox; the tests open only troupe's own pages
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

/** Console errors and exceptions of a page, and URLs of its requests to other hosts. */
export interface PageComplaints {
  readonly errors: string[];
  readonly foreign: string[];
}

/** Collects console errors, exceptions and requests to other hosts. */
export function complaintsOf(page: Page): PageComplaints {
  const complaints: PageComplaints = { errors: [], foreign: [] };
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.errors.push(message.text());
  });
  page.on('pageerror', (error) => complaints.errors.push(error.message));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && hostname !== '127.0.0.1')
      complaints.foreign.push(request.url());
  });
  return complaints;
}
