// The registry steps of the release workflow, against a registry of the test.
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

/** Starts a registry that has these versions of these packages and records what is published to it. */
async function registry(has) {
  const published = [];
  const listener = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) {
      body += chunk;
    }
    const name = decodeURIComponent(request.url).slice(1);
    if (request.method === 'PUT') {
      published.push(...Object.keys(JSON.parse(body).versions).map((version) => `${name}@${version}`));
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
  return { published, host: `127.0.0.1:${listener.address().port}` };
}

/** Publishes a package of each name. */
async function publish(packages, host) {
  for (const name of packages) {
    const contents = join(folder, 'package');
    mkdirSync(contents, { recursive: true });
    writeFileSync(join(contents, 'package.json'), JSON.stringify({ name: `@builderaikits/${name}`, version }));
    execFileSync('tar', ['czf', join(folder, `builderaikits-${name}-${version}.tgz`), '-C', folder, 'package']);
  }
  const npmrc = join(folder, 'npmrc');
  writeFileSync(npmrc, `registry=http://${host}/\n//${host}/:_authToken=test\n`);
  const env = { ...process.env, npm_config_userconfig: npmrc, npm_config_provenance: 'false' };
  const child = spawn('scripts/publish.sh', [folder], { cwd: PACKAGE, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  }
  const [code] = await once(child, 'close');
  return { code, text };
}

test('interrupted release continues where it stopped', async () => {
  // The registry has the first seven, the eighth in another version, and not the last.
  const has = Object.fromEntries(NAMES.slice(0, 8).map((name, index) => [`@builderaikits/${name}`, index < 7 ? ['0.0.1', version] : ['0.0.1']]));
  const { published, host } = await registry(has);
  const incomplete = await publish(NAMES.slice(0, 7), host);
  assert.deepEqual([incomplete.code, published], [1, []], incomplete.text);
  const { code, text } = await publish(NAMES, host);
  assert.equal(code, 0, text);
  assert.deepEqual(published, NAMES.slice(7).map((name) => `@builderaikits/${name}@${version}`));
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

test('workflow and loader have the platforms of platforms.json', () => {
  const matches = (file, pattern) => [...new Set(Array.from(readFileSync(file, 'utf8').matchAll(pattern), ([, triple]) => triple))].sort();
  assert.deepEqual(matches(join(ROOT, '.github', 'workflows', 'node-release.yml'), /triple: ([\w-]+)/g), TRIPLES);
  assert.deepEqual(matches(join(PACKAGE, 'ts', 'native.ts'), /require\('@builderaikits\/sdk-([\w-]+)'\)/g), TRIPLES);
});
