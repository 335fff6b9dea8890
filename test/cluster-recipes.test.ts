/** Checks that the files of recipes/cluster match this version of troupe and its requirements. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const recipe = (name: string): string => textOf(`recipes/cluster/${name}`);
const MANIFESTS = ['kuberay.yaml', 'kuberay-job.yaml'];

/**
 * Returns the documents of a manifest by their `kind`. Invalid YAML, such as a duplicate key, fails the test.
 */
function documents(name: string): Readonly<Record<string, { readonly spec: Record<string, unknown> }>> {
  const parsed = parseAllDocuments(recipe(name));
  if (!Array.isArray(parsed)) throw new Error(`${name} is empty`);
  expect(parsed.flatMap(({ errors }) => errors)).toEqual([]);
  return Object.fromEntries(
    parsed.map((one) => {
      const value = one.toJS() as { readonly kind: string; readonly spec: Record<string, unknown> };
      return [value.kind, value];
    }),
  );
}

const pinned = /^ray==(\S+)$/m.exec(textOf('python/troupe_worker/requirements-ray.txt'))?.[1];

it('manifests and image have the pinned version of Ray', () => {
  expect(pinned).toMatch(/^\d+\.\d+\.\d+$/);
  for (const name of [...MANIFESTS, 'Dockerfile']) {
    const named = [...recipe(name).matchAll(/(?:troupe-ray:|rayVersion: ")([\d.]+\d)/g)].map(([, of]) => of);
    expect([name, ...new Set(named)]).toEqual([name, pinned]);
  }
});

it('the job has the same cluster specification as the permanent cluster, with the same volume claim', () => {
  const [cluster, job] = MANIFESTS.map(documents);
  expect(Object.keys(cluster ?? {})).toEqual(['RayCluster', 'PersistentVolumeClaim']);
  expect(job?.RayJob?.spec.rayClusterSpec).toEqual(cluster?.RayCluster?.spec);
  expect(job?.PersistentVolumeClaim).toEqual(cluster?.PersistentVolumeClaim);
});

it('the image copies files that exist and that the build context includes', () => {
  const ignored = recipe('Dockerfile.dockerignore').trim().split('\n');
  const copied = [...recipe('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) =>
    (names ?? '').split(' '),
  );
  expect(copied).toContain('package-lock.json');
  expect(copied.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  expect(
    copied.filter((name) => ignored.some((rule) => name === rule || name.startsWith(`${rule}/`))),
  ).toEqual([]);
  expect(existsSync(join(root, 'bin/troupe.mjs'))).toBe(true);
  expect(statSync(join(root, 'bin/troupe.mjs')).mode & 0o111).toBeGreaterThan(0);
});

describe('the batch script', () => {
  const script = join(root, 'recipes/cluster/slurm.sh');
  const train = join(root, 'recipes/cluster/train.sh');
  const bash = (...args: string[]) => {
    const { SLURM_JOB_ID: _, ...env } = process.env;
    return spawnSync('bash', args, { encoding: 'utf8', env });
  };

  it('is a valid bash script, and prints its usage outside a job', () => {
    for (const one of [script, train]) expect(bash('-n', one)).toMatchObject({ status: 0, stderr: '' });
    const { status, stderr } = bash(script, 'team.yaml', 'run');
    expect(status).not.toBe(0);
    expect(stderr).toContain('usage: sbatch recipes/cluster/slurm.sh TEAM.yaml RUN');
  });

  it('trains by a script that the job of the manifest runs, too', () => {
    expect(recipe('slurm.sh')).toContain('"$troupe/recipes/cluster/train.sh" "$team" "$run"');
    expect(String(documents('kuberay-job.yaml').RayJob?.spec.entrypoint)).toMatch(
      /^\/opt\/troupe\/recipes\/cluster\/train\.sh \/runs\/team\.yaml \/runs\/team-1 --/,
    );
    const { status, stderr } = bash(train, 'nowhere.yaml', 'run');
    expect([status, stderr.trim().split('\n').at(-1)]).toEqual([
      2,
      expect.stringContaining('nowhere.yaml: expected a team file (YAML), got nothing there'),
    ]);
  });
});

it('keys of the team file in scripts, manifests and docs/cluster.md exist in the schema', () => {
  const schema = JSON.parse(textOf('docs/schema.json')) as {
    readonly properties: Readonly<
      Record<string, { readonly properties?: object; readonly anyOf?: readonly object[] }>
    >;
  };
  const texts = [recipe('slurm.sh'), recipe('kuberay-job.yaml'), textOf('docs/cluster.md')].join('\n');
  const set = new Set(
    [...texts.matchAll(/--([a-z]+)\.([a-z_]+)/g)].map(([, section, key]) => `${section}.${key}`),
  );
  expect([...set]).toContain('ray.shared_files');
  const known = (path: string): boolean => {
    const [section = '', key = ''] = path.split('.');
    return JSON.stringify(schema.properties[section] ?? {}).includes(`"${key}":`);
  };
  expect([...set].filter((path) => !known(path))).toEqual([]);
});
