/**
 * Checks that links in the README and the documentation have targets, and that the npm scripts which they
 * name exist.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../src/cli/command-table.ts';
import { resolveConfigObject } from '../src/config/resolve.ts';
import type { TeamFile } from '../src/config/schema.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Returns the anchor that GitHub generates for a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** Returns the anchors of all headings, and explicit ones such as `<a id="e36"></a>`. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const anchor = anchorOf(heading ?? '');
    const count = seen.get(anchor) ?? 0; // GitHub numbers equal headings: `name`, `name-1`, ...
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  const explicit = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id ?? '');
  return new Set([...headings, ...explicit]);
}

describe.each(pages)('%s', (page) => {
  const text = textOf(page);

  it('has no dead links', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');
    const dead = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path, anchor] = link.split('#');
      const target = path ? resolve(root, dirname(page), path) : join(root, page);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
    });
    expect(dead).toEqual([]);
  });

  it('contains existing npm scripts and commands only', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm (?:run )?([a-z:-]+)/g)].map(([, script]) => script ?? '');
    const known = [...Object.keys(scripts), 'ci', 'install', 'pack', 'run'];
    expect(named.filter((script) => !known.includes(script))).toEqual([]);
    const verbs = [...text.matchAll(/npm run troupe -- ([a-z]+)/g)].map(([, verb]) => verb ?? '');
    expect(verbs.filter((verb) => !Object.hasOwn(COMMANDS, verb))).toEqual([]);
  });
});

it('the team file of the README is valid', () => {
  const [, text = ''] = /## A real model\n.*?```yaml\n(.*?)```/s.exec(textOf('README.md')) ?? [];
  const { config } = resolveConfigObject(parse(text) as TeamFile);
  expect(config.agents).toHaveLength(3);
  expect(config.agents[0]?.examples).toHaveLength(2);
  expect(config.engine).toMatchObject({ lora_rank: 8, lora_alpha: 16 });
});
