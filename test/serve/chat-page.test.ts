/**
 * Tests the chat page in a real browser: streaming, agents, keyboard, a width of 360 px, no request to other
 * hosts.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EndpointAgent } from '../../src/serve/agent/endpoint-agent.ts';
import { HAS_BROWSER, launchBrowser } from '../watch/browser.ts';
import { answers, BEHAVIORS, type StubEndpoint, stubEndpoint } from './stub-endpoint.ts';
import { embeddedAgents, type TinyServer, tinyModels, tinyServer } from './tiny-server.ts';

if (!HAS_BROWSER)
  console.warn('chat page: Chromium is not installed, its tests are skipped (apt-get install chromium)');

describe.skipIf(!HAS_BROWSER)('the chat page', () => {
  let browser: Browser;
  let server: TinyServer;
  let bad: StubEndpoint;
  let good: StubEndpoint;

  beforeAll(async () => {
    browser = await launchBrowser();
    bad = await stubEndpoint(BEHAVIORS.failing);
    good = await stubEndpoint(answers('<b>4</b> & "four"'));
    const endpoint = (name: string, { url }: StubEndpoint): EndpointAgent =>
      new EndpointAgent({ name, endpoint: url, model: name, stallMs: 10_000, retries: 0, logprobs: true });
    const [model] = await tinyModels(256);
    server = await tinyServer({
      agents: [...embeddedAgents([model!]), endpoint('good', good), endpoint('bad', bad)],
      team: { minAgents: 1 },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.server.close();
    await Promise.all([bad?.close(), good?.close()]);
  });

  /** Opens the page. @returns the page, its requests, and its console warnings and errors */
  async function open(
    options: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<{ page: Page; requests: string[]; problems: string[] }> {
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1000, height: 700 },
      colorScheme: options.colorScheme ?? 'light',
    });
    const [requests, problems]: [string[], string[]] = [[], []];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(server.url);
    await page.waitForSelector('#model option', { state: 'attached' });
    return { page, requests, problems };
  }

  it('shows the answer, and the message of each agent when unfolded, as text', async () => {
    const { page, requests, problems } = await open();
    expect(await page.locator('#model option').allTextContents()).toEqual(['team', 'agent_0', 'good', 'bad']);
    await page.fill('#prompt', '2+2=');
    await page.click('#send');
    await page.waitForSelector('article.assistant .meta:has-text("vote")');
    await page.click('article.assistant summary');
    const agents = await page.locator('.agents li').allInnerTexts();
    expect(agents).toHaveLength(3);
    // agent 0 is not checked, because its text is random
    expect(agents[1]).toMatch(/good[\s\S]*<b>4<\/b> & "four"/);
    expect(agents[2]).toMatch(/bad[\s\S]*HTTP 500/);
    expect(await page.locator('article.assistant b').count()).toBe(0);
    expect(requests.every((url) => url.startsWith(server.url) || url.startsWith('data:'))).toBe(true);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('works with the keyboard alone, sends the whole conversation, and stops on Escape', async () => {
    const { page, problems } = await open();
    await page.keyboard.type('1+1=');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('?');
    await page.keyboard.press('Enter');
    await page.waitForSelector('article.assistant .meta:has-text("vote")');
    await page.waitForSelector('#send:visible'); // the focus moves when the answer is complete
    // moves the focus back from the message field to the list of agents of the answer
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    expect(await page.locator('article details').first().getAttribute('open')).not.toBeNull();
    good.behavior = BEHAVIORS.hanging;
    await page.focus('#prompt');
    await page.selectOption('#model', 'good');
    await page.keyboard.type('2+2=');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#stop:visible');
    await expect.poll(() => good.requests.at(-1)?.messages).toHaveLength(3);
    await page.keyboard.press('Escape');
    await page.waitForSelector('article.assistant .meta:has-text("stopped")');
    good.behavior = answers('4');
    await page.keyboard.type('2+2=');
    await page.keyboard.press('Enter');
    await page.waitForSelector('article.assistant .text:text-is("4")');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('shows the error of the server when the page opens', async () => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.route('**/v1/models', (route) =>
      route.fulfill({ status: 403, json: { error: { message: 'the host name is not allowed' } } }),
    );
    await page.goto(server.url);
    await page.waitForSelector('.meta.bad:has-text("host name is not allowed")');
    expect(errors).toEqual([]);
    await page.close();
  });

  it('fits a phone, in the light and the dark color scheme', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, problems } = await open({ width: 360, colorScheme });
      await page.fill('#prompt', `${'1234567890'.repeat(6)}=`);
      await page.press('#prompt', 'Enter');
      await page.waitForSelector('article.assistant .meta:has-text("vote")');
      await page.click('article.assistant summary');
      await page.click('#settings summary');
      const [contentWidth, windowWidth, color, background] = (await page.evaluate(`[
        document.documentElement.scrollWidth, window.innerWidth,
        getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor,
      ]`)) as [number, number, string, string];
      expect(contentWidth).toBeLessThanOrEqual(windowWidth);
      const brightness = (rgb: string): number => Number(/\d+/.exec(rgb)?.[0]);
      expect(brightness(color) > brightness(background)).toBe(colorScheme === 'dark');
      const screenshots = process.env.TROUPE_SCREENSHOTS;
      if (screenshots !== undefined)
        await page.screenshot({ path: `${screenshots}/chat-${colorScheme}-360.png` });
      expect(problems).toEqual([]);
      await page.close();
    }
  });

  it('forbids foreign scripts, requests to other hosts, and framing', async () => {
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
