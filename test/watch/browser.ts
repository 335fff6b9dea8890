/**
 * A real browser for tests of pages: Chromium where the machine has one.
 * @module
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where the browser is; undefined where there is none, unless one is required. */
export const BROWSER_PATH = process.env.TROUPE_CHROMIUM ?? PLACES.find((path) => existsSync(path));

/** Tests are skipped without a browser, except where TROUPE_BROWSER_REQUIRED says that they must run. */
export const HAS_BROWSER = BROWSER_PATH !== undefined || process.env.TROUPE_BROWSER_REQUIRED !== undefined;

export async function launchBrowser(): Promise<Browser> {
  if (BROWSER_PATH === undefined)
    throw new Error(
      `expected Chromium in one of ${PLACES.join(', ')}, got none; install it, or set TROUPE_CHROMIUM`,
    );
  return await chromium.launch({
    executablePath: BROWSER_PATH,
    // a container's root has no sandbox; the pages are our own
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

/** What went wrong in a page, and what it asked for elsewhere. */
export interface PageComplaints {
  readonly errors: string[];
  readonly foreign: string[];
}

/** Collects console errors, exceptions and requests that leave this machine. */
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
