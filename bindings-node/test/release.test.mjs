// What the workflow of a release does with the registry, which is one of the test's own.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE, ROOT } from './service.mjs';

const folder = mkdtempSync(join(tmpdir(), 'builderaikits-'));
after(() => rmSync(folder, { recursive: true }));
const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
const TRIPLES = Object.keys(JSON.parse(readFileSync(join(PACKAGE, 'platforms.json'), 'utf8')));
const NAMES = [...TRIPLES.map((triple) => `sdk-${triple}`), 'sdk'];

/** A registry that has these packages at these versions, and notes what is put into it. */
async function registry(has) {
  const put = [];
  const listener = createServer(async (request, response) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) {
      body += part;
    }
    const name = decodeURIComponent(request.url).slice(1);
    if (request.method === 'PUT') {
      put.push(...Object.keys(JSON.parse(body).versions).map((version) => `${name}@${version}`));
      response.writeHead(201).end('{}');
    } else if (has[name] === undefined) {
      response.writeHead(404).end('{}');
    } else {
      const versions = Object.fromEntries(has[name].map((version) => [version, { name, version, dist: { tarball: 'http://127.0.0.1/' } }]));
      response.end(JSON.stringify({ name, 'dist-tags': { latest: has[name].at(-1) }, versions }));
    }
  }).listen(0, '127.0.0.1');
  after(() => listener.close());
  await once(listener, 'listening');
  return { put, host: `127.0.0.1:${listener.address().port}` };
}

/** Publishes this package of each name. */
async function published(packages, host) {
  for (const name of packages) {
    const inside = join(folder, 'package');
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, 'package.json'), JSON.stringify({ name: `@builderaikits/${name}`, version }));
    execFileSync('tar', ['czf', join(folder, `builderaikits-${name}-${version}.tgz`), '-C', folder, 'package']);
  }
  const npmrc = join(folder, 'npmrc');
  writeFileSync(npmrc, `registry=http://${host}/\n//${host}/:_authToken=test\n`);
  const env = { ...process.env, npm_config_userconfig: npmrc, npm_config_provenance: 'false' };
  const child = spawn('scripts/publish.sh', [folder], { cwd: PACKAGE, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (part) => (text += part));
  }
  const [code] = await once(child, 'close');
  return { code, text };
}

test('a release that broke off goes on where it was', async () => {
  // The first ones are there; of the eighth another version is, and of the last none.
  const has = Object.fromEntries(NAMES.slice(0, 8).map((name, index) => [`@builderaikits/${name}`, index < 7 ? ['0.0.1', version] : ['0.0.1']]));
  const { put, host } = await registry(has);
  const few = await published(NAMES.slice(0, 7), host);
  assert.deepEqual([few.code, put], [1, []], few.text);
  const { code, text } = await published(NAMES, host);
  assert.equal(code, 0, text);
  assert.deepEqual(put, NAMES.slice(7).map((name) => `@builderaikits/${name}@${version}`));
});

test('packages name the repository whose workflow builds them', () => {
  const built = join(folder, 'built');
  mkdirSync(built);
  writeFileSync(join(built, 'libbuilderaikits_node.so'), '');
  const repository = { type: 'git', url: 'git+https://github.com/owner/name.git' };
  for (const [github, expected] of [[{ GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'owner/name' }, repository], [{}, undefined]]) {
    const { GITHUB_REPOSITORY: _, ...others } = process.env;
    const env = { ...others, ...github };
    execFileSync(process.execPath, [join(PACKAGE, 'scripts', 'main-package.mjs'), folder], { env });
    execFileSync(process.execPath, [join(PACKAGE, 'scripts', 'platform-package.mjs'), 'linux-x64-gnu', built, folder], { env });
    for (const name of ['sdk', 'sdk-linux-x64-gnu']) {
      assert.deepEqual(JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).repository, expected, name);
    }
  }
});

test('the workflow builds, and the loader knows, the platforms that there are', () => {
  const named = (file, pattern) => [...new Set(Array.from(readFileSync(file, 'utf8').matchAll(pattern), ([, triple]) => triple))].sort();
  assert.deepEqual(named(join(ROOT, '.github', 'workflows', 'node-release.yml'), /triple: ([\w-]+)/g), TRIPLES);
  assert.deepEqual(named(join(PACKAGE, 'ts', 'native.ts'), /require\('@builderaikits\/sdk-([\w-]+)'\)/g), TRIPLES);
});
