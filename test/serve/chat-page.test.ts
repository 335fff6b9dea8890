/** The chat page in a real browser: streaming, members, keyboard, 360 px, no request off the machine. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EndpointMember } from '../../src/serve/member/endpoint.ts';
import { HAS_BROWSER, launchBrowser } from '../watch/browser.ts';
import { BEHAVIORS, type StubEndpoint, says, stubEndpoint } from './stub-endpoint.ts';
import { embeddedMembers, type TinyServer, tinyModels, tinyServer } from './tiny-server.ts';

if (!HAS_BROWSER)
  console.warn('chat page: no Chromium on this machine, its tests are skipped (apt-get install chromium)');

describe.skipIf(!HAS_BROWSER)('the chat page', () => {
  let browser: Browser;
  let server: TinyServer;
  let bad: StubEndpoint;
  let good: StubEndpoint;

  beforeAll(async () => {
    browser = await launchBrowser();
    bad = await stubEndpoint(BEHAVIORS.refuses);
    good = await stubEndpoint(says('<b>4</b> & "four"'));
    const endpoint = (name: string, { url }: StubEndpoint): EndpointMember =>
      new EndpointMember({ name, endpoint: url, model: name, stallMs: 10_000, retries: 0, logprobs: true });
    const [model] = await tinyModels(256);
    server = await tinyServer({
      members: [...embeddedMembers([model!]), endpoint('good', good), endpoint('bad', bad)],
      team: { minMembers: 1 },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.server.stop();
    await Promise.all([bad?.close(), good?.close()]);
  });

  /** A page, and everything it asked for or complained about. */
  async function open(
    options: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<{ page: Page; requests: string[]; complaints: string[] }> {
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1000, height: 700 },
      colorScheme: options.colorScheme ?? 'light',
    });
    const [requests, complaints]: [string[], string[]] = [[], []];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(server.url);
    await page.waitForSelector('#model option', { state: 'attached' });
    return { page, requests, complaints };
  }

  it('shows the answer, and each member when unfolded, as text', async () => {
    const { page, requests, complaints } = await open();
    expect(await page.locator('#model option').allTextContents()).toEqual(['team', 'agent_0', 'good', 'bad']);
    await page.fill('#prompt', '2+2=');
    await page.click('#send');
    await page.waitForSelector('article.assistant .meta:has-text("vote")');
    await page.click('article.assistant summary');
    const members = await page.locator('.members li').allInnerTexts();
    expect(members).toHaveLength(3);
    // by their places: the random words of the first may be any
    expect(members[1]).toMatch(/good[\s\S]*<b>4<\/b> & "four"/);
    expect(members[2]).toMatch(/bad[\s\S]*HTTP 500/);
    expect(await page.locator('article.assistant b').count()).toBe(0);
    expect(requests.every((url) => url.startsWith(server.url) || url.startsWith('data:'))).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('works with the keyboard alone, keeps the conversation, and stops on Escape', async () => {
    const { page, complaints } = await open();
    await page.keyboard.type('1+1=');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('?');
    await page.keyboard.press('Enter');
    await page.waitForSelector('article.assistant .meta:has-text("vote")');
    await page.waitForSelector('#send:visible'); // its end, which takes the focus, came too
    await page.keyboard.press('Shift+Tab'); // from the message to the members of the answer
    await page.keyboard.press('Enter');
    expect(await page.locator('article details').first().getAttribute('open')).not.toBeNull();
    good.behavior = BEHAVIORS.hangs;
    await page.focus('#prompt');
    await page.selectOption('#model', 'good');
    await page.keyboard.type('2+2=');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#stop:visible');
    await expect.poll(() => good.asked.at(-1)?.messages).toHaveLength(3);
    await page.keyboard.press('Escape');
    await page.waitForSelector('article.assistant .meta:has-text("stopped")');
    good.behavior = says('4');
    await page.keyboard.type('2+2=');
    await page.keyboard.press('Enter');
    await page.waitForSelector('article.assistant .text:text-is("4")');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('says at once why the server will not answer', async () => {
    const page = await browser.newPage();
    const broken: string[] = [];
    page.on('pageerror', (error) => broken.push(String(error)));
    await page.route('**/v1/models', (route) =>
      route.fulfill({ status: 403, json: { error: { message: 'it answers to its own names alone' } } }),
    );
    await page.goto(server.url);
    await page.waitForSelector('.meta.bad:has-text("its own names alone")');
    expect(broken).toEqual([]);
    await page.close();
  });

  it('fits a phone, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, complaints } = await open({ width: 360, colorScheme });
      await page.fill('#prompt', `${'1234567890'.repeat(6)}=`);
      await page.press('#prompt', 'Enter');
      await page.waitForSelector('article.assistant .meta:has-text("vote")');
      await page.click('article.assistant summary');
      await page.click('#settings summary');
      const [wide, narrow, ink, paper] = (await page.evaluate(`[
        document.documentElement.scrollWidth, window.innerWidth,
        getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor,
      ]`)) as [number, number, string, string];
      expect(wide).toBeLessThanOrEqual(narrow);
      const light = (color: string): number => Number(/\d+/.exec(color)?.[0]);
      expect(light(ink) > light(paper)).toBe(colorScheme === 'dark');
      const shot = process.env.TROUPE_SCREENSHOTS;
      if (shot !== undefined) await page.screenshot({ path: `${shot}/chat-${colorScheme}-360.png` });
      expect(complaints).toEqual([]);
      await page.close();
    }
  });

  it('forbids scripts and requests of others, and frames', async () => {
    const response = await fetch(server.url);
    const policy = response.headers.get('content-security-policy') ?? '';
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ])
      expect(policy).toContain(rule);
    const { page } = await open();
    const ran = await page.evaluate(`new Promise((resolve) => {
      const script = document.createElement('script');
      script.textContent = 'window.wasRun = true';
      document.body.append(script);
      fetch('https://example.com').then(() => resolve('fetched'), () => resolve(window.wasRun ?? 'nothing'));
    })`);
    expect(ran).toBe('nothing');
    await page.close();
  });
});
